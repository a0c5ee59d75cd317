//! What one seed draws before it runs: sizes, rates, and every fault with its time ("swarm testing": each seed leaves
//! most kinds of trouble out, so that the others get room).
//!
//! The whole of it is a value. A family bends it, a shrinker drops actions from it, and a run follows it.

use super::{
    actions::{Action, Planned, Who},
    rules::Rules,
    spread,
    timeline::{MILLISECOND, Micros, SECOND},
};
use crate::Random;

#[derive(Clone, Debug)]
pub struct Plan {
    pub seed: u64,
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
    /// Between two proposals of opaque entries to a group.
    pub propose_every: Micros,
    /// In order of time.
    pub actions: Vec<Planned>,
    pub rules: Rules,
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
            propose_every: spread(random, 2 * MILLISECOND, 100 * MILLISECOND),
            actions: Vec::new(),
            rules: Rules::production(),
        };
        plan.draw_faults(random);
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

    pub fn groups(&self) -> usize {
        1 + self.shards
    }

    pub fn add(&mut self, at: Micros, action: Action) {
        let index = self.actions.partition_point(|planned| planned.at <= at);
        self.actions.insert(index, Planned { at, action });
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

/// Kinds of faults; a seed has some of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Kill,
    KillAll,
    Pause,
    Cut,
    Isolate,
    Split,
    Flap,
    Clog,
    StallDisk,
    FailDisk,
    Wipe,
    Clock,
    Voter,
    Transfer,
    Resign,
}

impl Kind {
    pub const ALL: &'static [Kind] = &[
        Kind::Kill,
        Kind::KillAll,
        Kind::Pause,
        Kind::Cut,
        Kind::Isolate,
        Kind::Split,
        Kind::Flap,
        Kind::Clog,
        Kind::StallDisk,
        Kind::FailDisk,
        Kind::Wipe,
        Kind::Clock,
        Kind::Voter,
        Kind::Transfer,
        Kind::Resign,
    ];

    /// One fault of this kind, of a random strength.
    pub fn draw(self, random: &mut Random, plan: &Plan) -> Action {
        let nodes = plan.nodes as u64;
        let who = match random.below(3) {
            0 => Who::GroupLeader(random.below(plan.groups() as u64) as usize),
            _ => Who::Node(random.below(nodes) as usize),
        };
        let from = random.below(nodes) as usize;
        let to = random.below(nodes) as usize;
        let lasts = spread(random, 10 * MILLISECOND, 4 * SECOND);
        match self {
            Kind::Kill => Action::Kill { who, down: lasts },
            Kind::KillAll => Action::KillAll { down: lasts },
            Kind::Pause => Action::Pause {
                who,
                lasts: spread(random, MILLISECOND, 30 * SECOND),
            },
            Kind::Cut => Action::Cut { from, to, lasts },
            Kind::Isolate => Action::Isolate { who, lasts },
            Kind::Split => Action::Split {
                left: random.below(1 << nodes) as u32,
                lasts,
            },
            Kind::Flap => Action::Flap {
                from,
                to,
                period: spread(random, MILLISECOND, 300 * MILLISECOND),
                times: random.between(2, 20) as u32,
            },
            Kind::Clog => Action::Clog { from, to, lasts },
            Kind::StallDisk => Action::StallDisk {
                who,
                lasts: spread(random, 10 * MILLISECOND, 10 * SECOND),
            },
            Kind::FailDisk => Action::FailDisk { who, down: lasts },
            Kind::Wipe => Action::Wipe { who, down: lasts },
            Kind::Clock => Action::Clock {
                who,
                rate: random.between(500, 2000),
            },
            Kind::Voter => Action::Voter {
                who,
                votes: random.chance(1, 2),
            },
            Kind::Transfer => Action::Transfer {
                group: random.below(plan.groups() as u64) as usize,
                to: random.chance(1, 2).then_some(to),
            },
            Kind::Resign => Action::Resign { who },
        }
    }
}
