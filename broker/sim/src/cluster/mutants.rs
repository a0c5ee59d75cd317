//! Variants with one safety rule missing. The simulator must notice each of them; one that survives says that the
//! simulator looks away.

use super::{
    families::{self, Family},
    gate::Gate,
    plan::Plan,
    rules::Rules,
    run::{Report, run},
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

/// (core, rule, what notices): the rest of a rule's cover makes these too rare for random walks of whole clusters.
const ELSEWHERE: &[(&str, &str, &str)] = &[
    (
        "raft",
        "acknowledge_only_matched",
        "`directed::only_what_matched_is_acknowledged` in `raft/src/tests`: leaders send no append that leaves a tail \
         unmentioned unless one of them was cut off in the middle of it",
    ),
    (
        "raft",
        "session_checked",
        "`raft/src/tests/scripts/session.txt`: a peer must leave, come back and meet an answer of its life before",
    ),
    (
        "raft",
        "snapshot_keeps_matching_log",
        "`raft/src/tests/scripts/snapshot_late.txt`: the lost tail was not committed through this voter alone",
    ),
    (
        "replica",
        "storage_checked",
        "`s11_ack_of_a_lost_disk.txt` in `partition/replica/tests/scripts`: in a whole cluster a slot's next disk begins a \
         leader epoch, and acks of the disk before are of an older one",
    ),
    (
        "metadata",
        "storage_checked",
        "`alter_partition.txt` in `metadata/tests/scripts`: a slot's disk changes with the partition epoch, which is \
         compared as well",
    ),
];

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

    /// Runs seeds until one is noticed that passes with all rules.
    pub fn hunt(&self, first: u64, seeds: u64, threads: usize) -> Hunt {
        let mut next = first;
        let mut unsound = Vec::new();
        let killed = loop {
            let gate = Gate {
                first: next,
                seeds: first + seeds - next,
                steps: u64::MAX,
                threads,
                failures_max: 1,
                plan: &|seed| self.plan(seed),
            };
            let Some(report) = gate.run().failed.into_iter().next() else {
                break None;
            };
            let mut lawful = self.plan(report.seed);
            lawful.rules = Rules::production();
            if run(&lawful, false).violation.is_none() {
                break Some(report);
            }
            unsound.push(report.seed);
            next = report.seed + 1;
        };
        Hunt { killed, unsound }
    }

    /// The directed test that notices it, for what this simulator does not.
    pub fn elsewhere(&self) -> Option<&'static str> {
        let entry = ELSEWHERE
            .iter()
            .find(|entry| (entry.0, entry.1) == (self.core, self.rule));
        entry.map(|entry| entry.2)
    }
}

/// How a mutant fared.
pub struct Hunt {
    /// The seed that noticed it.
    pub killed: Option<Report>,
    /// Seeds that fail with all rules as well, and so say nothing about the missing one.
    pub unsound: Vec<u64>,
}
