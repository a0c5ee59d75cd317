//! S-22: a snapshot at any index, and crashes within its installation.

use super::{
    super::{
        plan::{Plan, Stack},
        timeline::MILLISECOND,
    },
    Family, every_other, kills,
};
use crate::Random;

pub const FAMILY: Family = Family {
    name: "s-22",
    story: "a snapshot at any index, and crashes within its installation",
    bend,
};

fn bend(plan: &mut Plan, random: &mut Random) {
    plan.stack = every_other(plan, Stack::Consensus);
    plan.raft.snapshot_every = Some(random.between(1, 8));
    plan.raft.append_bytes_max = 40;
    plan.propose_every = random.between(2, 20) * MILLISECOND;
    kills(plan, random, 30, 400);
}
