//! Five brokers, one partition, the root controller and three that may lead the shard.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use uuid::Uuid;

use super::{
    Met, Random,
    replica::{Disk, Leadership, Process},
};
use crate::{
    config,
    metadata::{
        PartitionKey, RootImage, Rules, ShardImage, Wish,
        controller::{Environment, Input, Output, RootController, ShardController, Standing, Timing},
        decide::{
            AlterConfigs, Answer, ChangeBroker, ConfigChange, ConfigOp, CreateTopics, FormatCluster, NewTopic,
            Registration, Resource, TableRules,
        },
        records::{PartitionState, decode},
        shard::{AlterPartition, AlterReassignments, ElectLeaders, ElectionType, IsrChange, ShardAnswer, ShardWish},
    },
};

pub const KEY: PartitionKey = PartitionKey {
    topic_id: Uuid::from_u128(1 << 64),
    partition: 0,
};
const NODES: i32 = 5;
const SHARD_LEADERS: usize = 3;
const NOW: Duration = Duration::from_secs(100);
/// Nobody's session ends by itself: who is fenced is drawn.
const TIMING: Timing = Timing {
    session_timeout: Duration::MAX,
    balance_interval: None,
    proposal_bytes_max: 1 << 20,
};

pub struct Cluster {
    random: Random,
    config_rules: TableRules,
    root_controller: RootController,
    /// As after each entry.
    roots: Vec<Arc<RootImage>>,
    shard_leaders: Vec<(ShardController, usize)>,
    shard_leader: usize,
    term: u32,
    shard: ShardImage,
    /// All states that the partition ever had.
    states: Vec<Arc<PartitionState>>,
    processes: Vec<Process>,
    disks: BTreeMap<u128, Disk>,
    disks_made: u128,
    /// Wishes of leaders on their way.
    sent: Vec<(i32, u64, IsrChange)>,
    /// Records that were committed: the leader epoch of each.
    committed: Vec<i32>,
}

impl Cluster {
    pub fn new(seed: u64, rules: Rules) -> Cluster {
        let shard_leaders =
            (0..SHARD_LEADERS).map(|leader| (ShardController::new(leader as i32, 0, &TIMING, rules), 0));
        let mut cluster = Cluster {
            random: Random::new(seed),
            config_rules: TableRules {
                broker: config::Broker::default(),
            },
            root_controller: RootController::new(0, &TIMING, rules),
            roots: vec![Arc::default()],
            shard_leaders: shard_leaders.collect(),
            shard_leader: 0,
            term: 0,
            shard: ShardImage::default(),
            states: Vec::new(),
            processes: Vec::new(),
            disks: BTreeMap::new(),
            disks_made: 0,
            sent: Vec::new(),
            committed: Vec::new(),
        };
        cluster.found();
        cluster
    }

    fn found(&mut self) {
        self.step_root(Input::Stand(standing(1, 0)));
        self.ask_root(Wish::Format(FormatCluster {
            cluster_id: Uuid::from_u128(5),
            shards: 1,
            features: vec![],
        }));
        for node in 1..=NODES {
            let storage = self.new_disk();
            self.processes.push(Process {
                node,
                storage,
                incarnation: 0,
                broker_epoch: None,
                seen: 0,
                leads: None,
            });
            self.start(node);
            self.set_broker(node, Some(false), None);
        }
        let min_isr = 1 + self.random.below(3);
        let topic = NewTopic {
            name: "t".into(),
            num_partitions: -1,
            replication_factor: -1,
            assignments: vec![(0, vec![1, 2, 3])],
            configs: vec![("min.insync.replicas".into(), Some(min_isr.to_string()))],
        };
        self.ask_root(Wish::CreateTopics(CreateTopics {
            topics: vec![topic],
            validate_only: false,
        }));
        let initial = self.root().topic(KEY.topic_id).expect("it was made").initial[0].clone();
        self.states.push(initial);
        self.lead_shard(0);
    }

    fn root(&self) -> &Arc<RootImage> {
        self.roots.last().expect("there is a first")
    }

