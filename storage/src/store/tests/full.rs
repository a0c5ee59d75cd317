//! A disk without room: appends stop, nothing else does, and what is deleted counts at once.

use bytes::Bytes;

use super::{
    faults::{self, commands},
    harness::{History, full, run},
};
use crate::{
    StateKind,
    sim_disk::{Persist, SimDisk},
};

/// Goal: a full disk stops appends, loses nothing, and goes on when there is space.
#[test]
fn a_full_disk_waits() {
    let disk = SimDisk::new();
    let mut session = faults::session(&disk);
    let mut history = History::default();
    assert!(commands(&mut session, &mut history, &["create 0"]));
    disk.set_capacity(disk.files().iter().map(|(_, size)| size).sum());
    while session.store.has_room() {
        assert!(commands(
            &mut session,
            &mut history,
            &["append 0 3", "commit", "background"]
        ));
    }
    assert!(disk.files().iter().all(|(path, _)| !path.ends_with(".log")) || history.ops.len() > 3);
    assert!(session.store.has_journal_room(), "a topic could be deleted");
    disk.set_capacity(u64::MAX);
    for _ in 0..6 {
        assert!(session.command("background", &mut history));
    }
    assert!(session.store.has_room());
    assert!(commands(&mut session, &mut history, &["append 0 3", "commit"]));
    assert_eq!(history.acked, history.ops.len());
}

/// Goal: what is deleted on a full disk makes room at once, though nothing else asks for a checkpoint.
#[test]
fn a_full_disk_takes_back_what_was_deleted() {
    for command in ["start 0 24", "delete 0"] {
        let disk = SimDisk::new();
        let mut session = faults::session(&disk);
        let mut history = History::default();
        assert!(commands(&mut session, &mut history, &["create 0", "create 1"]));
        let segments = || disk.files().iter().filter(|(path, _)| path.ends_with(".log")).count();
        while segments() < 8 {
            let lines = ["append 0 3", "commit", "idle", "background"];
            assert!(commands(&mut session, &mut history, &lines));
        }
        full(&disk);
        while session.store.has_room() {
            let lines = ["append 1 3", "commit", "background"];
            assert!(commands(&mut session, &mut history, &lines));
        }
        let before = segments();
        assert!(commands(&mut session, &mut history, &[command, "commit", "idle"]));
        for _ in 0..6 {
            assert!(commands(&mut session, &mut history, &["background", "commit", "idle"]));
        }
        assert!(segments() < before, "{command}: nothing was removed");
        assert!(session.store.has_room(), "{command}: appends still wait");
        assert!(commands(&mut session, &mut history, &["append 1 3", "commit"]));
        assert_eq!(history.acked, history.ops.len());
        let contents = session.contents();
        drop(session);
        assert_eq!(faults::session(&disk.after_crash(Persist::None)).contents(), contents);
    }
}

/// Goal: appends do not wait for the write-out of a log that was deleted meanwhile.
#[test]
fn a_full_disk_is_forgotten_with_what_it_was_full_for() {
    let disk = SimDisk::new();
    let mut session = faults::session(&disk);
    let mut history = History::default();
    assert!(session.command("create 0", &mut history));
    full(&disk);
    while session.store.has_room() {
        let lines = ["append 0 3", "commit", "background"];
        assert!(commands(&mut session, &mut history, &lines));
    }
    assert!(commands(
        &mut session,
        &mut history,
        &["delete 0", "create 1", "commit"]
    ));
    for _ in 0..6 {
        assert!(commands(&mut session, &mut history, &["background", "commit"]));
    }
    assert!(session.store.has_room());
}

/// Goal: where the disk has no room for a checkpoint the last one counts, and nothing is lost or ends.
#[test]
fn a_checkpoint_without_room_is_none() {
    let disk = SimDisk::new();
    let mut session = faults::session(&disk);
    let mut history = History::default();
    assert!(commands(
        &mut session,
        &mut history,
        &["create 0", "commit", "checkpoint"]
    ));
    full(&disk);
    // A state of the log is in every checkpoint, so there is one that outgrows what was reserved.
    let refused = (1..100).find_map(|log| {
        assert!(commands(
            &mut session,
            &mut history,
            &[&format!("create {log}"), "commit"]
        ));
        let id = session.store.logs().last().expect("just made").id;
        let value = Bytes::from(vec![1; 8 << 10]);
        session.store.set_state(id, StateKind::HighWatermark, value);
        assert!(session.command("commit", &mut history));
        run(session.store.checkpoint()).err()
    });
    let refused = refused.expect("the disk is full");
    assert!(refused.0.contains("no room"), "{refused}");
    assert!(commands(
        &mut session,
        &mut history,
        &["background", "append 1 2", "commit"]
    ));
    assert_eq!(history.acked, history.ops.len());
    let contents = session.contents();
    drop(session);
    disk.set_capacity(u64::MAX);
    let mut session = faults::session(&disk.after_crash(Persist::None));
    assert_eq!(session.contents(), contents);
    assert!(session.command("checkpoint", &mut history));
}
