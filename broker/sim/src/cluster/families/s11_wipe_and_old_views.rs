//! S-11: disks are wiped between ack and expansion, and restarts show older views.

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
    name: "s-11",
    story: "disks are wiped between ack and expansion, and restarts show older views",
    bend,
};

fn bend(plan: &mut Plan, random: &mut Random) {
    plan.stack = Stack::Replication;
    plan.broker.long_lag = 100;
    plan.network.straggler = 60;
    every(plan, random, 50, 500, |random, plan| {
        let who = Who::Node(draw_node(random, plan));
        let down = random.between(1, 300) * MILLISECOND;
        if random.chance(1, 2) {
            Action::Wipe { who, down }
        } else {
            Action::Kill { who, down }
        }
    });
}
