//! S-9: brokers are fenced and controllers move while AlterPartition is under way.

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
    name: "s-9",
    story: "brokers are fenced and controllers move while AlterPartition is under way",
    bend,
};

fn bend(plan: &mut Plan, random: &mut Random) {
    plan.stack = Stack::Replication;
    plan.broker.controller_moves = 60;
    plan.broker.session = plan.broker.beat * 2;
    every(plan, random, 50, 500, |random, _| Action::Isolate {
        who: Who::PartitionFollower(random.below(4) as usize),
        lasts: random.between(100, 1500) * MILLISECOND,
    });
}
