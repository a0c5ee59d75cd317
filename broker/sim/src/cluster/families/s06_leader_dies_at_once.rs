//! S-6: a group's leader dies right after its election.

use super::{
    super::{
        actions::{Action, Who},
        plan::{Plan, Stack},
        timeline::MILLISECOND,
    },
    Family, every, every_other,
};
use crate::Random;

pub const FAMILY: Family = Family {
    name: "s-6",
    story: "a group's leader dies right after its election",
    bend,
};

fn bend(plan: &mut Plan, random: &mut Random) {
    plan.stack = every_other(plan, Stack::Consensus);
    every(plan, random, 20, 300, |random, plan| Action::Kill {
        who: Who::GroupLeader(random.below(plan.logs() as u64) as usize),
        down: random.between(1, 300) * MILLISECOND,
    });
}
