//! Goal: rounds stay within what one entry may hold and go on where they stopped, and a controller wakes when time alone
//! gives it something to do.

use std::{sync::Arc, time::Duration};

use corelane_protocol::error_code::ErrorCode;
use uuid::Uuid;

use super::image::{topic, topic_id};
use crate::{
    config,
    metadata::{
        Answer, PartitionKey, Record, RootImage, Rules, ShardImage, Wish, WishError,
        controller::{Environment, Input, Output, RootController, ShardController, Standing, Timing},
        decide::{
            AllocateProducerIds, AlterConfigs, AlterQuotas, AlterScram, ConfigChange, ConfigOp, CreateTopics,
            Heartbeat, NewTopic, QuotaChange, RECORDS_PER_WISH_MAX, Resource, TableRules, TopicRef,
        },
        records::{Acl, BrokerChange, Format, RegisterBroker, ScramRecord, decode},
        shard::{AlterPartition, IsrChange, ShardAnswer, ShardWish},
    },
};

const SESSION: Duration = Duration::from_secs(3);
const BALANCE: Duration = Duration::from_secs(300);
const START: Duration = Duration::from_secs(50);

fn timing(proposal_bytes_max: usize) -> Timing {
    Timing {
        session_timeout: SESSION,
        balance_interval: Some(BALANCE),
        proposal_bytes_max,
    }
}

fn config_rules() -> TableRules {
    TableRules {
        broker: config::Broker::default(),
    }
}

const LEADS: Standing = Standing {
    term: 4,
    leader: Some(1),
    is_leader: true,
    is_ready: true,
};

fn register(node: i32) -> Record {
    RegisterBroker {
        node,
        incarnation: 1,
        storage_id: Uuid::from_u128(node as u128),
        endpoints: vec![],
        rack: None,
        features: vec![],
        broker_epoch: None,
        fenced: false,
    }
    .into()
}

/// Brokers 1 and 2 that live, and a topic that broker 1 leads, all in one shard.
fn root(partitions: usize) -> RootImage {
    let format = Format {
        cluster_id: Uuid::from_u128(7),
        shards: 1,
    };
    let mut made = topic(1, partitions, 1);
    let Record::TopicRecord(record) = &mut made else {
        unreachable!()
    };
    for slots in &mut record.partitions {
        let mut second = slots[0];
        (second.node, second.storage_id, second.broker_epoch) = (2, Uuid::from_u128(2), 2);
        slots.push(second);
    }
    [vec![format.into()], vec![register(1)], vec![register(2)], vec![made]]
        .into_iter()
        .zip(0..)
        .fold(RootImage::default(), |image, (records, index)| {
            image.after_entry(index, 4, &records).unwrap()
        })
}

fn fence(root: RootImage, node: i32, fenced: bool) -> RootImage {
    let change = BrokerChange {
        node,
        broker_epoch: node as u64,
        fenced: Some(fenced),
        in_controlled_shutdown: None,
    };
    let index = root.applied_end;
    root.after_entry(index, 4, &[change.into()]).unwrap()
}

struct Shard {
    controller: ShardController,
    root: Arc<RootImage>,
    image: ShardImage,
    output: Output<ShardAnswer>,
}

impl Shard {
    fn new(partitions: usize, bytes_max: usize) -> Shard {
        Shard {
            controller: ShardController::new(1, 0, &timing(bytes_max), Rules::production()),
            root: Arc::new(root(partitions)),
            image: ShardImage::default(),
            output: Output::default(),
        }
    }

    fn step(&mut self, now: Duration, input: Input<ShardWish>) {
        let rules = config_rules();
        let stepped = self
            .controller
            .step(now, input, &self.root, &self.image, &rules, &mut self.output);
        stepped.unwrap();
    }

