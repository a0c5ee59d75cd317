//! S-14: min ISR changes under load.

use super::{
    super::{
        actions::Action,
        operations::Operation,
        plan::{Plan, Stack},
    },
    Family, every, kills,
};
use crate::Random;

pub const FAMILY: Family = Family {
    name: "s-14",
    story: "min ISR changes under load",
    bend,
};

fn bend(plan: &mut Plan, random: &mut Random) {
    plan.stack = Stack::Replication;
    every(plan, random, 30, 300, |_, _| Action::Operate(Operation::MinIsr));
    kills(plan, random, 100, 800);
}
