//! S-13: ISR and ELR run empty: the last replica standing leads again, and nobody else.

use super::{
    super::{
        actions::{Action, Who},
        plan::{Plan, Stack},
        timeline::MILLISECOND,
    },
    Family, every,
};
use crate::Random;

pub const FAMILY: Family = Family {
    name: "s-13",
    story: "ISR and ELR run empty: the last replica standing leads again, and nobody else",
    bend,
};

fn bend(plan: &mut Plan, random: &mut Random) {
    plan.stack = Stack::Replication;
    plan.topics.min_isr = (plan.topics.replication_factor as u16).min(2);
    plan.replica.lag_max = random.between(40, 150) * MILLISECOND;
    every(plan, random, 50, 400, |random, _| Action::Kill {
        who: Who::PartitionLeader(random.below(4) as usize),
        down: random.between(300, 3000) * MILLISECOND,
    });
}