    /// Rounds until nothing is to be done; how many records each had.
    fn rounds(&mut self, now: Duration, bytes_max: usize) -> Vec<usize> {
        let mut rounds = Vec::new();
        self.step(now, Input::Tick);
        while self.controller.wants_round() {
            let index = self.image.applied_end;
            self.step(now, Input::Propose { index });
            let Some(value) = self.output.proposal.take() else {
                continue;
            };
            assert!(value.len() <= bytes_max, "{} bytes", value.len());
            assert!(!self.controller.wants_round(), "one proposal is in flight");
            let records = decode(&value).unwrap();
            let is_state = |record: &&Record| matches!(record, Record::PartitionRecord(_));
            rounds.push(records.iter().filter(is_state).count());
            self.image = std::mem::take(&mut self.image).after_entry(index, 4, &records).unwrap();
            self.step(now, Input::Applied { index, term: 4 });
        }
        rounds
    }
}

#[test]
fn a_fenced_broker_with_many_partitions_takes_as_many_rounds_as_needed() {
    let mut shard = Shard::new(50, 2000);
    shard.step(START, Input::Stand(LEADS));
    assert_eq!(shard.rounds(START, 2000), Vec::<usize>::new(), "all is as it should be");
    shard.root = Arc::new(fence((*shard.root).clone(), 1, true));
    let rounds = shard.rounds(START, 2000);
    assert!(rounds.len() > 3, "{rounds:?}");
    assert_eq!(rounds.iter().sum::<usize>(), 50);
    assert!(shard.image.iter().all(|(_, state)| state.leader.unwrap().node == 2));

    // It is back and in the ISRs again: at the next balance it gets its leaderships, in as many rounds.
    shard.root = Arc::new(fence((*shard.root).clone(), 1, false));
    let partitions = (0..50).map(|partition| IsrChange {
        key: PartitionKey {
            topic_id: topic_id(1),
            partition,
        },
        leader_epoch: 1,
        partition_epoch: 1,
        new_isr: vec![(1, Uuid::from_u128(1)), (2, Uuid::from_u128(2))],
        recovered: false,
    });
    let asked = |changes: Vec<IsrChange>| {
        let (node, broker_epoch) = (2, 2);
        let (id, partitions) = (7, changes);
        let wish = ShardWish::AlterPartition(AlterPartition {
            node,
            broker_epoch,
            partitions,
        });
        Input::Asked { id, wish }
    };
    let partitions: Vec<IsrChange> = partitions.collect();
    shard.step(START, asked(partitions.clone()));
    assert_eq!(shard.rounds(START, 2000), Vec::<usize>::new());
    let (_, refused) = shard.output.answers.pop().unwrap();
    assert_eq!(
        refused.unwrap_err().code,
        ErrorCode::POLICY_VIOLATION,
        "more than an entry may hold"
    );
    for some in partitions.chunks(5) {
        shard.step(START, asked(some.to_vec()));
    }
    assert!(
        shard.rounds(START, 2000).len() > 3,
        "what does not fit goes into the next round"
    );
    assert_eq!(shard.output.answers.len(), 10);
    assert_eq!(shard.controller.next_wake(), Some(START + BALANCE));
    let later = START + BALANCE;
    let rounds = shard.rounds(later, 2000);
    assert!(rounds.len() > 3 && rounds.iter().sum::<usize>() == 50, "{rounds:?}");
    assert!(shard.image.iter().all(|(_, state)| state.leader.unwrap().node == 1));
    assert_eq!(shard.controller.next_wake(), Some(later + BALANCE));
}

#[test]
fn a_shard_that_is_not_led_here_does_nothing() {
    let mut shard = Shard::new(3, 2000);
    shard.root = Arc::new(fence((*shard.root).clone(), 1, true));
    assert_eq!(shard.rounds(START, 2000), Vec::<usize>::new());
    assert_eq!(shard.controller.next_wake(), None);
    // Nobody is known to lead: whoever asks waits. Then it is another node.
    let wish = ShardWish::AlterPartition(AlterPartition {
        node: 2,
        broker_epoch: 2,
        partitions: vec![],
    });
    shard.step(START, Input::Asked { id: 3, wish });
    assert!(shard.output.answers.is_empty());
    let other = Standing {
        term: 3,
        leader: Some(2),
        ..Standing::default()
    };
    shard.step(START, Input::Stand(other));
    let (id, answer) = shard.output.answers.pop().unwrap();
    assert_eq!((id, answer.unwrap_err().code), (3, ErrorCode::NOT_CONTROLLER));
    shard.step(START, Input::Stand(LEADS));
    assert_eq!(shard.rounds(START, 2000), vec![3]);
    // Defaults of configs changed: all are looked at, and fit.
    shard.controller.look_again();
    shard.step(START, Input::Tick);
    assert!(shard.controller.wants_round());
    assert_eq!(shard.rounds(START, 2000), Vec::<usize>::new());
}