    fn state(&self) -> &Arc<PartitionState> {
        self.states.last().expect("there is a first")
    }

    fn new_disk(&mut self) -> u128 {
        self.disks_made += 1;
        let disk = Disk {
            log: Vec::new(),
            floor: -1,
        };
        self.disks.insert(self.disks_made, disk);
        self.disks_made
    }

    /// One thing happens somewhere.
    pub fn step(&mut self, met: &mut Met) {
        let node = 1 + self.random.below(NODES as usize) as i32;
        let other = 1 + self.random.below(NODES as usize) as i32;
        // Some seeds are calm, others are not.
        let storm = [300, 1000, 4000][self.random.calm];
        match self.random.below(storm) {
            0..=7 => self.set_broker(node, Some(true), None),
            8..=30 => self.set_broker(node, Some(false), None),
            31..=32 => self.set_broker(node, None, Some(true)),
            33..=36 => self.restart(node, met),
            37..=39 => self.wipe(node, met),
            40..=42 => self.change_min_isr(met),
            43..=46 => self.reassign(met),
            47..=50 => {
                let election = ElectionType::Preferred;
                let partitions = vec![KEY];
                self.ask_shard(ShardWish::ElectLeaders(ElectLeaders { election, partitions }), met);
            }
            51..=54 => {
                let leader = self.random.below(SHARD_LEADERS);
                self.lead_shard(leader);
                self.run_shard(met);
            }
            _ => self.step_on(node, other, met),
        }
    }

    fn step_on(&mut self, node: i32, other: i32, met: &mut Met) {
        match self.random.below(100) {
            0..=15 => self.produce(node),
            16..=45 => self.replicate(node, other),
            46..=60 => self.advance(node, met),
            61..=75 => self.see_newer_state(node, met),
            76..=83 => self.propose(node, other),
            84..=93 => self.deliver(met),
            _ => {
                let (_, seen) = self.shard_leaders[self.shard_leader];
                let seen = (seen + 1 + self.random.below(3)).min(self.roots.len() - 1);
                self.shard_leaders[self.shard_leader].1 = seen;
                self.run_shard(met);
            }
        }
    }

    /// All live and know everything: somebody leads, if anybody holds what was committed, and the ISR is whole again.
    pub fn heal(&mut self, met: &mut Met) {
        for node in 1..=NODES {
            self.start(node);
            self.set_broker(node, Some(false), None);
        }
        for _ in 0..50 {
            self.shard_leaders[self.shard_leader].1 = self.roots.len() - 1;
            self.run_shard(met);
            for node in 1..=NODES {
                self.processes[node as usize - 1].seen = self.states.len() - 1;
                self.adopt(node, met);
            }
            let Some(leader) = self.state().leader.map(|leader| leader.node) else {
                break;
            };
            for node in 1..=NODES {
                self.replicate(leader, node);
                self.advance(leader, met);
                if !self.state().isr.contains(&node) {
                    self.propose(leader, node);
                    while !self.sent.is_empty() {
                        self.deliver(met);
                    }
                }
            }
        }
        // A disk that holds everything was never taken while no other did.
        let state = self.state().clone();
        assert!(state.leader.is_some(), "somebody can lead: {state:?}");
        assert_eq!(state.isr.len(), state.replicas.len(), "the ISR is whole: {state:?}");
        assert!(!state.is_reassigning(), "reassignments end: {state:?}");
    }

    fn produce(&mut self, node: i32) {
        let process = &self.processes[node as usize - 1];
        if let Some(leadership) = &process.leads {
            let log = &mut self.disks.get_mut(&process.storage).expect("its disk").log;
            log.push(leadership.epoch);
        }
    }

