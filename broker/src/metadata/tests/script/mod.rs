//! Scripts of the controllers: `scripts/*.txt` hold commands (`> …`) and below each what follows. `UPDATE=1` rewrites them;
//! the diff is the review.
//!
//! A cluster of one root group and one shard group, with this node (1) as the leader of both. Entries are written as
//! `index: record` for root and `s index: record` for the shard. Ids are small numbers: the n-th topic has the id n, disk n
//! is storage id n. Time stands still but for `advance`.

mod parse;
mod parse_access;
mod show;
mod world;

use std::{
    fmt::Write,
    fs,
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
};

use crate::metadata::Rules;
use world::World;

type TakeAway = fn(&mut Rules);

/// Rules, by name, and how to take one away.
const RULES: &[(&str, TakeAway)] = &[
    ("same_incarnation_keeps_epoch", |rules| {
        rules.same_incarnation_keeps_epoch = false
    }),
    ("live_broker_keeps_id", |rules| rules.live_broker_keeps_id = false),
    ("incarnation_starts_fenced", |rules| {
        rules.incarnation_starts_fenced = false
    }),
    ("unfence_when_caught_up", |rules| rules.unfence_when_caught_up = false),
    ("sessions_restart", |rules| rules.sessions_restart = false),
    ("round_has_overlay", |rules| rules.round_has_overlay = false),
    ("answer_after_commit", |rules| rules.answer_after_commit = false),
    ("min_isr_of_partition", |rules| rules.min_isr_of_partition = false),
    ("storage_checked", |rules| rules.storage_checked = false),
    ("partition_epoch_checked", |rules| rules.partition_epoch_checked = false),
    ("sender_is_leader", |rules| rules.sender_is_leader = false),
    ("future_is_not_fenced", |rules| rules.future_is_not_fenced = false),
    ("fenced_member_refused", |rules| rules.fenced_member_refused = false),
    ("recovering_alone", |rules| rules.recovering_alone = false),
    ("leader_is_incarnation", |rules| rules.leader_is_incarnation = false),
    ("wiped_replica_leaves", |rules| rules.wiped_replica_leaves = false),
    ("older_root_wipes_nothing", |rules| {
        rules.older_root_wipes_nothing = false
    }),
    ("slot_change_bumps_epoch", |rules| rules.slot_change_bumps_epoch = false),
    ("elr_cleared_at_min_isr", |rules| rules.elr_cleared_at_min_isr = false),
    ("elr_after_isr", |rules| rules.elr_after_isr = false),
    ("last_known_leader_lives", |rules| rules.last_known_leader_lives = false),
    ("reassignment_waits_for_isr", |rules| {
        rules.reassignment_waits_for_isr = false
    }),
];

#[test]
fn scripts_decide_as_written() {
    for (path, written) in scripts() {
        let happened = run(&written, Rules::production());
        if std::env::var_os("UPDATE").is_some() {
            fs::write(&path, happened).unwrap();
        } else if happened != written {
            let differs = happened.lines().zip(written.lines()).position(|(a, b)| a != b);
            let line = differs.unwrap_or(happened.lines().count().min(written.lines().count()));
            panic!(
                "{path:?} line {}: expected {:?}, happened {:?} (UPDATE=1 rewrites)",
                line + 1,
                written.lines().nth(line),
                happened.lines().nth(line)
            );
        }
    }
}

/// Without any one of the rules some story ends otherwise, or breaks an invariant.
#[test]
fn every_rule_matters_to_a_script() {
    let production = format!("{:?}", Rules::production());
    assert_eq!(production.matches("true").count(), RULES.len(), "all of {production}");
    for (name, take_away) in RULES {
        let mut rules = Rules::production();
        take_away(&mut rules);
        let differs = |(path, written): (PathBuf, String)| {
            let happened = catch_unwind(AssertUnwindSafe(|| run(&written, rules)));
            let differs = happened.map_or(true, |happened| happened != written);
            differs.then(|| path.file_stem().unwrap().to_owned())
        };
        let noticed: Vec<_> = scripts().into_iter().filter_map(differs).collect();
        println!("{name}: {noticed:?}");
        assert!(!noticed.is_empty(), "no script misses the rule {name}");
    }
}

/// All of them, in order of their names.
fn scripts() -> Vec<(PathBuf, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/metadata/tests/scripts");
    let mut paths: Vec<PathBuf> = fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    paths.sort();
    assert!(paths.len() >= 18, "scripts are missing in {folder:?}");
    let read = |path: PathBuf| (path.clone(), fs::read_to_string(path).unwrap());
    paths.into_iter().map(read).collect()
}

fn run(written: &str, rules: Rules) -> String {
    let mut world = World::new(rules);
    let mut out = String::new();
    let mut after_command = false;
    for line in written.lines() {
        if let Some(command) = line.strip_prefix("> ") {
            writeln!(out, "{line}").unwrap();
            out.push_str(&world.command(command));
            after_command = true;
        } else if line.is_empty() || line.starts_with('#') {
            writeln!(out, "{line}").unwrap();
            after_command = false;
        } else {
            assert!(after_command, "a line that belongs to no command: {line}");
        }
    }
    out
}