struct Root {
    controller: RootController,
    image: RootImage,
    output: Output<Answer>,
    ids: u128,
    may_grow: bool,
}

impl Root {
    fn step(&mut self, now: Duration, input: Input<Wish>) {
        let rules = config_rules();
        let ids = &mut self.ids;
        let mut environment = Environment {
            config_rules: &rules,
            uuids: &mut || {
                *ids += 1;
                Uuid::from_u128(*ids << 64)
            },
            may_grow: self.may_grow,
        };
        let output = &mut self.output;
        let stepped = self.controller.step(now, input, &self.image, &mut environment, output);
        stepped.unwrap();
    }

    fn round(&mut self, now: Duration) -> Vec<Record> {
        let index = self.image.applied_end;
        self.step(now, Input::Propose { index });
        let records = self
            .output
            .proposal
            .take()
            .map_or(vec![], |value| decode(&value).unwrap());
        if !records.is_empty() {
            self.image = std::mem::take(&mut self.image).after_entry(index, 4, &records).unwrap();
            self.step(now, Input::Applied { index, term: 4 });
        }
        records
    }

    fn answers(&mut self) -> Vec<(u64, Result<Answer, WishError>)> {
        std::mem::take(&mut self.output.answers)
    }
}

#[test]
fn root_wakes_when_a_session_ends_and_fences_once() {
    let mut root = Root {
        controller: RootController::new(1, &timing(4096), Rules::production()),
        image: root(1),
        output: Output::default(),
        ids: 1,
        may_grow: true,
    };
    assert_eq!(root.controller.next_wake(), None);
    root.step(START, Input::Stand(LEADS));
    assert_eq!(root.controller.next_wake(), Some(START + SESSION));
    let heard = START + SESSION / 2;
    let heartbeat = Heartbeat {
        node: 2,
        broker_epoch: 2,
        root_applied_end: 3,
        shards_ready: true,
        want_fence: false,
        want_shutdown: false,
    };
    let wish = Wish::Heartbeat(heartbeat);
    root.step(heard, Input::Asked { id: 1, wish });
    assert_eq!(root.round(heard), vec![]);
    assert_eq!(root.answers().len(), 1);
    let first = START + SESSION;
    root.step(first, Input::Tick);
    assert!(root.controller.wants_round(first, &root.image));
    assert_eq!(root.round(first).len(), 1);
    assert!(root.image.broker(1).unwrap().fenced && !root.image.broker(2).unwrap().fenced);
    assert_eq!(root.round(first), vec![], "it is fenced already");
    assert_eq!(root.round(heard + SESSION).len(), 1);
}

/// On a full disk nothing is added; what makes room is decided.
#[test]
fn a_full_disk_takes_deletions() {
    let mut root = Root {
        controller: RootController::new(1, &timing(4096), Rules::production()),
        image: root(1),
        output: Output::default(),
        ids: 1,
        may_grow: false,
    };
    root.step(START, Input::Stand(LEADS));
    let quota = Wish::AlterQuotas(AlterQuotas {
        changes: vec![],
        validate_only: false,
    });
    let shorter = |key: &str| {
        let change = ConfigChange {
            key: key.to_string(),
            op: ConfigOp::Set,
            value: Some("60000".to_string()),
        };
        let name = root.image.topics().next().expect("one").name.clone();
        Wish::AlterConfigs(AlterConfigs {
            resources: vec![(Resource::Topic(name.to_string()), vec![change])],
            validate_only: false,
        })
    };
    let (retention, segments) = (shorter("retention.ms"), shorter("segment.ms"));
    let delete = Wish::DeleteTopics(vec![TopicRef::Id(topic_id(1))]);
    for (id, wish) in [(1, quota), (2, segments), (3, retention), (4, delete)] {
        root.step(START, Input::Asked { id, wish });
    }
    assert!(!root.round(START).is_empty());
    let answers = root.answers();
    let code = |at: usize| answers[at].1.as_ref().err().map(|refused| refused.code);
    assert_eq!([code(0), code(1)], [Some(ErrorCode::KAFKA_STORAGE_ERROR); 2]);
    assert_eq!([code(2), code(3)], [None; 2]);
    assert!(root.image.topics().next().is_none());
}