    /// The follower takes the leader's log over, unless it took part in a newer epoch.
    fn replicate(&mut self, leader: i32, follower: i32) {
        let (from, to) = (
            &self.processes[leader as usize - 1],
            &self.processes[follower as usize - 1],
        );
        let Some(leadership) = from.leads.as_ref().filter(|_| leader != follower) else {
            return;
        };
        let (epoch, log) = (leadership.epoch, self.disks[&from.storage].log.clone());
        let member = (follower, to.storage_id());
        let disk = self.disks.get_mut(&to.storage).expect("its disk");
        if disk.floor > epoch || to.leads.as_ref().is_some_and(|led| led.epoch >= epoch) {
            return;
        }
        disk.floor = epoch;
        disk.log = log;
        let end = disk.log.len();
        let from = &mut self.processes[leader as usize - 1];
        let leadership = from.leads.as_mut().expect("it leads");
        leadership.matched.insert(member, end);
        self.processes[follower as usize - 1].leads = None;
    }

    /// The leader commits what all have who count.
    fn advance(&mut self, node: i32, met: &mut Met) {
        let process = &mut self.processes[node as usize - 1];
        let (state, log) = (&self.states[process.seen], &self.disks[&process.storage].log);
        let Some(leadership) = &mut process.leads else {
            return;
        };
        let Some(end) = leadership.committed_end(state, node, log.len()) else {
            return;
        };
        leadership.high_watermark = leadership.high_watermark.max(end);
        let shared = end.min(self.committed.len());
        assert_eq!(
            log[..shared],
            self.committed[..shared],
            "node {node} contradicts what was committed"
        );
        if end > self.committed.len() {
            met.committed += end - self.committed.len();
            self.committed = log[..end].to_vec();
        }
    }

    fn see_newer_state(&mut self, node: i32, met: &mut Met) {
        let process = &mut self.processes[node as usize - 1];
        if process.seen + 1 < self.states.len() {
            process.seen += 1;
            self.adopt(node, met);
        }
    }

    /// Leads, follows, or waits, as the state says that it has seen.
    fn adopt(&mut self, node: i32, met: &mut Met) {
        let process = &mut self.processes[node as usize - 1];
        let state = &self.states[process.seen];
        let disk = self.disks.get_mut(&process.storage).expect("its disk");
        let goes_on = process
            .leads
            .as_ref()
            .is_some_and(|led| led.epoch == state.leader_epoch);
        if !process.may_lead(state) {
            if state.leader_epoch > disk.floor {
                process.leads = None;
            }
            return;
        }
        if let Some(leadership) = process.leads.as_mut().filter(|_| goes_on) {
            leadership.proposed = None;
            return;
        }
        if state.leader_epoch <= disk.floor {
            return;
        }
        met.elections += 1;
        let is_newest = state.leader_epoch == self.states.last().expect("a state").leader_epoch;
        let held = disk.log.len().min(self.committed.len());
        assert!(
            !is_newest || disk.log[..held] == self.committed[..],
            "node {node} leads without what was committed: {state:?}"
        );
        disk.floor = state.leader_epoch;
        process.leads = Some(Leadership {
            epoch: state.leader_epoch,
            epoch_start: disk.log.len(),
            matched: BTreeMap::new(),
            high_watermark: 0,
            proposed: None,
        });
    }

    fn propose(&mut self, leader: i32, node: i32) {
        let disk_of = self.processes[node as usize - 1].storage_id();
        let process = &mut self.processes[leader as usize - 1];
        let (state, me) = (&self.states[process.seen], (leader, process.storage_id()));
        let broker_epoch = process.broker_epoch.unwrap_or(0);
        let Some(leadership) = process.leads.as_mut().filter(|_| leader != node) else {
            return;
        };
        if state.replica(node).is_some() && leadership.epoch == state.leader_epoch {
            let change = leadership.propose(state, node, disk_of, me);
            self.sent.extend(change.map(|change| (leader, broker_epoch, change)));
        }
    }

    /// Any of the wishes arrives, perhaps not for the last time.
    fn deliver(&mut self, met: &mut Met) {
        if self.sent.is_empty() {
            return;
        }
        let at = self.random.below(self.sent.len());
        let (node, broker_epoch, change) = match self.random.below(4) {
            0 => self.sent[at].clone(),
            _ => self.sent.swap_remove(at),
        };
        let partitions = vec![change];
        let wish = AlterPartition {
            node,
            broker_epoch,
            partitions,
        };
        self.ask_shard(ShardWish::AlterPartition(wish), met);
    }

