//! What one seed draws before it runs: sizes, rates, and every fault with its time ("swarm testing": each seed leaves
//! most kinds of trouble out, so that the others get room).
//!
//! The whole of it is a value. A family bends it, a shrinker drops actions from it, and a run follows it.

use super::{
    actions::{Action, Planned},
    crash_point::CrashPoint,
    kinds::Kind,
    operations::Operation,
    replica_log::BATCH_MAX,
    rules::Rules,
    spread,
    timeline::{MILLISECOND, Micros, SECOND},
};
use crate::Random;

/// What was added to the swarm later is drawn apart, so that the rest of a seed stays as it was.
const UNCLEAN: u64 = 0x75_6e63_6c65_616e;

#[derive(Clone, Debug)]
pub struct Plan {
    pub seed: u64,
    /// What the run draws from. The seed again, but for scripts: there all seeds run alike until they do not.
    pub chance: u64,
    pub stack: Stack,
    pub nodes: usize,
    /// Nodes that vote from the start; the others join if they are told to.
    pub founders: usize,
    /// The root group and this many shards.
    pub shards: usize,
    /// Faults may happen until then; afterwards the cluster is healed and must recover.
    pub safety: Micros,
    /// Nor more than this.
    pub steps_max: u64,
    pub network: NetworkPlan,
    pub disk: DiskPlan,
    pub raft: RaftPlan,
    pub broker: BrokerPlan,
    pub replica: ReplicaPlan,
    pub topics: TopicPlan,
    /// Between two produce requests, and the records of one at most.
    pub produce_every: Micros,
    pub produce_records: u64,
    /// Between two proposals of opaque entries to a group.
    pub propose_every: Micros,
    /// Nobody wants anything from then on.
    pub idle_after: Option<Micros>,
    /// A crash at one certain write.
    pub crash: Option<CrashPoint>,
    /// In order of time.
    pub actions: Vec<Planned>,
    pub rules: Rules,
}

/// Which cores run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stack {
    /// Raft groups with opaque entries.
    Consensus,
    /// Controllers and replicas over perfect logs that everybody sees with a lag of his own.
    Replication,
    /// Controllers and replicas over raft groups.
    Whole,
}

#[derive(Clone, Debug)]
pub struct BrokerPlan {
    /// Between two heartbeats, and without one until a broker is fenced.
    pub beat: Micros,
    pub session: Micros,
    pub balance_every: Option<Micros>,
    /// How long an entry takes to be seen, at most; and thirty times that in so many of a thousand cases.
    pub lag_max: Micros,
    pub long_lag: u64,
    /// Chance in hundredths that a controller moves when it is looked at.
    pub controller_moves: u64,
    pub round_delay_max: Micros,
    /// A controlled shutdown takes no longer.
    pub shutdown_max: Micros,
    /// Leaders take the state from the controller's answer, ahead of their view of the shard's log.
    pub answers_tell: bool,
}

#[derive(Clone, Debug)]
pub struct ReplicaPlan {
    pub lag_max: Micros,
    pub resend_after: Micros,
    pub propose_again_after: Micros,
    pub high_watermark_delay: Micros,
    pub checkpoint_interval: Micros,
    /// Records of one append.
    pub append_max: i64,
}

#[derive(Clone, Debug)]
pub struct TopicPlan {
    pub count: usize,
    pub partitions: usize,
    pub replication_factor: usize,
    pub min_isr: u16,
    pub unclean: bool,
}

#[derive(Clone, Debug)]
pub struct NetworkPlan {
    pub delay_min: Micros,
    pub delay_max: Micros,
    /// Chances in thousandths.
    pub loss: u64,
    pub duplicate: u64,
    /// Messages that are held up somewhere for long.
    pub straggler: u64,
    pub straggler_delay_max: Micros,
    pub reorder: bool,
}

#[derive(Clone, Debug)]
pub struct DiskPlan {
    pub write_min: Micros,
    pub write_max: Micros,
    /// Chance in thousandths that a write takes a hundred times as long.
    pub slow: u64,
}

#[derive(Clone, Debug)]
pub struct RaftPlan {
    pub heartbeat: Micros,
    pub election_min: Micros,
    pub election_max: Micros,
    pub append_bytes_max: usize,
    /// Entries after which a node takes a snapshot.
    pub snapshot_every: Option<u64>,
    pub priorities: bool,
}

