//! S-15: controlled shutdowns, one after the other, under load.

use super::{
    super::{
        actions::{Action, Who},
        plan::{Plan, Stack},
        timeline::MILLISECOND,
    },
    Family, draw_node, every,
};
use crate::Random;

pub const FAMILY: Family = Family {
    name: "s-15",
    story: "controlled shutdowns, one after the other, under load",
    bend,
};

fn bend(plan: &mut Plan, random: &mut Random) {
    plan.stack = Stack::Replication;
    every(plan, random, 200, 1000, |random, plan| Action::ShutDown {
        who: Who::Node(draw_node(random, plan)),
        down: random.between(10, 500) * MILLISECOND,
    });
}
