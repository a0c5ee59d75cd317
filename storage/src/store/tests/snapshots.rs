//! Snapshots beside a log's segments: whole or not there, and the one that counts is always there.

use bytes::Bytes;
use uuid::Uuid;

use super::harness::{Session, open, run};
use crate::{
    LogConfig, LogId, LogSpec, ReadError, Rules, SnapshotId, StateKind, Store,
    disk::Disk,
    sim_disk::{Persist, SimDisk},
};

const FIRST: SnapshotId = SnapshotId {
    end_offset: 7,
    leader_epoch: 1,
};
const SECOND: SnapshotId = SnapshotId {
    end_offset: 9,
    leader_epoch: 2,
};

/// Blocks and a bit, in pieces that fit neither.
fn pieces(id: SnapshotId) -> Vec<Bytes> {
    let piece = |number: u8| Bytes::from(vec![number ^ id.end_offset as u8; 50_000]);
    (0..4).map(piece).collect()
}

fn session(disk: &SimDisk) -> Session {
    open(disk, &Rules::production(), 1).expect("opens")
}

fn log(store: &Store<SimDisk>) -> LogId {
    store.find(Uuid::from_u128(1), 0).expect("made at first")
}

/// As a raft group does it. None: the power is gone.
fn switch_to(store: &Store<SimDisk>, id: SnapshotId) -> Option<()> {
    let log = log(store);
    assert!(run(store.write_snapshot(log, id, pieces(id).into_iter())).ok()?);
    store.set_state(
        log,
        StateKind::Snapshot,
        Bytes::from(id.end_offset.to_le_bytes().to_vec()),
    );
    run(store.commit()).ok()?;
    run(store.remove_other_snapshots(log, Some(id)));
    Some(())
}

/// The one that counts.
fn held(store: &Store<SimDisk>) -> SnapshotId {
    let log = log(store);
    let state = store.state(log, StateKind::Snapshot).expect("there is always one");
    let id = if state[0] == 7 { FIRST } else { SECOND };
    let mut read = Vec::new();
    run(store.read_snapshot(log, id, |piece| read.extend_from_slice(piece))).expect("it is there");
    assert!(read == pieces(id).concat(), "it is whole");
    id
}

fn with_first_snapshot() -> SimDisk {
    let disk = SimDisk::new();
    let store = session(&disk).store;
    let spec = LogSpec {
        topic_id: Uuid::from_u128(1),
        topic: "metadata".into(),
        partition: 0,
    };
    store.create(spec, LogConfig::default());
    switch_to(&store, FIRST).expect("has power");
    assert_eq!(held(&store), FIRST);
    disk
}

/// Goal: wherever the power goes while a snapshot takes another's place, one of the two is there, whole.
#[test]
fn a_crash_leaves_the_old_or_the_new_snapshot() {
    let before = with_first_snapshot();
    let (mut first, mut second) = (0, 0);
    for boundary in 1.. {
        let disk = before.fork();
        let store = session(&disk).store;
        disk.crash_at(disk.boundaries() + boundary);
        let switched = switch_to(&store, SECOND);
        drop(store);
        let choices = [
            Persist::None,
            Persist::All,
            Persist::Seeded(boundary),
            Persist::Seeded(!boundary),
        ];
        for persist in choices {
            let disk = disk.after_crash(persist);
            let store = session(&disk).store;
            let id = held(&store);
            *if id == FIRST { &mut first } else { &mut second } += 1;
            // What the crash left of the other goes, and does not hinder the next.
            run(store.remove_other_snapshots(log(&store), Some(id)));
            let files = disk.files();
            let mut files = files.iter().filter(|(path, _)| path.contains(".checkpoint"));
            assert!(files.next().is_some() && files.next().is_none());
            switch_to(&store, SECOND).expect("has power");
            assert_eq!(held(&store), SECOND);
        }
        if switched.is_some() {
            break;
        }
    }
    assert!(first > 20 && second > 4, "{first} and {second}");
}

/// Goal: a disk without room refuses a snapshot, keeps the last one, and nothing of the new one stays.
#[test]
fn a_full_disk_takes_no_snapshot() {
    let disk = with_first_snapshot();
    let store = session(&disk).store;
    let free = run(disk.space()).expect("known").free_bytes;
    disk.set_capacity(u64::MAX - free + 100_000);
    let written = run(store.write_snapshot(log(&store), SECOND, pieces(SECOND).into_iter()));
    assert_eq!(written.map_err(|error| error.0), Ok(false));
    assert!(disk.files().iter().all(|(path, _)| !path.contains(".part")));
    assert_eq!(held(&store), FIRST);
    disk.set_capacity(u64::MAX);
    switch_to(&store, SECOND).expect("has power");
    assert_eq!(held(&store), SECOND);
}

/// Goal: a snapshot that is gone, or of no log, is an error to whoever reads it.
#[test]
fn a_missing_snapshot_is_an_error() {
    let store = session(&with_first_snapshot()).store;
    let read = run(store.read_snapshot(log(&store), SECOND, |_| ()));
    assert!(matches!(read, Err(ReadError::Io(_))), "{read:?}");
    let read = run(store.read_snapshot(LogId(1), FIRST, |_| ()));
    assert_eq!(read, Err(ReadError::UnknownLog));
}
