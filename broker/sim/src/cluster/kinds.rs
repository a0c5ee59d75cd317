//! Kinds of faults, and how one of a kind is drawn.

use super::{
    actions::{Action, Who},
    operations::Operation,
    plan::Plan,
    spread,
    timeline::{MILLISECOND, SECOND},
};
use crate::Random;

/// A seed has some of them.
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
    Operate,
    ShutDown,
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
        Kind::Operate,
        Kind::ShutDown,
    ];

    /// One fault of this kind, of a random strength.
    pub fn draw(self, random: &mut Random, plan: &Plan) -> Action {
        let nodes = plan.nodes as u64;
        let who = match random.below(6) {
            0 => Who::GroupLeader(random.below(plan.logs() as u64) as usize),
            1 => Who::PartitionLeader(random.below(4) as usize),
            2 => Who::PartitionFollower(random.below(4) as usize),
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
                group: random.below(plan.logs() as u64) as usize,
                to: random.chance(1, 2).then_some(to),
            },
            Kind::Resign => Action::Resign { who },
            Kind::Operate => Action::Operate(*random.pick(Operation::CLEAN)),
            Kind::ShutDown => Action::ShutDown { who, down: lasts },
        }
    }
}
