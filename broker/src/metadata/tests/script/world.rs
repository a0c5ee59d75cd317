//! The cluster of the scripts: two controllers, their committed images, and a clock.

use std::{fmt::Write, sync::Arc, time::Duration};

use uuid::Uuid;

use super::{
    parse::{
        TOPIC_IDS, broker, change, election, feature_updates, format, heartbeat, isr_change, more_partitions,
        new_topic, new_voter, number, reassignments, registration, resource_changes, topic_ref, voter,
    },
    parse_access::{acl, acl_filter, new_token, quotas, scram, token_change},
    show::{short, show_answer, show_partition, show_record, show_shard_answer},
};
use crate::{
    config,
    metadata::{
        Image, Record, RootImage, Rules, ShardImage, Wish,
        controller::{Environment, Input, Output, RootController, ShardController, Standing, Timing},
        decide::{AllocateProducerIds, AlterConfigs, Answer, CreatePartitions, CreateTopics, TableRules},
        records::{decode, encode},
        shard::{AlterPartition, ShardAnswer, ShardWish},
        snapshot::{Reader, Snapshot, root_frames, shard_frames},
    },
};

const ME: i32 = 1;

pub const TIMING: Timing = Timing {
    session_timeout: Duration::from_secs(3),
    balance_interval: Some(Duration::from_secs(300)),
    proposal_bytes_max: 1 << 20,
};

pub struct World {
    now: Duration,
    config_rules: TableRules,
    ids: u128,
    root: Arc<RootImage>,
    /// What the shard's leader knows of root; newer only if root is not held back.
    root_at_shard: Arc<RootImage>,
    /// All that there were.
    roots: Vec<Arc<RootImage>>,
    shard: ShardImage,
    root_controller: RootController,
    shard_controller: ShardController,
    root_standing: Standing,
    shard_standing: Standing,
    root_output: Output<Answer>,
    shard_output: Output<ShardAnswer>,
    /// Entries are not committed until told.
    is_held: bool,
    is_root_held_back: bool,
    out: String,
}

impl World {
    pub fn new(rules: Rules) -> World {
        let mut world = World {
            now: Duration::from_secs(1000),
            config_rules: TableRules {
                broker: config::Broker::default(),
            },
            ids: TOPIC_IDS,
            root: Arc::default(),
            root_at_shard: Arc::default(),
            roots: Vec::new(),
            shard: ShardImage::default(),
            root_controller: RootController::new(ME, &TIMING, rules),
            shard_controller: ShardController::new(ME, 0, &TIMING, rules),
            root_standing: Standing::default(),
            shard_standing: Standing::default(),
            root_output: Output::default(),
            shard_output: Output::default(),
            is_held: false,
            is_root_held_back: false,
            out: String::new(),
        };
        world.stand("root", 1, ME);
        world.stand("shard", 1, ME);
        world
    }

    pub fn command(&mut self, command: &str) -> String {
        let (verb, rest) = command.split_once(' ').unwrap_or((command, ""));
        match verb {
            "show" => self.show(rest),
            "hold" => self.is_held = true,
            "commit" => self.is_held = false,
            "hold-root-back" => self.is_root_held_back = true,
            "let-root-on" => self.is_root_held_back = false,
            "see-root" => {
                let end: u64 = number(rest, "end", 0);
                let seen = self.roots.iter().find(|root| root.applied_end == end);
                self.root_at_shard = seen.expect("an index that was reached").clone();
                self.is_root_held_back = true;
            }
            "advance" => self.now += Duration::from_millis(number(rest, "ms", 0)),
            "lead" => {
                let group = rest.split_whitespace().next().unwrap();
                self.stand(group, number(rest, "term", 1), number(rest, "node", ME));
            }
            _ => self.ask(verb, rest),
        }
        self.settle();
        self.check_snapshots();
        std::mem::take(&mut self.out)
    }

