//! A disk that stays full, for however long: starts, elections and deletions go on, only what makes the broker larger does not.
//!
//! Log 1 is a producer's, with segments and all of the journal that it could get; log 0 is metadata: it asks for no more than
//! what metadata may have.

use bytes::Bytes;
use corelane_protocol::records::Builder;
use uuid::Uuid;

use super::{
    crash::{check, nightly},
    harness::{History, Session, full, open_with, options},
};
use crate::{
    LogConfig, LogId, LogSpec, Rules, StateKind, StoreOptions, Ticket,
    journal::record::kind,
    sim_disk::{Persist, SimDisk},
};

const METADATA: u32 = 0;
const PRODUCED: u32 = 1;
/// Rounds after which something must have become possible.
const ROUNDS_MAX: u32 = 2_000;

fn ring_of_16() -> StoreOptions {
    StoreOptions {
        journal_files: 16,
        journal_files_ahead: 16,
        ..options(&Rules::production(), 1)
    }
}

fn open(disk: &SimDisk) -> Session {
    open_with(disk, ring_of_16()).expect("opens")
}

fn id(session: &Session, log: u32) -> LogId {
    session.store.find(Uuid::from_u128(1), log as i32).expect("exists")
}

/// A disk that was full when the producer was stopped; the largest batches are `records` long.
fn full_disk(records: i64) -> (SimDisk, Session, History) {
    let disk = SimDisk::new();
    let mut session = open(&disk);
    let mut history = History::default();
    let lines = ["create 0", "create 1", "commit"];
    assert!(lines.iter().all(|line| session.command(line, &mut history)));
    let segments = || disk.files().iter().filter(|(path, _)| path.ends_with(".log")).count();
    while segments() < 8 {
        assert!(session.command("append 1 3", &mut history) && session.command("commit", &mut history));
        assert!(session.command("background", &mut history));
    }
    full(&disk);
    while session.store.has_room() {
        for line in [format!("append {PRODUCED} {records}").as_str(), "commit", "background"] {
            assert!(session.command(line, &mut history), "{line}");
        }
    }
    (disk, session, history)
}

fn round(session: &mut Session, history: &mut History) {
    for line in ["commit", "background", "commit", "idle"] {
        assert!(
            session.command(line, history),
            "{line}: {:?}",
            session.store.inner.state.borrow().failed
        );
    }
}

/// Whether this becomes true, when the background has its time.
fn comes(session: &mut Session, history: &mut History, is_there: impl Fn(&Session) -> bool) -> bool {
    for _ in 0..ROUNDS_MAX {
        if is_there(session) {
            return true;
        }
        round(session, history);
    }
    false
}

/// A small entry of a metadata log.
fn entry() -> Bytes {
    let mut builder = Builder::new();
    builder.push(7, None, Some(&[5; 60]));
    builder.build()
}

fn append_entry(session: &mut Session, history: &mut History) -> Ticket {
    let log = id(session, METADATA);
    let end = session.store.end_offset(log).expect("exists");
    let ticket = session.store.append(log, &entry(), end, 1, None).expect("is taken");
    assert!(session.command("commit", history));
    assert!(session.store.is_durable(ticket));
    ticket
}

/// What a broker writes before it is ready: votes, and an entry.
fn become_ready(session: &mut Session, history: &mut History) -> bool {
    let log = id(session, METADATA);
    for _ in 0..6 {
        if !comes(session, history, |session| session.store.has_journal_room()) {
            return false;
        }
        session
            .store
            .set_state(log, StateKind::HardState, Bytes::from_static(b"12345678"));
        assert!(session.command("commit", history));
    }
    let has_room = comes(session, history, |session| session.store.has_journal_room());
    if has_room {
        append_entry(session, history);
    }
    has_room
}

