//! S-3: one-way cuts around leaders of groups and partitions.

use super::{
    super::{actions::Action, plan::Plan, timeline::MILLISECOND},
    Family, draw_node, every,
};
use crate::Random;

pub const FAMILY: Family = Family {
    name: "s-3",
    story: "one-way cuts around leaders of groups and partitions",
    bend,
};

fn bend(plan: &mut Plan, random: &mut Random) {
    every(plan, random, 50, 400, |random, plan| {
        let (from, to) = (draw_node(random, plan), draw_node(random, plan));
        let lasts = random.between(100, 2000) * MILLISECOND;
        Action::Cut { from, to, lasts }
    });
}
