//! Variants with one safety rule missing. The simulator must notice each of them; one that survives says that the
//! simulator looks away.

use super::{
    families::{self, Family},
    gate::{Gate, Totals},
    plan::Plan,
    rules::Rules,
};

pub struct Mutant {
    /// Where the rule is: raft, replica, metadata, or host for what a core's driver owes it.
    pub core: &'static str,
    pub rule: &'static str,
    without: fn(&mut Rules),
    /// The family in whose seeds it shows first; None for the mixture of all.
    pub family: Option<&'static str>,
}

macro_rules! mutants {
    ($($core:ident $rule:ident = $value:expr, $family:expr;)*) => {
        pub const MUTANTS: &[Mutant] = &[$(Mutant {
            core: stringify!($core),
            rule: stringify!($rule),
            without: |rules| rules.$core.$rule = $value,
            family: $family,
        },)*];
    };
}

mutants! {
    raft one_vote_per_term = false, Some("s-6");
    raft vote_needs_newer_log = false, Some("s-6");
    raft own_counts_when_durable = false, Some("s-6");
    raft vote_after_persist = false, Some("s-6");
    raft acknowledge_after_persist = false, Some("s-6");
    raft append_needs_shared_prefix = false, Some("s-6");
    raft truncate_only_at_conflict = false, Some("s-5");
    raft acknowledge_only_matched = false, Some("s-6");
    raft commit_own_term_only = false, Some("s-6");
    raft commit_only_matched = false, Some("s-6");
    raft session_checked = false, Some("s-17");
    raft one_change_at_a_time = false, Some("s-17");
    raft learners_do_not_count = false, Some("s-17");
    raft removed_leader_does_not_count = false, Some("s-17");
    raft snapshot_keeps_matching_log = false, Some("s-22");
    raft snapshot_of_one_leader = false, Some("s-22");
    raft read_confirmed_by_round = false, Some("s-3");
    raft read_after_own_commit = false, Some("s-6");
    replica epoch_floor = false, Some("s-11");
    replica adopt_before_use = false, Some("s-7");
    replica leader_incarnation = false, Some("s-7");
    replica storage_checked = false, Some("s-11");
    replica append_of_own_epoch = false, Some("s-8");
    replica previous_must_match = false, Some("s-7");
    replica truncate_only_at_conflict = false, Some("s-5");
    replica unclean_starts_over = false, Some("s-13");
    replica ack_only_matched = false, Some("s-7");
    replica high_watermark_only_matched = false, Some("s-7");
    replica own_counts_when_durable = false, Some("s-7");
    replica maximal_isr = false, Some("s-10");
    replica shrink_waits_for_commit = false, Some("s-10");
    replica min_isr_gate = false, Some("s-13");
    replica min_isr_elsewhere = Some(1), Some("s-14");
    replica expand_at_epoch_start = false, Some("s-7");
    replica expand_at_high_watermark = false, Some("s-10");
    replica latest_after_epoch_start = false, Some("s-7");
    metadata storage_checked = false, Some("s-11");
    metadata wiped_replica_leaves = false, Some("s-11");
    metadata elr_cleared_at_min_isr = false, Some("s-13");
    metadata leader_is_incarnation = false, Some("s-7");
    metadata slot_change_bumps_epoch = false, Some("s-11");
    metadata round_has_overlay = false, Some("s-12");
    host replies_wait_for_the_disk = false, None;
    host persisted_means_durable = false, None;
    host floor_is_written = false, Some("s-7");
    host old_views_drop_nothing = false, Some("s-18");
}

impl Mutant {
    pub fn name(&self) -> String {
        format!("{} without {}", self.core, self.rule)
    }

    /// The plan of a seed with this rule missing.
    pub fn plan(&self, seed: u64) -> Plan {
        let mut plan = match self.family.and_then(Family::named) {
            Some(family) => family.plan(seed),
            None => families::mixed(seed),
        };
        (self.without)(&mut plan.rules);
        plan
    }

    /// Runs seeds until one is killed.
    pub fn hunt(&self, first: u64, seeds: u64, threads: usize) -> Totals {
        let gate = Gate {
            first,
            seeds,
            steps: u64::MAX,
            threads,
            failures_max: 1,
            plan: &|seed| self.plan(seed),
        };
        gate.run()
    }
}