    /// A new process on the disk of before; what it has seen of the shard's log may be less than its predecessor had.
    fn start(&mut self, node: i32) {
        let process = &mut self.processes[node as usize - 1];
        process.incarnation += 1;
        process.leads = None;
        process.seen = self.random.below(process.seen + 1);
        let registration = Registration {
            node,
            incarnation: process.incarnation,
            storage_id: process.storage_id(),
            endpoints: vec![],
            rack: None,
            features: vec![],
        };
        self.ask_root(Wish::RegisterBroker(registration));
        let epoch = self.root().broker(node).map(|broker| broker.broker_epoch);
        self.processes[node as usize - 1].broker_epoch = epoch;
    }

    fn restart(&mut self, node: i32, met: &mut Met) {
        met.restarts += 1;
        self.start(node);
    }

    /// A disk is lost, but never the last one that is known to hold everything. The shard's leader hears of it at once: until
    /// then it might let the last one go, as it would with any two failures at a time.
    fn wipe(&mut self, node: i32, met: &mut Met) {
        let state = self.state();
        let holds = |member: &&i32| {
            let process = &self.processes[**member as usize - 1];
            **member != node
                && state
                    .replica(**member)
                    .is_some_and(|slot| slot.storage_id == process.storage_id())
        };
        if !state.isr.iter().chain(&state.elr).any(|member| holds(&member)) {
            return;
        }
        met.wipes += 1;
        // Its predecessor is no more: nobody needs to wait for its session.
        self.set_broker(node, None, Some(true));
        let storage = self.new_disk();
        let process = &mut self.processes[node as usize - 1];
        process.storage = storage;
        process.seen = 0;
        self.start(node);
        self.shard_leaders[self.shard_leader].1 = self.roots.len() - 1;
        self.run_shard(met);
    }

    fn set_broker(&mut self, node: i32, fenced: Option<bool>, in_controlled_shutdown: Option<bool>) {
        let broker_epoch = self.root().broker(node).map_or(0, |broker| broker.broker_epoch);
        self.ask_root(Wish::ChangeBroker(ChangeBroker {
            node,
            broker_epoch,
            fenced,
            in_controlled_shutdown,
        }));
    }

    fn change_min_isr(&mut self, met: &mut Met) {
        met.min_isr_changes += 1;
        let change = ConfigChange {
            key: "min.insync.replicas".into(),
            op: ConfigOp::Set,
            value: Some((1 + self.random.below(3)).to_string()),
        };
        self.ask_root(Wish::AlterConfigs(AlterConfigs {
            resources: vec![(Resource::Topic("t".into()), vec![change])],
            validate_only: false,
        }));
    }

    fn reassign(&mut self, met: &mut Met) {
        let first = self.random.below(NODES as usize) as i32;
        let count = 1 + self.random.below(4) as i32;
        let nodes = (0..count).map(|at| 1 + (first + at) % NODES).collect();
        let cancels = self.random.below(3) == 0;
        let was_reassigning = self.state().is_reassigning();
        let wish = ShardWish::AlterReassignments(AlterReassignments {
            partitions: vec![(KEY, (!cancels).then_some(nodes))],
            allow_replication_factor_change: true,
        });
        self.ask_shard(wish, met);
        if cancels && was_reassigning && !self.state().is_reassigning() {
            met.cancelled += 1;
        }
    }

    fn ask_root(&mut self, wish: Wish) {
        self.step_root(Input::Asked { id: 0, wish });
        let index = self.root().applied_end;
        if let Some(value) = self.step_root(Input::Propose { index }).proposal {
            let records = decode(&value).expect("what was encoded");
            let image = RootImage::clone(self.root()).after_entry(index, 1, &records);
            self.roots.push(Arc::new(image.expect("a decision fits")));
            self.step_root(Input::Applied { index, term: 1 });
        }
    }

