//! The power goes at every I/O boundary of scripted workloads, with every choice of what the disk kept; and again inside
//! the recovery from it.

use super::{
    harness::{History, Session, open, open_young, slow},
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

/// Segments of 12 KiB: rolls, seals, residues, cuts and start offsets that reach into files.
const WRITE_OUT: &str = "create 0
create 1
append 0 3
append 1 1
append 0 2
commit
append 0 3
append 0 3
commit
append 0 3
append 1 2
append 0 3
commit
background
append 0 3
append 0 3
commit
background
background
append 0 2
append 1 1
commit
background
append 0 3
append 0 3
commit
background
background
truncate 0 26
append 0 2
commit
start 0 8
background
append 0 3
append 0 3
commit
background
background
append 1 3
append 0 3
append 0 3
commit
background
start 0 22
state 1
background
append 0 3
append 0 3
append 1 3
commit
background
background
truncate 0 24
delete 1
append 0 3
commit
background
checkpoint
checkpoint
append 0 1
commit";

/// A client deletes records: inside of a batch of the tail, inside of one that is partly in a file, the same again, all there
/// is, and what was appended since.
const STARTS: &str = "create 0
append 0 3
append 0 2
commit
start 0 1
commit
append 0 3
start 0 4
start 0 4
commit
background
start 0 7
commit
append 0 3
start 0 11
commit
append 0 2
commit
background
start 0 12
checkpoint
append 0 3
start 0 16
commit
background
append 0 1
commit";

/// Three in flight, round the ring.
const LAPS_IN_FLIGHT: &str = "create 0
append 0 1
poll
append 0 1
poll
append 0 3
poll
append 0 3
poll
append 0 1
poll
append 0 3
poll
append 0 1
poll
append 0 3
poll
append 0 1
poll
append 0 2
poll
append 0 2
poll
append 0 1
poll
append 0 3
poll
append 0 3
poll
append 0 1
poll
append 0 1
poll
append 0 2
poll
append 0 2
poll
commit";

/// A journal that begins with two files, and gets the others as it goes.
const YOUNG: &str = "create 0
append 0 3
append 0 2
commit
background
append 0 3
append 0 3
commit
append 0 3
commit
background
append 0 3
append 0 3
commit
background
append 0 3
append 0 4
commit
background
append 0 3
append 0 3
commit
start 0 20
background
append 0 3
commit
checkpoint
append 0 3
commit";

struct Case {
    name: &'static str,
    script: &'static str,
    depth: usize,
    slow: Option<u64>,
    /// With the boundaries of making the journal; else it is there.
    fresh: bool,
    /// Journal files that are prewritten ahead of need.
    files_ahead: u32,
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
    let case = |name, script, depth, slow| Case {
        name,
        script,
        depth,
        slow,
        fresh: ["appends", "young"].contains(&name),
        files_ahead: if name == "young" { 2 } else { 6 },
    };
    vec![
        case("appends", APPENDS, 1, None),
        case("young", YOUNG, 1, None),
        case("starts", STARTS, 1, None),
        case("laps", LAPS, 1, None),
        case("write-out", WRITE_OUT, 1, None),
        case("pipeline", PIPELINE, 3, Some(1)),
        case("pipeline 2", PIPELINE, 3, Some(2)),
        case("laps in flight", LAPS_IN_FLIGHT, 3, Some(3)),
    ]
}

/// Runs the script until its end or the power's.
fn run_script(disk: &SimDisk, case: &Case, rules: &Rules) -> History {
    if let Some(seed) = case.slow {
        slow(disk, seed);
    }
    let mut history = History::default();
    let Ok(mut session) = open_young(disk, rules, case.depth, case.files_ahead) else {
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

fn recovered(disk: &SimDisk, history: &History, acked: usize, rules: &Rules) -> Result<(Session, usize), String> {
    let session = open_young(disk, rules, 1, 2).map_err(|error| error.to_string())?;
    if session.store.logs().iter().any(|log| log.damaged.is_some()) || session.store.damage().is_some() {
        return Err("damage without rot".to_string());
    }
    let contents = session.contents();
    match prefix_of(&history.ops, acked, &contents) {
        Some(prefix) => Ok((session, prefix)),
        None => Err(format!("acked {acked} of {:?}\nfound {contents:?}", history.ops)),
    }
}

/// Goal: whatever the moment and whatever the disk kept, what was acknowledged is there, nothing else is, and
/// recovering again changes nothing; then the journal goes on.
pub fn check(disk: &SimDisk, history: &History, rules: &Rules) -> Result<(), String> {
    let (session, prefix) = recovered(disk, history, history.acked, rules)?;
    drop(session);
    // The recovered state is shown to readers, so it must stay, though the power goes again.
    let again = disk.after_crash(Persist::None);
    let (mut session, prefix_again) = recovered(&again, history, prefix, rules)?;
    if prefix != prefix_again {
        return Err("recovery of the recovered differs".to_string());
    }
    let mut more = History {
        ops: history.ops[..prefix].to_vec(),
        tickets: vec![0; prefix],
        next_payload: history.next_payload,
        acked: prefix,
    };
    for line in ["create 7", "append 7 1", "append 0 1", "commit"] {
        if !session.command(line, &mut more) {
            return Err(format!("{line} after recovery fails"));
        }
    }
    if more.acked != more.ops.len() {
        return Err("not all is acknowledged after recovery".to_string());
    }
    drop(session);
    let (_, all) = recovered(&again.after_crash(Persist::None), &more, more.acked, rules)?;
    if all == more.ops.len() {
        Ok(())
    } else {
        Err("what was appended after recovery is gone".to_string())
    }
}

pub fn nightly() -> bool {
    std::env::var_os("CORELANE_CRASH_ALL").is_some()
}

/// Every boundary; the first violation with its place.
fn enumerate(case: &Case, rules: &Rules) -> Result<(), String> {
    let whole = case.disk();
    let history = run_script(&whole, case, rules);
    assert_eq!(
        history.acked,
        history.ops.len(),
        "{}: a whole run acknowledges all",
        case.name
    );
    for (boundary, choice, disk, history) in crashes(case, rules, whole.boundaries()) {
        check(&disk, &history, rules)
            .map_err(|what| format!("{} boundary {boundary} {choice:?}: {what}", case.name))?;
    }
    Ok(())
}

type Crash = (u64, Persist, SimDisk, History);

fn crashes<'a>(case: &'a Case, rules: &'a Rules, boundaries: u64) -> impl Iterator<Item = Crash> + 'a {
    (1..=boundaries).flat_map(move |boundary| {
        let disk = case.disk();
        disk.crash_at(boundary);
        let history = run_script(&disk, case, rules);
        assert!(disk.crashed());
        let choices = choices(disk.pending_sectors()).into_iter();
        choices.map(move |choice| (boundary, choice, disk.after_crash(choice), history.clone()))
    })
}

/// The power goes again at every boundary of the recovery.
fn enumerate_nested(case: &Case) {
    let rules = Rules::production();
    let whole = case.disk();
    run_script(&whole, case, &rules);
    let step = if nightly() { 1 } else { 11 };
    for (boundary, choice, once, history) in crashes(case, &rules, whole.boundaries()) {
        let chosen = matches!(choice, Persist::None | Persist::All | Persist::Seeded(0));
        if !chosen || boundary % step != 0 {
            continue;
        }
        let whole = once.fork();
        drop(open(&whole, &rules, 1));
        for inner in (1..=whole.boundaries()).filter(|inner| nightly() || inner % 3 == boundary % 3) {
            let twice = once.fork();
            twice.crash_at(inner);
            drop(open(&twice, &rules, 1));
            for inner_choice in [Persist::None, Persist::All, Persist::Seeded(inner)] {
                if let Err(what) = check(&twice.after_crash(inner_choice), &history, &rules) {
                    panic!(
                        "{} boundary {boundary} {choice:?}, {inner} {inner_choice:?}: {what}",
                        case.name
                    );
                }
            }
        }
    }
}

fn case(name: &str) -> Case {
    cases().into_iter().find(|case| case.name == name).expect("a case")
}

fn every_boundary_of(name: &str) {
    if let Err(violation) = enumerate(&case(name), &Rules::production()) {
        panic!("{violation}");
    }
    enumerate_nested(&case(name));
}

#[test]
fn every_boundary_of_appends() {
    every_boundary_of("appends");
}

/// Goal: a crash while the ring is still being made takes nothing of what was acknowledged meanwhile, and whoever comes
/// after finishes the ring.
#[test]
fn every_boundary_of_a_young_journal() {
    let whole = case("young").disk();
    let mut session = open_young(&whole, &Rules::production(), 1, 2).expect("opens");
    let new_files = || whole.files().iter().filter(|(path, _)| path.ends_with(".new")).count();
    assert_eq!(new_files(), 4);
    let mut history = History::default();
    for line in YOUNG.lines() {
        assert!(session.command(line, &mut history), "{line}");
    }
    assert_eq!(new_files(), 0);
    drop(session);
    every_boundary_of("young");
}

/// Goal: where a log starts is what was acknowledged last, or what was on its way when the power went; nothing else.
#[test]
fn every_boundary_of_raised_starts() {
    every_boundary_of("starts");
}

#[test]
fn every_boundary_of_laps_round_the_ring() {
    every_boundary_of("laps");
}

#[test]
fn every_boundary_of_three_frames_in_flight() {
    every_boundary_of("pipeline");
    every_boundary_of("pipeline 2");
}

#[test]
fn every_boundary_of_write_out() {
    let whole = case("write-out").disk();
    let mut session = open(&whole, &Rules::production(), 1).expect("opens");
    let mut history = History::default();
    for line in WRITE_OUT.lines() {
        assert!(session.command(line, &mut history), "{line}");
    }
    let stats = session.store.stats();
    assert!(stats.written_out_bytes > 30_000 && stats.checkpoints > 3, "{stats:?}");
    drop(session);
    every_boundary_of("write-out");
}

/// Goal: a process that dies without the power going leaves unflushed frames readable; what its successor shows of them
/// must last.
#[test]
fn a_killed_process_then_a_power_loss() {
    let rules = Rules::production();
    for case in cases() {
        let whole = case.disk();
        run_script(&whole, &case, &rules);
        for boundary in 1..=whole.boundaries() {
            let disk = case.disk();
            disk.crash_at(boundary);
            let history = run_script(&disk, &case, &rules);
            let killed = disk.after_kill();
            let checked = recovered(&killed, &history, history.acked, &rules).and_then(|(session, prefix)| {
                drop(session);
                recovered(&killed.after_crash(Persist::None), &history, prefix, &rules)?;
                recovered(&killed.after_crash(Persist::Seeded(boundary)), &history, prefix, &rules)
            });
            if let Err(what) = checked {
                panic!("{} killed at {boundary}: {what}", case.name);
            }
        }
    }
}

/// Goal: without one of the rules that crashes alone can test, the enumeration finds a violation.
#[test]
fn mutants_are_caught() {
    let production = Rules::production();
    let mutants = [
        (
            Rules {
                flush: false,
                ..production.clone()
            },
            "appends",
        ),
        (
            Rules {
                chain: false,
                new_file: false,
                ..production.clone()
            },
            "pipeline",
        ),
        (
            Rules {
                file_head_alone: false,
                ..production.clone()
            },
            "laps in flight",
        ),
    ];
    for (mutant, name) in mutants {
        assert_eq!(enumerate(&case(name), &production), Ok(()), "{name}");
        let violation = enumerate(&case(name), &mutant).expect_err(name);
        println!("{mutant:?}: {}", violation.lines().next().unwrap_or(""));
    }
}
