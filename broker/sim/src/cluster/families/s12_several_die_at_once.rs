//! S-12: two brokers die in one moment, or all of them, and come back in any order.

use super::{
    super::{
        actions::{Action, Who},
        plan::Plan,
        timeline::MILLISECOND,
    },
    Family, draw_node, every, twice,
};
use crate::Random;

pub const FAMILY: Family = Family {
    name: "s-12",
    story: "two brokers die in one moment, or all of them, and come back in any order",
    bend,
};

fn bend(plan: &mut Plan, random: &mut Random) {
    every(plan, random, 200, 1500, |random, plan| {
        let down = random.between(10, 1000) * MILLISECOND;
        if random.chance(1, 2) {
            Action::KillAll { down }
        } else {
            let who = Who::Node(draw_node(random, plan));
            Action::Kill { who, down }
        }
    });
    twice(plan, random);
}
