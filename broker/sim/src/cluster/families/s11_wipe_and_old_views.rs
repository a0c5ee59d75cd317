//! S-11: disks are wiped between ack and expansion, and restarts show older views.
//!
//! S-11b: a leader does not hear that it was replaced. A follower of its successor restarts, sees the older state again
//! and is sent the older leader's records; then the successor dies, and the follower is what is left.

use super::{
    super::{
        actions::{Action, Who},
        plan::{Plan, Stack},
        timeline::{MILLISECOND, SECOND},
    },
    Family, draw_node, every,
};
use crate::Random;

pub const FAMILY: Family = Family {
    name: "s-11",
    story: "disks are wiped between ack and expansion, and restarts show older views",
    bend,
};

fn bend(plan: &mut Plan, random: &mut Random) {
    plan.stack = Stack::Replication;
    if Random::new(plan.seed).chance(1, 2) {
        return zombies(plan, random);
    }
    plan.broker.long_lag = 100;
    plan.network.straggler = 60;
    every(plan, random, 50, 500, |random, plan| {
        let who = Who::Node(draw_node(random, plan));
        let down = random.between(1, 300) * MILLISECOND;
        if random.chance(1, 2) {
            Action::Wipe { who, down }
        } else {
            Action::Kill { who, down }
        }
    });
}

fn zombies(plan: &mut Plan, random: &mut Random) {
    plan.nodes = plan.nodes.max(3);
    plan.topics.replication_factor = plan.topics.replication_factor.max(3);
    plan.topics.min_isr = 2;
    plan.broker.shutdown_max = 3 * SECOND;
    plan.broker.lag_max = random.between(20, 200) * MILLISECOND;
    plan.replica.resend_after = random.between(5, 40) * MILLISECOND;
    plan.produce_every = random.between(2, 10) * MILLISECOND;
    let mut at = SECOND;
    while at < plan.safety {
        let number = random.below(4) as usize;
        let who = Who::PartitionLeader(number);
        let lasts = random.between(1000, 3000) * MILLISECOND;
        let down = random.between(1, 300) * MILLISECOND;
        plan.add(at, Action::Blind { who, lasts });
        plan.add(at, Action::ShutDown { who, down });
        let mut then = at;
        for _ in 0..random.between(1, 3) {
            then += random.between(100, 500) * MILLISECOND;
            let follower = Action::Kill {
                who: Who::PartitionFollower(number),
                down: random.between(1, 20) * MILLISECOND,
            };
            plan.add(then, follower);
        }
        then += random.between(20, 400) * MILLISECOND;
        let down = random.between(100, 1000) * MILLISECOND;
        plan.add(then, Action::Kill { who, down });
        at += lasts + random.between(300, 1000) * MILLISECOND;
    }
}
