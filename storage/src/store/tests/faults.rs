//! A disk that fails instead of losing power: errors, lies, writes that land elsewhere, files that are cut or exchanged.

use bytes::Bytes;

use super::harness::{History, Session, open, open_young, run};
use crate::{
    AppendError, ReadError, Rules, Ticket,
    disk::{Class, Disk, DiskFile, Open, Sync, aligned_zeroed},
    sim_disk::{Fault, Operation, Persist, SimDisk},
};

/// Offsets 0, 1 and 2, 3; each in a frame of its own.
const THREE_BATCHES: [&str; 7] = [
    "create 0",
    "append 0 1",
    "commit",
    "append 0 2",
    "commit",
    "append 0 1",
    "commit",
];

pub fn session(disk: &SimDisk) -> Session {
    open(disk, &Rules::production(), 1).expect("opens")
}

pub fn commands(session: &mut Session, history: &mut History, lines: &[&str]) -> bool {
    lines.iter().all(|line| session.command(line, history))
}

/// Goal: after one failed write or flush nothing is acknowledged any more, though the disk works again.
#[test]
fn the_first_fault_is_the_last_word() {
    for (operation, fault) in [
        (Operation::Write, Fault::Error),
        (Operation::Write, Fault::ShortWrite),
        (Operation::Flush, Fault::Error),
    ] {
        let disk = SimDisk::new();
        let mut session = session(&disk);
        let mut history = History::default();
        assert!(commands(
            &mut session,
            &mut history,
            &["create 0", "append 0 1", "commit", "append 0 2"]
        ));
        disk.fail(operation, 1, false, fault);
        assert!(!session.command("commit", &mut history));
        assert_eq!(history.acked, 2);
        let id = session.store.logs()[0].id;
        let batch = super::harness::batch(1, 9);
        assert_eq!(session.store.append(id, &batch, 3, 1, None), Err(AppendError::Failed));
        assert!(run(session.store.commit()).is_err());
        assert!(run(session.store.background()).is_err() || history.acked == 2);
        assert!(run(session.store.checkpoint()).is_err());
        let ticket = Ticket {
            frame_seq: *history.tickets.last().expect("some"),
        };
        assert!(run(session.store.wait_durable(ticket)).is_err() && !session.store.is_durable(ticket));
        drop(session);
        let again = super::faults::session(&disk.after_crash(Persist::All));
        assert!(again.contents()[&0].end_offset >= 1);
    }
}

/// Goal: a disk that lied about flushes is found out, if any frame after the lost one says that it was durable.
#[test]
fn a_lying_disk_is_found_out() {
    let disk = SimDisk::new();
    let mut session = session(&disk);
    let mut history = History::default();
    assert!(commands(
        &mut session,
        &mut history,
        &["create 0", "append 0 1", "commit"]
    ));
    disk.fail(Operation::Flush, 1, false, Fault::Lie);
    assert!(commands(
        &mut session,
        &mut history,
        &["append 0 2", "commit", "append 0 2", "commit", "idle"]
    ));
    drop(session);
    let after = super::faults::session(&disk.after_crash(Persist::None));
    assert!(after.store.logs()[0].damaged.is_some());
    let id = after.store.logs()[0].id;
    let refused = after.store.append(id, &super::harness::batch(1, 9), 5, 1, None);
    assert!(matches!(refused, Err(AppendError::Damaged(_))), "{refused:?}");
}

/// Goal: appends wait for files that are not prewritten yet, and a prewritten file that goes missing is not taken for one
/// that was never made.
#[test]
fn a_young_journal_grows_ahead_of_need() {
    let disk = SimDisk::new();
    let mut session = open_young(&disk, &Rules::production(), 1, 2).expect("opens");
    let mut history = History::default();
    assert_eq!(session.store.stats().journal_files_free, 2);
    assert!(!session.store.has_room(), "three files stay free");
    assert!(commands(
        &mut session,
        &mut history,
        &["create 0", "append 0 3", "commit"]
    ));
    assert_eq!(session.store.stats().journal_files_free, 1);
    assert!(commands(&mut session, &mut history, &["background", "background"]));
    assert_eq!(session.store.stats().journal_files_free, 3);
    assert!(session.store.has_room());
    drop(session);
    let young = disk.after_crash(Persist::None);
    let path = |slot: u32| format!("wal/of-001/core-000/{slot:04}.wal");
    for lost in [path(2), format!("{}.new", path(0))] {
        let disk = young.fork();
        run(disk.remove(&lost)).expect("it is there");
        let refused = open_young(&disk, &Rules::production(), 1, 2)
            .err()
            .expect("refused")
            .to_string();
        assert!(refused.contains(lost.trim_end_matches(".new")), "{refused}");
    }
    let mut session = open_young(&young, &Rules::production(), 1, 6).expect("opens");
    assert_eq!(session.store.stats().journal_files_free, 5);
    assert!(commands(&mut session, &mut history, &["append 0 3", "commit"]));
    assert_eq!(history.acked, history.ops.len());
}

