//! Seed families: a seed's swarm, bent towards one story. S-0 is the swarm itself, with every family mixed in.
//!
//! Stories that need bytes of files, cores of a node or transactions have no family at this layer: S-19 to S-21, S-23, S-24
//! and S-27 are for whole nodes. S-4 is here over writes, and there over their sectors.

mod s01_cold_start;
mod s02_idle;
mod s03_one_way_cuts;
mod s04_crash_at_every_write;
mod s05_late_and_double;
mod s06_leader_dies_at_once;
mod s07_fast_failovers;
mod s08_zombie_leader;
mod s09_fenced_while_proposing;
mod s10_follower_restarts;
mod s11_wipe_and_old_views;
mod s12_several_die_at_once;
mod s13_nobody_in_sync;
mod s14_min_isr_changes;
mod s15_controlled_shutdowns;
mod s16_bad_disks;
mod s17_voters_change;
mod s18_recreated_topics;
mod s22_snapshots;
mod s25_root_is_away;
mod s26_shard_without_root;

#[cfg(test)]
pub use s04_crash_at_every_write::script as crash_script;

use super::{
    actions::{Action, Planned, Who},
    plan::{Plan, Stack},
    timeline::MILLISECOND,
};
use crate::Random;

pub struct Family {
    pub name: &'static str,
    pub story: &'static str,
    bend: fn(&mut Plan, &mut Random),
}

pub const FAMILIES: &[Family] = &[
    s01_cold_start::FAMILY,
    s03_one_way_cuts::FAMILY,
    s05_late_and_double::FAMILY,
    s06_leader_dies_at_once::FAMILY,
    s07_fast_failovers::FAMILY,
    s08_zombie_leader::FAMILY,
    s09_fenced_while_proposing::FAMILY,
    s10_follower_restarts::FAMILY,
    s11_wipe_and_old_views::FAMILY,
    s12_several_die_at_once::FAMILY,
    s13_nobody_in_sync::FAMILY,
    s14_min_isr_changes::FAMILY,
    s15_controlled_shutdowns::FAMILY,
    s16_bad_disks::FAMILY,
    s17_voters_change::FAMILY,
    s18_recreated_topics::FAMILY,
    s22_snapshots::FAMILY,
    s25_root_is_away::FAMILY,
    s26_shard_without_root::FAMILY,
    s02_idle::FAMILY,
    s04_crash_at_every_write::FAMILY,
];

/// The last ones run by themselves only: their seeds are hours, or places in a script.
const ALONE: usize = 2;

impl Family {
    pub fn named(name: &str) -> Option<&'static Family> {
        FAMILIES.iter().find(|family| family.name == name)
    }

    pub fn plan(&self, seed: u64) -> Plan {
        let mut plan = Plan::draw(seed);
        (self.bend)(&mut plan, &mut Random::new(!seed));
        plan
    }
}

/// S-0: half of the seeds are the bare swarm, the others one family each.
pub fn mixed(seed: u64) -> Plan {
    let count = (FAMILIES.len() - ALONE) as u64;
    match seed % (2 * count) {
        place if place < count => FAMILIES[place as usize].plan(seed),
        _ => Plan::draw(seed),
    }
}

/// Adds an action every so often, in milliseconds.
fn every(
    plan: &mut Plan,
    random: &mut Random,
    least: u64,
    most: u64,
    mut draw: impl FnMut(&mut Random, &Plan) -> Action,
) {
    let mut at = 300 * MILLISECOND;
    while at < plan.safety {
        let action = draw(random, plan);
        plan.actions.push(Planned { at, action });
        at += random.between(least, most) * MILLISECOND;
    }
    plan.actions.sort_by_key(|planned| planned.at);
}

/// Every other seed has controllers and replicas on raft groups, the others have this stack.
fn every_other(plan: &Plan, stack: Stack) -> Stack {
    if plan.seed % 2 == 1 { Stack::Whole } else { stack }
}

fn kills(plan: &mut Plan, random: &mut Random, least: u64, most: u64) {
    every(plan, random, least, most, |random, plan| {
        let down = random.between(1, 500) * MILLISECOND;
        let who = match random.below(3) {
            0 => Who::PartitionLeader(random.below(4) as usize),
            1 => Who::GroupLeader(random.below(plan.logs() as u64) as usize),
            _ => Who::Node(draw_node(random, plan)),
        };
        Action::Kill { who, down }
    });
}

/// Every kill hits a second node in the same moment.
fn twice(plan: &mut Plan, random: &mut Random) {
    let kills = plan
        .actions
        .iter()
        .filter(|planned| matches!(planned.action, Action::Kill { .. }));
    let mut seconds: Vec<Planned> = kills.cloned().collect();
    for planned in &mut seconds {
        if let Action::Kill { who, .. } = &mut planned.action {
            *who = Who::Node(random.below(plan.nodes as u64) as usize);
        }
    }
    plan.actions.append(&mut seconds);
    plan.actions.sort_by_key(|planned| planned.at);
}

fn draw_node(random: &mut Random, plan: &Plan) -> usize {
    random.below(plan.nodes as u64) as usize
}
