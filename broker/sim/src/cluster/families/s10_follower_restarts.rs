//! S-10: a follower restarts while it is being taken into the ISR.

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
    name: "s-10",
    story: "a follower restarts while it is being taken into the ISR",
    bend,
};

fn bend(plan: &mut Plan, random: &mut Random) {
    plan.stack = Stack::Replication;
    plan.replica.lag_max = random.between(40, 200) * MILLISECOND;
    every(plan, random, 30, 300, |random, _| Action::Kill {
        who: Who::PartitionFollower(random.below(4) as usize),
        down: random.between(1, 150) * MILLISECOND,
    });
}