/// Goal: a start reads no file whole that can have nothing to replay, and a head that was lost hides nothing behind it.
#[test]
fn only_files_that_count_are_read() {
    let disk = SimDisk::new();
    let mut session = session(&disk);
    let mut history = History::default();
    let lines = ["append 0 3", "append 0 3", "append 0 3", "commit"];
    assert!(session.command("create 0", &mut history));
    for _ in 0..3 {
        assert!(commands(&mut session, &mut history, &lines));
    }
    assert!(session.command("idle", &mut history));
    drop(session);
    let disk = disk.after_crash(Persist::None);
    let reads = |disk: &SimDisk| {
        let before = disk.count(Operation::Read);
        drop(super::faults::session(disk));
        disk.count(Operation::Read) - before
    };
    let path = |slot: u32| format!("wal/of-001/core-000/{slot:04}.wal");
    let started = (1..6).filter(|slot| {
        disk.content(&path(*slot)).expect("a file")[..4096]
            .iter()
            .any(|byte| *byte != 0)
    });
    let started = started.count() as u64;
    assert!((2..5).contains(&started), "{started}");
    // Both superblocks and checkpoints with a body; six heads; those started and the next, and for the replay again.
    let whole = reads(&disk.fork());
    assert!(
        whole <= 12 + 6 + started + 1 + started,
        "{whole} reads for {started} files"
    );
    let head_lost = disk.fork();
    head_lost.overwrite(&path(started as u32), 0, &[0; 4096]);
    let session = super::faults::session(&head_lost);
    assert!(session.store.damage().is_some() || session.store.logs().iter().any(|log| log.damaged.is_some()));
}

/// Goal: records that rotted in the middle of a log are an error to whoever asks for them; what stands behind them is not
/// served in their place, not even when a checkpoint says that they were there.
#[test]
fn rot_in_the_middle_is_not_passed_over() {
    for with_checkpoint in [false, true] {
        let disk = SimDisk::new();
        let mut session = session(&disk);
        let mut history = History::default();
        assert!(commands(&mut session, &mut history, &THREE_BATCHES));
        // Of the second batch, offsets 1 and 2: its frame is the last but one, and each is one block.
        let journal = written_blocks(&disk);
        let (path, block) = journal[journal.len() - 2].clone();
        if with_checkpoint {
            assert!(session.command("checkpoint", &mut history));
        }
        assert!(session.command("idle", &mut history));
        drop(session);
        let disk = disk.after_crash(Persist::None);
        assert!(disk.rot(&path, block));
        let session = super::faults::session(&disk);
        let store = &session.store;
        let id = store.logs()[0].id;
        assert!(store.damage_of(id).is_some());
        let first = run(store.read(id, 0, 4, 1 << 20)).expect("intact");
        assert_eq!(first.len(), 1, "{first:?}");
        for from in [1, 2] {
            assert_eq!(store.read_tail(id, from, 4, 1 << 20), None);
            let refused = run(store.read(id, from, 4, 1 << 20));
            assert!(
                matches!(refused, Err(ReadError::Corrupt(_) | ReadError::OutOfRange { .. })),
                "{refused:?}"
            );
        }
    }
}

/// Blocks of the journal that hold something, in order; it has not come to its second file.
fn written_blocks(disk: &SimDisk) -> Vec<(String, u64)> {
    let mut written = Vec::new();
    for (path, _) in disk.files().into_iter().filter(|(path, _)| path.ends_with(".wal")) {
        let content = disk.content(&path).expect("the journal");
        let blocks = content.chunks(4096).enumerate();
        let blocks = blocks.filter(|(_, block)| block.iter().any(|byte| *byte != 0));
        written.extend(blocks.map(|(block, _)| (path.clone(), block as u64)));
    }
    written
}

