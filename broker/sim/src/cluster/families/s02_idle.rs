//! S-2: an hour in which nobody wants anything: nobody is elected, fenced or moved, and no log grows.

use super::{
    super::{
        plan::{Plan, Stack},
        timeline::{MILLISECOND, SECOND},
    },
    Family,
};
use crate::Random;

pub const FAMILY: Family = Family {
    name: "s-2",
    story: "an hour in which nobody wants anything: nobody is elected, fenced or moved, and no log grows",
    bend,
};

fn bend(plan: &mut Plan, random: &mut Random) {
    plan.actions.clear();
    plan.stack = *random.pick(&[Stack::Consensus, Stack::Whole]);
    plan.founders = plan.nodes;
    plan.idle_after = Some(20 * SECOND);
    plan.safety = 3600 * SECOND;
    plan.steps_max = u64::MAX;
    let network = &mut plan.network;
    (network.loss, network.duplicate, network.straggler) = (0, 0, 0);
    plan.disk.slow = 0;
    // A session that outlives what the network may add between two heartbeats; and beats as rare as in production.
    plan.broker.beat = plan.broker.beat.max(100 * MILLISECOND);
    plan.broker.session = 4 * plan.broker.beat + 4 * plan.network.delay_max;
    plan.raft.heartbeat = plan.raft.election_min / 4;
}
