//! S-16: disks fail and stall.

use super::{
    super::{
        actions::{Action, Who},
        plan::Plan,
        timeline::MILLISECOND,
    },
    Family, draw_node, every,
};
use crate::Random;

pub const FAMILY: Family = Family {
    name: "s-16",
    story: "disks fail and stall",
    bend,
};

fn bend(plan: &mut Plan, random: &mut Random) {
    plan.disk.slow = 50;
    every(plan, random, 50, 500, |random, plan| {
        let who = Who::Node(draw_node(random, plan));
        let lasts = random.between(10, 1000) * MILLISECOND;
        if random.chance(1, 2) {
            Action::FailDisk { who, down: lasts }
        } else {
            Action::StallDisk { who, lasts }
        }
    });
}