/// Goal: on a disk that stays full a broker gets ready after every start, killed or stopped, however many there are; all that
/// it ever acknowledged is there and can be read, and when something is deleted, all goes on.
#[test]
fn starts_go_on_for_ever() {
    for records in [1, 9] {
        let (mut disk, mut session, mut history) = full_disk(records);
        let produced = session.content(id(&session, PRODUCED));
        let mut entries = 0;
        for start in 0..150 {
            assert!(
                become_ready(&mut session, &mut history),
                "start {start}: {:?}",
                session.store.stats()
            );
            entries += 1;
            if start % 3 == 0 {
                super::harness::run(session.store.close()).expect("closes");
            }
            drop(session);
            disk = match start % 5 {
                0 | 1 => disk.after_kill(),
                2 => disk.after_crash(Persist::None),
                3 => disk.after_crash(Persist::All),
                _ => disk.after_crash(Persist::Seeded(start)),
            };
            // What was reserved and never written is lost with a crash: somebody else has it now.
            full(&disk);
            session = open(&disk);
            assert_eq!(
                session.store.end_offset(id(&session, METADATA)),
                Some(entries),
                "start {start}"
            );
        }
        assert!(
            session.content(id(&session, PRODUCED)) == produced,
            "what was acknowledged can be read"
        );
        goes_on_after_a_deletion(&disk, session, history);
    }
}

/// Goal: starts that die before they could do anything take nothing, however many there are in a row.
#[test]
fn starts_that_fail_take_nothing() {
    let (mut disk, mut session, mut history) = full_disk(2);
    for start in 0..60 {
        if session.store.has_journal_room() {
            session.store.set_state(
                id(&session, METADATA),
                StateKind::HardState,
                Bytes::from_static(b"12345678"),
            );
            assert!(session.command("commit", &mut history));
        }
        drop(session);
        disk = disk.after_crash(Persist::Seeded(start));
        full(&disk);
        session = open(&disk);
    }
    assert!(become_ready(&mut session, &mut history), "{:?}", session.store.stats());
    goes_on_after_a_deletion(&disk, session, history);
}

/// Goal: changes of metadata end before what deletions need is used up, and what they wrote for nothing comes back.
#[test]
fn changes_end_before_deletions() {
    let (disk, mut session, mut history) = full_disk(2);
    let may_grow = |session: &Session| session.store.has_room_to_grow() && session.store.has_journal_room();
    let log = id(&session, METADATA);
    // Overwritten ones take nothing for good: many laps round the ring.
    for change in 0..3_000 {
        assert!(
            comes(&mut session, &mut history, may_grow),
            "{change}: {:?}",
            session.store.stats()
        );
        session
            .store
            .set_state(log, StateKind::HardState, Bytes::from_static(b"12345678"));
        assert!(session.command("commit", &mut history));
    }
    let mut changes = 0;
    while comes(&mut session, &mut history, may_grow) {
        append_entry(&mut session, &mut history);
        changes += 1;
        assert!(changes < 5_000, "the journal takes more than it has");
    }
    // 32 KiB of it are more than two hundred such entries.
    assert!(changes > 100, "{changes}");
    assert!(become_ready(&mut session, &mut history));
    goes_on_after_a_deletion(&disk, session, history);
}

/// Goal: more logs end before a checkpoint of them has no room, since no deletion would free anything then.
#[test]
fn logs_end_before_checkpoints() {
    let (disk, mut session, mut history) = full_disk(2);
    let mut logs = 0;
    while comes(&mut session, &mut history, |session| session.store.has_room_to_grow()) {
        let spec = LogSpec {
            topic_id: Uuid::from_u128(100 + logs),
            topic: format!("{logs:0>200}"),
            partition: 0,
        };
        session.store.create(spec, LogConfig::default());
        round(&mut session, &mut history);
        logs += 1;
        assert!(logs < 5_000, "the checkpoint takes more than it has");
    }
    assert!(logs > 100, "{logs}");
    goes_on_after_a_deletion(&disk, session, history);
}