    fn ask(&mut self, verb: &str, rest: &str) {
        let root = self.root.clone();
        let (node, broker_epoch) = broker(rest, &root);
        let shard_wish = match verb {
            "alter-isr" => Some(ShardWish::AlterPartition(AlterPartition {
                node,
                broker_epoch,
                partitions: rest.split(" ; ").map(|item| isr_change(item, &root)).collect(),
            })),
            "elect" => Some(ShardWish::ElectLeaders(election(rest, &root))),
            "reassign" => Some(ShardWish::AlterReassignments(reassignments(rest, &root))),
            _ => None,
        };
        if let Some(wish) = shard_wish {
            self.step_shard(Input::Asked { id: 0, wish });
            return;
        }
        let items: Vec<&str> = rest.split(" ; ").collect();
        let wish = match verb {
            "format" => Wish::Format(format(rest)),
            "register" => Wish::RegisterBroker(registration(rest)),
            "change" => Wish::ChangeBroker(change(rest, &root)),
            "heartbeat" => Wish::Heartbeat(heartbeat(rest, &root)),
            "unregister" => Wish::UnregisterBroker { node },
            "create" | "validate-create" => Wish::CreateTopics(CreateTopics {
                topics: items.into_iter().map(new_topic).collect(),
                validate_only: verb.starts_with("validate"),
            }),
            "delete" => Wish::DeleteTopics(rest.split_whitespace().map(topic_ref).collect()),
            "grow" | "validate-grow" => Wish::CreatePartitions(CreatePartitions {
                topics: items.into_iter().map(more_partitions).collect(),
                validate_only: verb.starts_with("validate"),
            }),
            "alter" | "validate-alter" => Wish::AlterConfigs(AlterConfigs {
                resources: items.into_iter().map(resource_changes).collect(),
                validate_only: verb.starts_with("validate"),
            }),
            "producer-ids" => Wish::AllocateProducerIds(AllocateProducerIds { node, broker_epoch }),
            "create-acls" => Wish::CreateAcls(items.into_iter().map(acl).collect()),
            "delete-acls" => Wish::DeleteAcls(items.into_iter().map(acl_filter).collect()),
            "scram" => Wish::AlterScram(scram(rest)),
            "quotas" | "validate-quotas" => Wish::AlterQuotas(quotas(rest, verb.starts_with("validate"))),
            "new-token" => Wish::CreateToken(new_token(rest)),
            "token" => Wish::ChangeToken(token_change(rest)),
            "sweep-tokens" => Wish::SweepTokens {
                now_ms: number(rest, "now", 0),
            },
            "add-voter" => Wish::AddVoter(new_voter(rest)),
            "remove-voter" => Wish::RemoveVoter(voter(rest)),
            "features" | "validate-features" => {
                Wish::UpdateFeatures(feature_updates(rest, verb.starts_with("validate")))
            }
            other => panic!("unknown command {other}"),
        };
        self.step_root(Input::Asked { id: 0, wish });
    }

    /// Leadership of one group, and of what was in flight only what is committed.
    fn stand(&mut self, group: &str, term: u32, leader: i32) {
        let standing = Standing {
            term,
            leader: Some(leader),
            is_leader: leader == ME,
            is_ready: leader == ME,
        };
        if group == "root" {
            self.root_standing = standing;
            self.root_output.proposal = None;
            self.step_root(Input::Stand(standing));
        } else {
            self.shard_standing = standing;
            self.shard_output.proposal = None;
            self.step_shard(Input::Stand(standing));
        }
    }

    /// Until nothing follows any more.
    fn settle(&mut self) {
        loop {
            if !self.is_root_held_back {
                self.root_at_shard = self.root.clone();
            }
            let proposed = (self.propose_root(), self.propose_shard());
            self.show_answers();
            if self.is_held {
                return;
            }
            let committed = (self.commit_root(), self.commit_shard());
            self.show_answers();
            if proposed == (false, false) && committed == (false, false) {
                return;
            }
        }
    }

