//! Goal: each rule is needed, and somebody notices when it is missing.
//!
//! A script notices when it breaks an invariant or goes another way than it is written; a walk when it breaks an
//! invariant or never recovers.

use std::{
    fs,
    panic::{AssertUnwindSafe, catch_unwind},
    path::PathBuf,
};

use super::{
    cluster::Faults,
    directed, script,
    walk::{Shape, walk},
};
use crate::Rules;

/// Who notices that a rule is missing.
enum Notices {
    /// Random walks of (founders, others), within so many seeds.
    Walk(i32, i32, u64),
    /// The same, while this other rule is missing too: alone the rule is only a belt to the other's braces.
    WalkWithout(&'static str, u64),
    Script(&'static str),
    /// A test that takes the rules.
    Test(fn(Rules)),
}
use Notices::{Script, Test, Walk, WalkWithout};

const TABLE: &[(&str, Notices)] = &[
    ("one_vote_per_term", Walk(3, 0, 50)),
    ("vote_needs_newer_log", Walk(3, 0, 300)),
    ("vote_after_persist", Walk(3, 0, 50)),
    ("own_counts_when_durable", Script("single_node")),
    ("voter_is_node_and_disk", Script("wiped_voter")),
    ("pre_vote", Script("prevote")),
    ("leader_stickiness", Script("prevote")),
    ("check_quorum", Script("check_quorum")),
    ("term_covers_log_and_snapshot", Script("term_at_start")),
    ("append_needs_shared_prefix", Walk(3, 0, 100)),
    ("truncate_only_at_conflict", Walk(3, 0, 50)),
    ("never_truncate_committed", WalkWithout("truncate_only_at_conflict", 50)),
    (
        "acknowledge_only_matched",
        Test(directed::only_what_matched_is_acknowledged),
    ),
    ("acknowledge_after_persist", Walk(3, 0, 50)),
    ("commit_own_term_only", Script("figure8")),
    ("commit_only_matched", Script("commit_of_follower")),
    ("session_checked", Script("session")),
    ("voters_in_force_when_appended", Walk(3, 2, 50)),
    ("one_change_at_a_time", Walk(3, 2, 300)),
    ("change_after_own_commit", Script("ready_before_change")),
    ("learners_do_not_count", Script("learner_counts_not")),
    ("catch_up_before_vote", Script("catch_up")),
    ("removed_leader_does_not_count", Script("remove_leader")),
    ("snapshot_with_hard_state", Script("snapshot_first_of_term")),
    ("snapshot_keeps_matching_log", Script("snapshot_late")),
    ("snapshot_only_forward", Script("snapshot_late")),
    ("snapshot_of_one_leader", Script("snapshot_two_leaders")),
    ("read_confirmed_by_round", Script("stale_read")),
    ("read_after_own_commit", Script("reads")),
];

fn walk_notices(shape: (i32, i32), seeds: u64, rules: Rules, faults: Faults) -> bool {
    let shape = Shape {
        founders: shape.0,
        others: shape.1,
        steps: 20_000,
    };
    (1..=seeds).any(|seed| catch_unwind(AssertUnwindSafe(|| walk(seed, shape, rules, faults))).is_err())
}

fn script_notices(name: &str, rules: Rules, faults: Faults) -> bool {
    let text = script::load(name);
    let run = catch_unwind(AssertUnwindSafe(|| script::run(&text, rules, faults)));
    run.map_or(true, |happened| happened != text)
}

#[test]
fn every_rule_that_is_taken_away_is_noticed() {
    let listed: Vec<&str> = TABLE.iter().map(|(name, _)| *name).collect();
    assert_eq!(listed, Rules::NAMES, "the table has all rules, in their order");
    let mut unnoticed = Vec::new();
    for (name, notices) in TABLE {
        let mut rules = Rules::without(name).expect("a rule's name");
        let noticed = match notices {
            Walk(founders, others, seeds) => walk_notices((*founders, *others), *seeds, rules, Faults::default()),
            WalkWithout(other, seeds) => {
                rules = Rules::without(other).expect("a rule's name");
                rules.never_truncate_committed = false;
                walk_notices((3, 0), *seeds, rules, Faults::default())
            }
            Script(script) => script_notices(script, rules, Faults::default()),
            Test(test) => catch_unwind(AssertUnwindSafe(|| test(rules))).is_err(),
        };
        if !noticed {
            unnoticed.push(*name);
        }
    }
    assert!(
        unnoticed.is_empty(),
        "nobody noticed that these are missing: {unnoticed:?}"
    );
}

/// Goal: the page of the architecture names every rule, and no script that is not there.
#[test]
fn the_rules_are_in_the_architecture() {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..");
    let page = fs::read_to_string(root.join("ARCHITECTURE.md")).expect("ARCHITECTURE.md");
    for (name, notices) in TABLE {
        let row = page
            .lines()
            .find(|line| line.starts_with('|') && line.contains(&format!("`{name}`")));
        let row = row.unwrap_or_else(|| panic!("ARCHITECTURE.md does not list {name}"));
        if let Script(script) = notices {
            assert!(
                row.contains(&format!("`{script}`")),
                "{name} is noticed by {script}: {row}"
            );
        }
    }
}

/// What a driver may do wrong is noticed too.
#[test]
fn drivers_that_break_their_promises_are_noticed() {
    let eager = Faults {
        send_before_persist: true,
        ..Faults::default()
    };
    let torn = Faults {
        vote_is_a_record_of_its_own: true,
        ..Faults::default()
    };
    assert!(walk_notices((3, 0), 50, Rules::production(), eager));
    assert!(script_notices("one_record", Rules::production(), torn));
}
