//! S-8: a leader is paused, replaced, and goes on with all that was waiting for it.

use super::{
    super::{
        actions::{Action, Who},
        plan::Plan,
        timeline::MILLISECOND,
    },
    Family, every,
};
use crate::Random;

pub const FAMILY: Family = Family {
    name: "s-8",
    story: "a leader is paused, replaced, and goes on with all that was waiting for it",
    bend,
};

fn bend(plan: &mut Plan, random: &mut Random) {
    plan.network.straggler = 60;
    every(plan, random, 100, 800, |random, _| Action::Pause {
        who: Who::PartitionLeader(random.below(4) as usize),
        lasts: random.between(100, 5000) * MILLISECOND,
    });
}
