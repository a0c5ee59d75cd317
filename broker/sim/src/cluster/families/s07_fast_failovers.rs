//! S-7: fail-overs in quick succession, with hardly a record between them.

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
    name: "s-7",
    story: "fail-overs in quick succession, with hardly a record between them",
    bend,
};

fn bend(plan: &mut Plan, random: &mut Random) {
    plan.stack = Stack::Replication;
    plan.produce_every = random.between(20, 200) * MILLISECOND;
    every(plan, random, 30, 200, |random, _| Action::Kill {
        who: Who::PartitionLeader(random.below(4) as usize),
        down: random.between(1, 100) * MILLISECOND,
    });
}