impl Plan {
    /// The swarm, without any family's bias.
    pub fn draw(seed: u64) -> Plan {
        let mut random = Random::new(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let random = &mut random;
        let nodes = *random.pick(&[1, 3, 3, 3, 3, 5, 5]);
        let election_min = *random.pick(&[150, 300, 600]) * MILLISECOND;
        let safety = random.between(4, 20) * SECOND;
        let mut plan = Plan {
            seed,
            chance: seed,
            stack: *random.pick(&[Stack::Consensus, Stack::Whole, Stack::Replication, Stack::Replication]),
            nodes,
            founders: if random.chance(1, 4) { nodes.div_ceil(2) } else { nodes },
            shards: random.between(2, 4) as usize,
            safety,
            steps_max: 20_000,
            network: NetworkPlan::draw(random),
            disk: DiskPlan::draw(random),
            raft: RaftPlan {
                heartbeat: election_min / random.between(3, 6),
                election_min,
                election_max: election_min * 2,
                append_bytes_max: *random.pick(&[40, 200, 1 << 20]),
                snapshot_every: random.chance(1, 2).then(|| random.between(2, 60)),
                priorities: random.chance(1, 2),
            },
            broker: BrokerPlan::draw(random),
            replica: ReplicaPlan::draw(random),
            topics: TopicPlan::draw(random, nodes),
            produce_every: spread(random, MILLISECOND, 20 * MILLISECOND),
            produce_records: random.between(1, 4),
            propose_every: spread(random, 2 * MILLISECOND, 100 * MILLISECOND),
            idle_after: None,
            crash: None,
            actions: Vec::new(),
            rules: Rules::production(),
        };
        plan.draw_faults(random);
        let mut later = Random::new(seed ^ UNCLEAN);
        plan.topics.unclean = later.chance(1, 4);
        plan.broker.answers_tell = later.chance(1, 4);
        if plan.topics.unclean {
            plan.draw_unclean_operations();
        }
        plan
    }

    fn draw_faults(&mut self, random: &mut Random) {
        // Which kinds this seed has at all, and how often one of them comes.
        let kinds: Vec<Kind> = Kind::ALL.iter().copied().filter(|_| random.chance(1, 3)).collect();
        if kinds.is_empty() {
            return;
        }
        let every = spread(random, 30 * MILLISECOND, 2 * SECOND);
        let mut at = 0;
        loop {
            at += random.between(every / 4, every * 2);
            if at >= self.safety {
                return;
            }
            let action = random.pick(&kinds).draw(random, self);
            self.actions.push(Planned { at, action });
        }
    }

    /// Topics for which records may be given up: by themselves, or when the operator says so. Half of the operations are
    /// about that.
    pub fn draw_unclean_operations(&mut self) {
        let mut random = Random::new(self.seed ^ UNCLEAN.rotate_left(8));
        for planned in &mut self.actions {
            if matches!(planned.action, Action::Operate(_)) && random.chance(1, 2) {
                planned.action = Action::Operate(*random.pick(Operation::UNCLEAN));
            }
        }
    }

    /// Raft groups that run.
    pub fn groups(&self) -> usize {
        if self.has_groups() { self.logs() } else { 0 }
    }

    pub fn has_groups(&self) -> bool {
        self.stack != Stack::Replication
    }

    /// Root and the shards.
    pub fn logs(&self) -> usize {
        1 + self.shards
    }

    pub fn replicates(&self) -> bool {
        self.stack != Stack::Consensus
    }

    pub fn add(&mut self, at: Micros, action: Action) {
        let index = self.actions.partition_point(|planned| planned.at <= at);
        self.actions.insert(index, Planned { at, action });
    }
}

impl BrokerPlan {
    fn draw(random: &mut Random) -> BrokerPlan {
        let beat = random.between(20, 200) * MILLISECOND;
        BrokerPlan {
            beat,
            session: beat * random.between(3, 6),
            balance_every: random.chance(1, 4).then(|| random.between(300, 3000) * MILLISECOND),
            lag_max: spread(random, MILLISECOND, 300 * MILLISECOND),
            long_lag: if random.chance(1, 2) { random.between(1, 60) } else { 0 },
            controller_moves: if random.chance(1, 2) { random.between(1, 30) } else { 0 },
            round_delay_max: spread(random, 100, 20 * MILLISECOND),
            shutdown_max: random.between(300, 3000) * MILLISECOND,
            answers_tell: false,
        }
    }
}

impl ReplicaPlan {
    fn draw(random: &mut Random) -> ReplicaPlan {
        let resend_after = spread(random, 5 * MILLISECOND, 500 * MILLISECOND);
        ReplicaPlan {
            lag_max: spread(random, 50 * MILLISECOND, 2 * SECOND),
            resend_after,
            propose_again_after: spread(random, 10 * MILLISECOND, 500 * MILLISECOND),
            high_watermark_delay: spread(random, MILLISECOND, 100 * MILLISECOND),
            checkpoint_interval: spread(random, 20 * MILLISECOND, 5 * SECOND),
            append_max: random.between(1, BATCH_MAX as u64) as i64,
        }
    }
}

impl TopicPlan {
    fn draw(random: &mut Random, nodes: usize) -> TopicPlan {
        let replication_factor = if random.chance(3, 4) {
            nodes
        } else {
            random.between(1, nodes as u64) as usize
        };
        TopicPlan {
            count: random.between(1, 2) as usize,
            partitions: random.between(1, 2) as usize,
            replication_factor,
            min_isr: random.between(1, (replication_factor as u64).min(3)) as u16,
            unclean: false,
        }
    }
}

impl NetworkPlan {
    fn draw(random: &mut Random) -> NetworkPlan {
        let delay_min = *random.pick(&[50, 200, 2 * MILLISECOND]);
        let mut rate = |of: u64, most: u64| {
            if random.chance(1, of) {
                random.between(1, most)
            } else {
                0
            }
        };
        let (loss, duplicate, straggler) = (rate(2, 100), rate(2, 100), rate(2, 50));
        NetworkPlan {
            delay_min,
            delay_max: delay_min * random.between(2, 20),
            loss,
            duplicate,
            straggler,
            straggler_delay_max: spread(random, 100 * MILLISECOND, 10 * SECOND),
            reorder: random.chance(1, 2),
        }
    }
}

impl DiskPlan {
    fn draw(random: &mut Random) -> DiskPlan {
        let write_min = *random.pick(&[20, 100, MILLISECOND]);
        DiskPlan {
            write_min,
            write_max: write_min * random.between(2, 30),
            slow: if random.chance(1, 3) { random.between(1, 50) } else { 0 },
        }
    }
}