    /// A snapshot at every index gives back the image (KAFKA-14618).
    fn check_snapshots(&self) {
        let read = |bytes: Vec<u8>| {
            let mut reader = Reader::new();
            reader.feed(&bytes).unwrap();
            reader.finish().unwrap()
        };
        let root = read(root_frames(&self.root).flatten().collect());
        assert_eq!(root, Snapshot::Root((*self.root).clone()));
        let shard = read(shard_frames(0, &self.shard, &self.root).flatten().collect());
        let kept = match self.shard.has_seen(&self.root) {
            true => self.shard.without_garbage(&self.root),
            false => self.shard.clone(),
        };
        assert_eq!(shard, Snapshot::Shard(0, kept));
    }

    fn propose_root(&mut self) -> bool {
        if !self.root_controller.wants_round(self.now, &self.root) {
            return false;
        }
        self.step_root(Input::Propose {
            index: self.root.applied_end,
        });
        true
    }

    fn propose_shard(&mut self) -> bool {
        self.step_shard(Input::Tick);
        if !self.shard_controller.wants_round() {
            return false;
        }
        self.step_shard(Input::Propose {
            index: self.shard.applied_end,
        });
        true
    }

    fn commit_root(&mut self) -> bool {
        let Some(value) = self.root_output.proposal.take() else {
            return false;
        };
        let (index, term) = (self.root.applied_end, self.root_standing.term);
        let records = self.show_entry("", index, &value);
        let image = RootImage::clone(&self.root).after_entry(index, term, &records);
        self.root = Arc::new(image.expect("a decision fits"));
        self.roots.push(self.root.clone());
        self.step_root(Input::Applied { index, term });
        true
    }

    fn commit_shard(&mut self) -> bool {
        let Some(value) = self.shard_output.proposal.take() else {
            return false;
        };
        let (index, term) = (self.shard.applied_end, self.shard_standing.term);
        let records = self.show_entry("s ", index, &value);
        let image = self.shard.clone().after_entry(index, term, &records);
        self.shard = image.expect("a decision fits");
        self.step_shard(Input::Applied { index, term });
        true
    }

    fn show_entry(&mut self, group: &str, index: u64, value: &[u8]) -> Vec<Record> {
        let records = decode(value).unwrap();
        assert_eq!(&encode(&records)[..], value, "records survive their bytes");
        for record in &records {
            writeln!(self.out, "{group}{index}: {}", show_record(record)).unwrap();
        }
        records
    }

    fn step_root(&mut self, input: Input<Wish>) {
        let ids = &mut self.ids;
        let mut uuids = || {
            *ids += 1;
            Uuid::from_u128(*ids)
        };
        let mut environment = Environment {
            config_rules: &self.config_rules,
            uuids: &mut uuids,
            may_grow: true,
        };
        let output = &mut self.root_output;
        let stepped = self
            .root_controller
            .step(self.now, input, &self.root, &mut environment, output);
        stepped.expect("a decision fits");
    }

    fn step_shard(&mut self, input: Input<ShardWish>) {
        let (root, output) = (&self.root_at_shard, &mut self.shard_output);
        let stepped = self
            .shard_controller
            .step(self.now, input, root, &self.shard, &self.config_rules, output);
        stepped.expect("a decision fits");
    }

    fn show_answers(&mut self) {
        for (_, answer) in self.root_output.answers.drain(..) {
            match answer {
                Ok(answer) => show_answer(&answer, &mut self.out),
                Err(error) => writeln!(self.out, "refused {error}").unwrap(),
            }
        }
        for (_, answer) in self.shard_output.answers.drain(..) {
            match answer {
                Ok(answer) => show_shard_answer(&answer, &mut self.out),
                Err(error) => writeln!(self.out, "refused {error}").unwrap(),
            }
        }
    }

    fn show(&mut self, name: &str) {
        let mut image = Image {
            root: self.root.clone(),
            ..Image::default()
        };
        image.set_shard(0, Arc::new(self.shard.clone()));
        let topic = image.topic_named(name).expect("a topic");
        writeln!(
            self.out,
            "{} id={} {:?}",
            topic.name,
            short(topic.topic_id),
            topic.configs
        )
        .unwrap();
        for (number, partition) in image.partitions(topic) {
            writeln!(self.out, "  {number} {}", show_partition(partition)).unwrap();
        }
    }
}
