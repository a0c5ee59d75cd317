//! S-26: a shard's controller is far behind root.

use super::{
    super::{
        plan::{Plan, Stack},
        timeline::SECOND,
    },
    Family, kills,
};
use crate::Random;

pub const FAMILY: Family = Family {
    name: "s-26",
    story: "a shard's controller is far behind root",
    bend,
};

fn bend(plan: &mut Plan, random: &mut Random) {
    plan.stack = Stack::Replication;
    plan.broker.lag_max = 2 * SECOND;
    plan.broker.long_lag = 200;
    plan.broker.controller_moves = 20;
    kills(plan, random, 100, 1000);
}
