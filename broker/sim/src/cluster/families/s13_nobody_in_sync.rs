//! S-13: ISR and ELR run empty: the last replica standing leads again, and nobody else; or, where records may be given up,
//! whoever is there.

use super::{
    super::{
        actions::{Action, Who},
        operations::Operation,
        plan::{Plan, Stack},
        timeline::MILLISECOND,
    },
    Family, every,
};
use crate::Random;

pub const FAMILY: Family = Family {
    name: "s-13",
    story: "ISR and ELR run empty: the last replica standing leads again, or whoever is there",
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
    plan.topics.unclean = random.chance(1, 2);
    if plan.topics.unclean {
        // Elections on command, and the config on and off.
        every(plan, random, 300, 2000, |random, _| {
            Action::Operate(*random.pick(Operation::UNCLEAN))
        });
    }
}
