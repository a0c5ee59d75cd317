//! The power goes at every I/O boundary of scripted workloads, with every choice of what the disk kept; and again inside
//! the recovery from it.

use super::{
    harness::{History, Session, open, slow},
    model::prefix_of,
};
use crate::{
    Rules,
    sim_disk::{Persist, SimDisk},
};

const APPENDS: &str = "create 0
create 1
append 0 3
append 1 1
commit
append 0 2
state 0
commit
idle
truncate 0 3
append 0 1
commit
append 1 4
delete 1
create 2
append 2 2
commit
start 0 2
append 0 5
commit";

/// Fills the ring more than once, so that files are reused after checkpoints.
const LAPS: &str = "create 0
append 0 3
append 0 2
commit
start 0 5
append 0 3
append 0 3
commit
start 0 9
checkpoint
append 0 3
append 0 4
commit
start 0 17
background
append 0 3
commit
checkpoint
start 0 20
append 0 3
append 0 3
commit
background
start 0 25
append 0 3
append 0 3
commit
background
append 0 3
start 0 30
commit
background
append 0 4
commit";

/// Three frames in flight that end in any order.
const PIPELINE: &str = "create 0
append 0 1
poll
append 0 2
poll
append 0 3
poll
append 0 4
poll
append 0 1
poll
poll
append 0 2
poll
append 0 3
poll
append 0 1
commit
append 0 2
poll
append 0 2
poll
checkpoint
append 0 1
commit";

struct Case {
    name: &'static str,
    script: &'static str,
    depth: usize,
    slow: Option<u64>,
    /// With the boundaries of making the journal; else it is there.
    fresh: bool,
}

impl Case {
    fn disk(&self) -> SimDisk {
        let disk = SimDisk::new();
        if !self.fresh {
            drop(open(&disk, &Rules::production(), 1));
        }
        disk.after_crash(Persist::None)
    }
}

fn cases() -> Vec<Case> {
    vec![
        Case {
            name: "appends",
            script: APPENDS,
            depth: 1,
            slow: None,
            fresh: true,
        },
        Case {
            name: "laps",
            script: LAPS,
            depth: 1,
            slow: None,
            fresh: false,
        },
        Case {
            name: "pipeline",
            script: PIPELINE,
            depth: 3,
            slow: Some(1),
            fresh: false,
        },
        Case {
            name: "pipeline 2",
            script: PIPELINE,
            depth: 3,
            slow: Some(2),
            fresh: false,
        },
    ]
}

/// Runs the script until its end or the power's.
fn run_script(disk: &SimDisk, case: &Case) -> History {
    if let Some(seed) = case.slow {
        slow(disk, seed);
    }
    let mut history = History::default();
    let Ok(mut session) = open(disk, &Rules::production(), case.depth) else {
        return history;
    };
    for line in case.script.lines() {
        if !session.command(line, &mut history) {
            break;
        }
    }
    history
}

fn choices(pending: usize) -> Vec<Persist> {
    let mut choices = vec![Persist::None, Persist::All];
    // Only the making of a journal has so many: all of its sectors are zeros.
    choices.extend((0..pending).step_by(pending / 16 + 1).map(Persist::AllBut));
    choices.extend((0..8).map(Persist::Seeded));
    choices
}

fn recovered(disk: &SimDisk, history: &History, acked: usize, what: &str) -> (Session, usize) {
    let session = open(disk, &Rules::production(), 1).unwrap_or_else(|error| panic!("{what}: {error}"));
    let contents = session.contents();
    let Some(prefix) = prefix_of(&history.ops, acked, &contents) else {
        panic!("{what}: acked {acked} of {:?}\nfound {contents:?}", history.ops);
    };
    (session, prefix)
}

/// Goal: whatever the moment and whatever the disk kept, what was acknowledged is there, nothing else is, and
/// recovering again changes nothing; then the journal goes on.
fn check(disk: &SimDisk, history: &History, what: &str) {
    let (session, prefix) = recovered(disk, history, history.acked, what);
    drop(session);
    // The recovered state is shown to readers, so it must stay, though the power goes again.
    let again = disk.after_crash(Persist::None);
    let (mut session, prefix_again) = recovered(&again, history, prefix, what);
    assert_eq!(prefix, prefix_again, "{what}: recovery of the recovered");
    let mut more = History {
        ops: history.ops[..prefix].to_vec(),
        tickets: vec![0; prefix],
        next_payload: history.next_payload,
        acked: prefix,
    };
    for line in ["create 7", "append 7 1", "append 0 1", "commit"] {
        assert!(session.command(line, &mut more), "{what}: {line}");
    }
    assert_eq!(more.acked, more.ops.len(), "{what}");
    drop(session);
    recovered(
        &again.after_crash(Persist::None),
        &more,
        more.acked,
        &format!("{what}, after more"),
    );
}

fn nightly() -> bool {
    std::env::var_os("CORELANE_CRASH_ALL").is_some()
}

fn enumerate(case: &Case) {
    let whole = case.disk();
    let history = run_script(&whole, case);
    assert_eq!(
        history.acked,
        history.ops.len(),
        "{}: a whole run acknowledges all",
        case.name
    );
    let boundaries = whole.boundaries();
    assert!(boundaries > 30, "{} boundaries", boundaries);
    let nested_step = if nightly() { 1 } else { 7 };
    for boundary in 1..=boundaries {
        let disk = case.disk();
        disk.crash_at(boundary);
        let history = run_script(&disk, case);
        assert!(disk.crashed());
        for choice in choices(disk.pending_sectors()) {
            let what = format!("{} boundary {boundary} {choice:?}", case.name);
            check(&disk.after_crash(choice), &history, &what);
        }
        if boundary % nested_step != 0 {
            continue;
        }
        for choice in [Persist::None, Persist::All, Persist::Seeded(boundary)] {
            let once = disk.after_crash(choice);
            let whole = once.fork();
            drop(open(&whole, &Rules::production(), 1));
            for inner in (1..=whole.boundaries()).filter(|inner| nightly() || inner % 3 == boundary % 3) {
                let twice = once.fork();
                twice.crash_at(inner);
                drop(open(&twice, &Rules::production(), 1));
                for inner_choice in [Persist::None, Persist::All, Persist::Seeded(inner)] {
                    let what = format!("{} boundary {boundary} {choice:?}, {inner} {inner_choice:?}", case.name);
                    check(&twice.after_crash(inner_choice), &history, &what);
                }
            }
        }
    }
}

#[test]
fn every_boundary_of_appends() {
    enumerate(&cases()[0]);
}

#[test]
fn every_boundary_of_laps_round_the_ring() {
    enumerate(&cases()[1]);
}

#[test]
fn every_boundary_of_three_frames_in_flight() {
    enumerate(&cases()[2]);
    enumerate(&cases()[3]);
}

/// Goal: a process that dies without the power going leaves unflushed frames readable; what its successor shows of them
/// must last.
#[test]
fn a_killed_process_then_a_power_loss() {
    for case in cases() {
        let whole = case.disk();
        run_script(&whole, &case);
        for boundary in 1..=whole.boundaries() {
            let disk = case.disk();
            disk.crash_at(boundary);
            let history = run_script(&disk, &case);
            let killed = disk.after_kill();
            let what = format!("{} killed at {boundary}", case.name);
            let (session, prefix) = recovered(&killed, &history, history.acked, &what);
            drop(session);
            for choice in [Persist::None, Persist::Seeded(boundary)] {
                recovered(&killed.after_crash(choice), &history, prefix, &what);
            }
        }
    }
}