/// Goal: damage stays reported after any number of starts and checkpoints, and what is intact is served.
#[test]
fn damage_is_not_forgotten() {
    let disk = SimDisk::new();
    let mut session = session(&disk);
    let mut history = History::default();
    assert!(commands(&mut session, &mut history, &THREE_BATCHES));
    assert!(session.command("idle", &mut history));
    drop(session);
    let disk = disk.after_crash(Persist::None);
    let content = disk.content("wal/of-001/core-000/0001.wal").expect("the first file");
    let second = (1..8)
        .find(|block| content[block * 4096 + 4] == b'J')
        .expect("a second frame") as u64;
    assert!(disk.rot("wal/of-001/core-000/0001.wal", second));
    for _ in 0..3 {
        let session = super::faults::session(&disk);
        let log = session.store.logs()[0].clone();
        assert!(log.damaged.is_some());
        for bytes_max in [1, 1 << 20] {
            let parts = run(session.store.read(log.id, 0, i64::MAX, bytes_max)).expect("the first batch is intact");
            assert_eq!(parts.len(), 1, "nobody steps over the hole");
        }
        assert_eq!(session.store.read_tail(log.id, 0, i64::MAX, 1 << 20), None);
        for from in [1, 2, 3, 4] {
            let lost = run(session.store.read(log.id, from, i64::MAX, 1 << 20));
            assert!(
                from == 4 || matches!(lost, Err(ReadError::Corrupt(_))),
                "at {from}: {lost:?}"
            );
        }
        run(session.store.checkpoint()).expect("checkpoints");
    }
}

/// Goal: a journal file that was cut, or that lies in another one's place, is not taken for a journal that ends early.
#[test]
fn a_cut_or_exchanged_journal_file_is_refused() {
    let disk = SimDisk::new();
    let mut session = session(&disk);
    let mut history = History::default();
    assert!(commands(
        &mut session,
        &mut history,
        &["create 0", "append 0 1", "commit"]
    ));
    drop(session);
    let path = |slot: u32| format!("wal/of-001/core-000/{slot:04}.wal");
    let head = disk.content(&path(1)).expect("the first file");
    let refusal_after = |change: &dyn Fn(&SimDisk)| {
        let disk = disk.after_crash(Persist::All);
        change(&disk);
        let refused = open(&disk, &Rules::production(), 1).err().expect("refused").to_string();
        // What was refused was left as it was.
        assert_eq!(
            open(&disk, &Rules::production(), 1).err().expect("refused").to_string(),
            refused
        );
        refused
    };
    let file_of = |disk: &SimDisk, slot| run(disk.open(&path(slot), Open::Existing, Class::Journal)).expect("opens");
    for len in [0, head.len() / 2, head.len() - 1] {
        let cut = refusal_after(&|disk| run(file_of(disk, 1).truncate(len as u64)).expect("cuts"));
        assert!(cut.contains("0001.wal: the file was made with"), "{cut}");
    }
    let exchanged = refusal_after(&|disk| {
        let mut whole = aligned_zeroed(head.len());
        whole.copy_from_slice(&head);
        run(file_of(disk, 2).write_at(0, Bytes::from_owner(whole), Sync::Data)).expect("writes");
    });
    assert!(exchanged.contains("0002.wal: this is file 0001.wal"), "{exchanged}");
}

/// Goal: whoever asks for room before each append never fills the ring, also if nothing reaches the disk meanwhile.
#[test]
fn room_counts_what_is_still_on_its_way() {
    let disk = SimDisk::new();
    let mut session = session(&disk);
    assert!(session.command("create 0", &mut History::default()));
    let id = session.store.logs()[0].id;
    let batch = super::harness::batch(100, 5);
    let (mut end, mut ticket) = (0, None);
    while session.store.has_journal_room() {
        assert!(end < 100_000, "there is always room");
        let appended = session.store.append(id, &batch, end, 1, None);
        ticket = Some(appended.expect("there is room"));
        end += 100;
    }
    let ticket = ticket.expect("an empty ring has room");
    while !session.store.is_durable(ticket) {
        run(session.store.commit()).expect("the ring takes it all");
    }
}

/// Goal: a journal is not opened with another number of cores by accident.
#[test]
fn another_number_of_cores_is_refused() {
    let disk = SimDisk::new();
    drop(session(&disk));
    let refused = run(async {
        let wish = crate::FormatWish {
            cores: 2,
            ..super::harness::wish()
        };
        let identity = crate::open_data_dir(&disk, wish).await.expect("opens");
        let options = super::harness::options(&Rules::production(), 1);
        crate::Store::open(disk.clone(), &identity, 0, options)
            .await
            .err()
            .expect("refused")
    });
    assert!(refused.to_string().contains("1 journals"), "{refused}");
}
