//! S-5: late and doubled messages after reconnects.

use super::{
    super::{plan::Plan, timeline::SECOND},
    Family, kills,
};
use crate::Random;

pub const FAMILY: Family = Family {
    name: "s-5",
    story: "late and doubled messages after reconnects",
    bend,
};

fn bend(plan: &mut Plan, random: &mut Random) {
    plan.network.duplicate = 100;
    plan.network.straggler = 50;
    plan.network.straggler_delay_max = SECOND;
    plan.network.reorder = true;
    kills(plan, random, 300, 1500);
}
