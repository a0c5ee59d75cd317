//! Five brokers, one partition, the root controller and three that may lead the shard: what is there, and what happens
//! next. How brokers, replicas and controllers do it is beside.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use uuid::Uuid;

use super::{
    Met, Random,
    controllers::standing,
    replica::{Disk, Process},
};
use crate::{
    config,
    metadata::{
        PartitionKey, RootImage, Rules, ShardImage, Wish,
        controller::{Input, RootController, ShardController, Timing},
        decide::{CreateTopics, FormatCluster, NewTopic, TableRules},
        records::PartitionState,
        shard::{ElectLeaders, ElectionType, IsrChange, ShardWish},
    },
};

pub const KEY: PartitionKey = PartitionKey {
    topic_id: Uuid::from_u128(1 << 64),
    partition: 0,
};
pub const NODES: i32 = 5;
pub const SHARD_LEADERS: usize = 3;
pub const NOW: Duration = Duration::from_secs(100);
/// Nobody's session ends by itself: who is fenced is drawn.
const TIMING: Timing = Timing {
    session_timeout: Duration::MAX,
    balance_interval: None,
    proposal_bytes_max: 1 << 20,
};

pub struct Cluster {
    pub(super) random: Random,
    pub(super) config_rules: TableRules,
    pub(super) root_controller: RootController,
    /// As after each entry.
    pub(super) roots: Vec<Arc<RootImage>>,
    pub(super) shard_leaders: Vec<(ShardController, usize)>,
    pub(super) shard_leader: usize,
    pub(super) term: u32,
    pub(super) shard: ShardImage,
    /// All states that the partition ever had.
    pub(super) states: Vec<Arc<PartitionState>>,
    pub(super) processes: Vec<Process>,
    pub(super) disks: BTreeMap<u128, Disk>,
    pub(super) disks_made: u128,
    /// Wishes of leaders on their way.
    pub(super) sent: Vec<(i32, u64, IsrChange)>,
    /// Records that were committed: the leader epoch of each.
    pub(super) committed: Vec<i32>,
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

    pub(super) fn root(&self) -> &Arc<RootImage> {
        self.roots.last().expect("there is a first")
    }

    pub(super) fn state(&self) -> &Arc<PartitionState> {
        self.states.last().expect("there is a first")
    }

    pub(super) fn new_disk(&mut self) -> u128 {
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
}