/// A wish that would make too much at once is refused as a whole.
#[test]
fn what_is_excessive_is_refused() {
    let mut root = Root {
        controller: RootController::new(1, &timing(1 << 22), Rules::production()),
        image: root(1),
        output: Output::default(),
        ids: 1,
        may_grow: true,
    };
    root.step(START, Input::Stand(LEADS));
    let acl = |number: usize| Acl {
        resource_type: 2,
        resource_name: number.to_string(),
        pattern_type: 3,
        principal: "User:a".into(),
        host: "*".into(),
        operation: 3,
        permission: 3,
    };
    let credential = |number: usize| ScramRecord {
        user: number.to_string(),
        mechanism: 1,
        salt: vec![],
        stored_key: vec![],
        server_key: vec![],
        iterations: 4096,
    };
    let quota = |number: usize| QuotaChange {
        entity: vec![("user".into(), Some(number.to_string()))],
        key: "producer_byte_rate".into(),
        value: Some(1.0),
    };
    let more = RECORDS_PER_WISH_MAX + 1;
    let wishes = [
        Wish::CreateAcls((0..more).map(acl).collect()),
        Wish::AlterScram(AlterScram {
            removals: vec![],
            upserts: (0..more).map(credential).collect(),
        }),
        Wish::AlterQuotas(AlterQuotas {
            changes: (0..more).map(quota).collect(),
            validate_only: false,
        }),
    ];
    for wish in wishes {
        root.step(START, Input::Asked { id: 1, wish });
        assert_eq!(root.round(START), vec![]);
        let (_, answer) = root.answers().remove(0);
        assert_eq!(answer.unwrap_err().code, ErrorCode::POLICY_VIOLATION);
    }
}

/// Wishes that do not fit into one entry together are decided one entry after the other, in order.
#[test]
fn a_round_is_full_and_the_next_goes_on() {
    let mut root = Root {
        controller: RootController::new(1, &timing(4096), Rules::production()),
        image: root(1),
        output: Output::default(),
        ids: 1,
        may_grow: true,
    };
    root.step(START, Input::Stand(LEADS));
    let create = |name: &str, num_partitions| {
        let topic = NewTopic {
            name: name.into(),
            num_partitions,
            replication_factor: 1,
            assignments: vec![],
            configs: vec![],
        };
        Wish::CreateTopics(CreateTopics {
            topics: vec![topic],
            validate_only: false,
        })
    };
    for (id, (name, partitions)) in [("a", 60), ("b", 60), ("huge", 500), ("a", 1)].into_iter().enumerate() {
        let (id, wish) = (id as u64, create(name, partitions));
        root.step(START, Input::Asked { id, wish });
    }
    assert_eq!(root.round(START).len(), 1);
    assert_eq!(root.answers().len(), 1);
    assert_eq!(root.round(START).len(), 1);
    let answers = root.answers();
    let ids: Vec<u64> = answers.iter().map(|(id, _)| *id).collect();
    assert_eq!(
        ids,
        [1, 2, 3],
        "refusals are told with the round that they may depend on"
    );
    assert_eq!(answers[1].1.as_ref().unwrap_err().code, ErrorCode::POLICY_VIOLATION);
    assert!(root.image.topic_named("b").is_some());
    // A late word of an entry of another term is nobody's answer.
    let wish = Wish::AllocateProducerIds(AllocateProducerIds {
        node: 1,
        broker_epoch: 1,
    });
    root.step(START, Input::Asked { id: 9, wish });
    let index = root.image.applied_end;
    root.step(START, Input::Propose { index });
    root.step(START, Input::Applied { index, term: 3 });
    assert!(root.answers().is_empty());
}
