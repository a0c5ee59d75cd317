//! Random histories with several crashes, three frames in flight that end in any order, and any subset of what was not
//! flushed surviving. The same histories must catch each safety rule's absence: a rule whose mutant they let live is
//! not tested.

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::{
    harness::{History, Random, Session, open, slow},
    model::{Logs, prefix_of},
};
use crate::{
    Rules,
    sim_disk::{Persist, SimDisk},
};

const CRASHES: usize = 4;
const LOGS: u64 = 3;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    Fine,
    /// Damage was made, and reported.
    Reported,
    /// Damage was to be made, but there was nothing to damage.
    NothingToRot,
}

/// Multiplied by ten or more at night.
fn seeds(count: u64) -> u64 {
    let times = std::env::var("CORELANE_CRASH_TIMES")
        .ok()
        .and_then(|times| times.parse().ok());
    count * times.unwrap_or(1u64)
}

fn random_command(random: &mut Random) -> String {
    let log = random.below(LOGS);
    match random.below(100) {
        0..45 => format!("append {log} {}", 1 + random.below(3)),
        45..75 => "poll".to_string(),
        75..80 => "commit".to_string(),
        80..83 => "idle".to_string(),
        83..86 => format!("state {log}"),
        86..89 => format!("create {log}"),
        89..90 => format!("delete {log}"),
        90..92 => format!("truncate {log} {}", random.below(30)),
        92..94 => format!("start {log} {}", random.below(30)),
        94..98 => "background".to_string(),
        _ => "checkpoint".to_string(),
    }
}

/// Some commands, until the power goes or not.
fn work(session: &mut Session, disk: &SimDisk, history: &mut History, random: &mut Random) -> Result<(), String> {
    for _ in 0..4 + random.below(40) {
        let mut lines = vec![random_command(random)];
        if !session.store.has_room() {
            lines.splice(
                0..0,
                ["commit", "background", "background", "background", "commit"].map(String::from),
            );
        }
        for line in lines {
            if !session.command(&line, history) {
                return if disk.crashed() {
                    Ok(())
                } else {
                    let failed = session.store.inner.state.borrow().failed.clone();
                    Err(format!(
                        "{line} failed with the power on: {failed:?} {:?}",
                        session.store.stats()
                    ))
                };
            }
        }
    }
    Ok(())
}

/// What is there, if nothing is damaged; None: damage is reported.
fn look(session: &Session) -> Option<Logs> {
    let damaged = session.store.logs().iter().any(|log| log.damaged.is_some());
    (!damaged && session.store.damage().is_none()).then(|| session.contents())
}

fn run_history(seed: u64, rules: &Rules, rot: bool) -> Result<Outcome, String> {
    let mut random = Random::new(seed);
    let depth = 1 + random.below(3) as usize;
    let mut disk = SimDisk::new();
    let mut history = History::default();
    for crash in 0..=CRASHES {
        slow(&disk, random.next());
        let last = crash == CRASHES;
        let crash_after = (!last && random.below(4) != 0).then(|| random.below(120));
        if !last && random.below(4) == 0 {
            disk.crash_at(disk.boundaries() + 1 + random.below(if crash == 0 { 300 } else { 80 }));
        }
        let opened = open(&disk, rules, depth);
        if let Err(error) = &opened
            && !disk.crashed()
        {
            return Err(format!("after crash {crash}: {error}"));
        }
        if let Ok(mut session) = opened {
            // Not while we look.
            disk.crash_at(u64::MAX);
            let contents = look(&session).ok_or_else(|| format!("false damage after crash {crash}"))?;
            let prefix = prefix_of(&history.ops, history.acked, &contents).ok_or_else(|| {
                format!(
                    "after crash {crash}: acked {} of {:?}, found {contents:?}",
                    history.acked, history.ops
                )
            })?;
            // Readers see it from now on, so it counts as acknowledged.
            history.ops.truncate(prefix);
            history.acked = prefix;
            history.tickets = vec![0; prefix];
            if last {
                break;
            }
            if let Some(boundaries) = crash_after {
                disk.crash_at(disk.boundaries() + 1 + boundaries);
            }
            work(&mut session, &disk, &mut history, &mut random)?;
        }
        if rot && crash + 1 == CRASHES {
            return rotted(&disk, &history, rules, &mut random);
        }
        disk = match random.below(6) {
            0 => disk.after_crash(Persist::None),
            1 => disk.after_crash(Persist::All),
            2 => disk.after_kill(),
            _ => disk.after_crash(Persist::Seeded(random.next())),
        };
    }
    Ok(Outcome::Fine)
}

