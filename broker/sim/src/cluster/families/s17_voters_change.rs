//! S-17: voters come and go, the leader and wiped ones among them, with late messages.

use super::{
    super::{
        actions::{Action, Who},
        plan::{Plan, Stack},
        timeline::{MILLISECOND, SECOND},
    },
    Family, draw_node, every, every_other,
};
use crate::Random;

pub const FAMILY: Family = Family {
    name: "s-17",
    story: "voters come and go, the leader and wiped ones among them, with late messages",
    bend,
};

fn bend(plan: &mut Plan, random: &mut Random) {
    plan.stack = every_other(plan, Stack::Consensus);
    plan.network.straggler = 50;
    plan.network.straggler_delay_max = 2 * SECOND;
    every(plan, random, 50, 400, |random, plan| {
        let who = Who::Node(draw_node(random, plan));
        let down = random.between(1, 200) * MILLISECOND;
        match random.below(4) {
            0 => Action::Wipe { who, down },
            1 => Action::Kill { who, down },
            _ => Action::Voter {
                who,
                votes: random.chance(1, 2),
            },
        }
    });
}