    fn step_root(&mut self, input: Input<Wish>) -> Output<Answer> {
        let root = self.root().clone();
        let mut output = Output::default();
        let mut environment = Environment {
            config_rules: &self.config_rules,
            uuids: &mut || KEY.topic_id,
        };
        let stepped = self
            .root_controller
            .step(NOW, input, &root, &mut environment, &mut output);
        stepped.expect("a decision fits");
        output
    }

    /// Another node leads the shard, and knows of root what it knows.
    fn lead_shard(&mut self, leader: usize) {
        self.term += 1;
        let known = self.roots.len() - 1;
        for at in 0..SHARD_LEADERS {
            let mut standing = standing(self.term, leader as i32);
            (standing.is_leader, standing.is_ready) = (at == leader, at == leader);
            self.step_shard(at, Input::Stand(standing));
        }
        self.shard_leader = leader;
        let lag = [8, 80][self.random.below(2)];
        let seen = &mut self.shard_leaders[leader].1;
        *seen = (*seen).max(known.saturating_sub(self.random.below(lag)));
    }

    fn ask_shard(&mut self, wish: ShardWish, met: &mut Met) {
        // Whoever asks may take another node for the leader.
        let asked = if self.random.below(10) == 0 {
            self.random.below(SHARD_LEADERS)
        } else {
            self.shard_leader
        };
        let output = self.step_shard(asked, Input::Asked { id: 0, wish });
        met.refused += output.answers.len();
        self.run_shard(met);
    }

    fn run_shard(&mut self, met: &mut Met) {
        let leader = self.shard_leader;
        self.step_shard(leader, Input::Tick);
        while self.shard_leaders[leader].0.wants_round() {
            let index = self.shard.applied_end;
            let output = self.step_shard(leader, Input::Propose { index });
            met.refused += refusals(&output);
            let Some(value) = output.proposal else {
                continue;
            };
            let records = decode(&value).expect("what was encoded");
            self.shard = std::mem::take(&mut self.shard)
                .after_entry(index, self.term, &records)
                .expect("a decision fits");
            self.note_state(met);
            let term = self.term;
            let output = self.step_shard(leader, Input::Applied { index, term });
            met.refused += refusals(&output);
        }
    }

    fn note_state(&mut self, met: &mut Met) {
        let next = self.shard.get(&KEY).expect("it was changed").clone();
        let held = self.state();
        met.leaderless += usize::from(next.leader.is_none());
        let elected = next
            .leader
            .filter(|leader| held.elr.contains(&leader.node) && held.leader != next.leader);
        met.from_elr += usize::from(elected.is_some());
        met.reassigned += usize::from(held.is_reassigning() && !next.is_reassigning());
        self.states.push(next);
    }

    fn step_shard(&mut self, at: usize, input: Input<ShardWish>) -> Output<ShardAnswer> {
        let (controller, seen) = &mut self.shard_leaders[at];
        let mut output = Output::default();
        let root = &self.roots[*seen];
        let stepped = controller.step(NOW, input, root, &self.shard, &self.config_rules, &mut output);
        stepped.expect("a decision fits");
        output
    }
}

fn standing(term: u32, leader: i32) -> Standing {
    Standing {
        term,
        leader: Some(leader),
        is_leader: true,
        is_ready: true,
    }
}

fn refusals(output: &Output<ShardAnswer>) -> usize {
    let is_refused = |answer: &ShardAnswer| match answer {
        ShardAnswer::PartitionsAltered(answers) => answers.iter().any(|(_, answer)| answer.is_err()),
        ShardAnswer::LeadersElected(answers) | ShardAnswer::ReassignmentsAltered(answers) => {
            answers.iter().any(|(_, answer)| answer.is_err())
        }
    };
    let answers = output.answers.iter();
    answers
        .filter(|(_, answer)| answer.as_ref().map_or(true, is_refused))
        .count()
}
