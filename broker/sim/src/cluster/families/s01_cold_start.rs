//! S-1: cold start: clusters of every size come up, fault-free.

use super::{super::plan::Plan, Family};
use crate::Random;

pub const FAMILY: Family = Family {
    name: "s-1",
    story: "cold start: clusters of every size come up, fault-free",
    bend,
};

fn bend(plan: &mut Plan, random: &mut Random) {
    plan.actions.clear();
    plan.nodes = *random.pick(&[1, 3, 5]);
    plan.founders = plan.nodes;
    plan.topics.replication_factor = plan.topics.replication_factor.min(plan.nodes);
    plan.topics.min_isr = plan.topics.min_isr.min(plan.topics.replication_factor as u16);
}
