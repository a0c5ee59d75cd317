//! S-18: topics are deleted and made again under their names while producers write.

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
    name: "s-18",
    story: "topics are deleted and made again under their names while producers write",
    bend,
};

fn bend(plan: &mut Plan, random: &mut Random) {
    plan.stack = Stack::Replication;
    plan.topics.partitions = 1;
    every(plan, random, 200, 1500, |random, _| {
        Action::Operate(*random.pick(&[Operation::DeleteTopic, Operation::Reassign]))
    });
    kills(plan, random, 200, 1500);
}