/// Deletes the records, and then the log, of the producer.
fn goes_on_after_a_deletion(disk: &SimDisk, mut session: Session, mut history: History) {
    let used = |disk: &SimDisk| disk.files().iter().map(|(_, size)| size).sum::<u64>();
    let (before, disk) = (used(disk), disk.clone());
    assert!(comes(&mut session, &mut history, |session| session
        .store
        .has_journal_room()));
    assert!(session.command(&format!("start {PRODUCED} 12"), &mut history));
    assert!(
        comes(&mut session, &mut history, |_| used(&disk) < before),
        "records are deleted"
    );
    assert!(comes(&mut session, &mut history, |session| session
        .store
        .has_journal_room()));
    assert!(
        session.command(&format!("delete {PRODUCED}"), &mut history) && session.command("checkpoint", &mut history)
    );
    assert!(
        comes(&mut session, &mut history, |session| session.store.has_room()),
        "produce goes on"
    );
    let lines = ["create 2", "append 2 3", "commit", "append 2 2", "commit"];
    assert!(lines.iter().all(|line| session.command(line, &mut history)));
    let entries = session.store.end_offset(id(&session, METADATA));
    drop(session);
    let session = open(&disk.after_crash(Persist::None));
    assert_eq!(session.store.end_offset(id(&session, METADATA)), entries);
    assert_eq!(session.content(id(&session, 2)).end_offset, 5);
}

/// Goal: a batch that is copied can be read at every moment, from memory.
#[test]
fn what_is_copied_stays_readable() {
    let (disk, mut session, mut history) = full_disk(2);
    let log = id(&session, PRODUCED);
    let produced = session.content(log);
    let metadata = id(&session, METADATA);
    for _ in 0..400 {
        if session.store.has_journal_room() {
            session
                .store
                .set_state(metadata, StateKind::HardState, Bytes::from_static(b"12345678"));
        }
        assert!(session.command("commit", &mut history) && session.command("background", &mut history));
        // The frame that the round filled is not sealed yet.
        assert!(session.content(log) == produced);
    }
    assert!(copies(&disk, log) > 10);
}

/// Batches of this log in the journal that are there once more.
fn copies(disk: &SimDisk, log: LogId) -> usize {
    let journal = disk.files().into_iter().filter(|(path, _)| path.ends_with(".wal"));
    let bytes = journal
        .filter_map(|(path, _)| disk.content(&path))
        .collect::<Vec<_>>()
        .concat();
    let of_log = |record: &&[u8]| record[4] == kind::COPY && record[8..16] == log.0.to_le_bytes();
    bytes.windows(16).step_by(8).filter(of_log).count()
}

/// Goal: whatever the moment of a lap at which the power goes, and whatever the disk kept, what was acknowledged is there.
#[test]
fn a_lap_survives_every_crash() {
    let work = |session: &mut Session, history: &mut History| {
        let mut round = 0;
        while round < 60 {
            let mut lines = vec!["background", "commit"];
            if session.store.has_journal_room() {
                lines.splice(
                    0..0,
                    [
                        "state 0",
                        if round % 7 == 0 { "append 0 1" } else { "state 0" },
                        "commit",
                    ],
                );
            }
            if !lines.iter().all(|line| session.command(line, history)) {
                return;
            }
            round += 1;
        }
    };
    let (disk, mut session, mut history) = full_disk(2);
    let first = disk.boundaries();
    work(&mut session, &mut history);
    assert_eq!(history.acked, history.ops.len());
    assert!(copies(&disk, id(&session, PRODUCED)) > 10);
    let last = disk.boundaries();
    let step = if nightly() { 1 } else { 5 };
    for boundary in (first + 1..last).step_by(step) {
        let (disk, mut session, mut history) = full_disk(2);
        disk.crash_at(boundary);
        work(&mut session, &mut history);
        assert!(disk.crashed());
        for choice in [
            Persist::None,
            Persist::All,
            Persist::Seeded(boundary),
            Persist::AllBut(0),
        ] {
            if let Err(what) = check(&disk.after_crash(choice), &history, &Rules::production()) {
                panic!("boundary {boundary} {choice:?}: {what}");
            }
        }
    }
}