/// One block of an acknowledged frame that the journal itself calls durable rots. It must be noticed, or not matter.
fn rotted(disk: &SimDisk, history: &History, rules: &Rules, random: &mut Random) -> Result<Outcome, String> {
    let disk = disk.after_crash(Persist::None);
    let covered = covered_blocks(&disk);
    if covered.is_empty() {
        return Ok(Outcome::NothingToRot);
    }
    let (path, block) = &covered[random.below(covered.len() as u64) as usize];
    assert!(disk.rot(path, *block));
    let Ok(session) = open(&disk, rules, 1) else {
        return Ok(Outcome::Reported);
    };
    match look(&session) {
        None => Ok(Outcome::Reported),
        Some(contents) => match prefix_of(&history.ops, history.acked, &contents) {
            Some(_) => Ok(Outcome::Fine),
            None => Err(format!(
                "silent loss: acked {} of {:?}, found {contents:?}",
                history.acked, history.ops
            )),
        },
    }
}

/// Blocks of frames that a later frame says are durable.
fn covered_blocks(disk: &SimDisk) -> Vec<(String, u64)> {
    use crate::journal::{directory, recovery::scan_file};
    let mut frames = Vec::new();
    let lineage = {
        let identity = crate::Identity {
            cluster_id: uuid::Uuid::nil(),
            broker_id: 1,
            disk_uuid: super::harness::wish().disk_uuid,
            incarnation: 0,
            cores: 1,
            journal_cores: 1,
        };
        directory::lineage(&identity, 0)
    };
    for slot in 0..6 {
        let path = format!("wal/of-001/core-000/{slot:04}.wal");
        let Some(content) = disk.content(&path) else {
            return Vec::new();
        };
        for frame in scan_file(&content, slot, 6, lineage.seed).expect("our version") {
            frames.push((path.clone(), frame.header));
        }
    }
    let durable_seq = frames.iter().map(|(_, header)| header.durable_seq).max().unwrap_or(0);
    let covered = frames.into_iter().filter(|(_, header)| header.frame_seq <= durable_seq);
    covered
        .flat_map(|(path, header)| {
            let blocks = u64::from(header.len) / 4096;
            (0..blocks).map(move |block| (path.clone(), u64::from(header.address.block) + block))
        })
        .collect()
}

fn first_violation(rules: &Rules, rot: bool, count: u64) -> Option<(u64, String)> {
    let found = (0..count).find_map(|seed| {
        // A mutant may also trip over an assertion; that is being caught, too.
        match catch_unwind(AssertUnwindSafe(|| run_history(seed, rules, rot))) {
            Ok(Ok(_)) => None,
            Ok(Err(violation)) => Some((seed, violation)),
            Err(_) => Some((seed, "assertion".to_string())),
        }
    });
    println!("{rules:?}: {found:?}");
    found
}

/// Goal: no history loses, invents or reorders anything, or reports damage that is none.
#[test]
fn random_histories() {
    for seed in 0..seeds(800) {
        if let Err(violation) = run_history(seed, &Rules::production(), false) {
            panic!("seed {seed}: {violation}");
        }
    }
}

/// Goal: an acknowledged frame that rots is never silently cut off.
#[test]
fn random_histories_with_rot() {
    let mut reported = 0;
    for seed in 0..seeds(400) {
        match run_history(seed, &Rules::production(), true) {
            Err(violation) => panic!("seed {seed}: {violation}"),
            Ok(outcome) => reported += u64::from(outcome == Outcome::Reported),
        }
    }
    assert!(reported > 30, "only {reported} were reported");
}

#[test]
fn mutant_without_flush_is_caught() {
    let mutant = Rules {
        flush: false,
        ..Rules::production()
    };
    assert!(first_violation(&mutant, false, 500).is_some());
}

#[test]
fn mutant_without_watermark_is_caught() {
    let mutant = Rules {
        watermark: false,
        ..Rules::production()
    };
    assert!(first_violation(&mutant, true, 1000).is_some());
}

#[test]
fn mutant_without_chain_and_new_file_is_caught() {
    let mutant = Rules {
        chain: false,
        new_file: false,
        ..Rules::production()
    };
    assert!(first_violation(&mutant, false, 2000).is_some());
}

#[test]
fn mutant_with_frames_beside_a_file_head_is_caught() {
    let mutant = Rules {
        file_head_alone: false,
        ..Rules::production()
    };
    assert!(first_violation(&mutant, false, 2000).is_some());
}
