//! S-25: root is cut off while leaders go on: no ISR changes by old knowledge, and all recovers after.

use super::{
    super::{
        actions::{Action, Who},
        plan::{Plan, Stack},
        timeline::MILLISECOND,
    },
    Family, every, every_other, kills,
};
use crate::Random;

pub const FAMILY: Family = Family {
    name: "s-25",
    story: "root is cut off while leaders go on: no ISR changes by old knowledge, and all recovers after",
    bend,
};

fn bend(plan: &mut Plan, random: &mut Random) {
    plan.stack = every_other(plan, Stack::Replication);
    every(plan, random, 500, 3000, |random, _| Action::Isolate {
        who: Who::GroupLeader(0),
        lasts: random.between(1000, 8000) * MILLISECOND,
    });
    kills(plan, random, 300, 2000);
}
