//! Memory follows what is not in segments yet, not the frames and journal files around it.

use bytes::Bytes;
use uuid::Uuid;

use super::harness::{batch, options, run, wish};
use crate::{
    LogConfig, LogSpec, Rules, StateKind, Store,
    disk::BLOCK,
    open_data_dir,
    sim_disk::{Persist, SimDisk},
};

const JOURNAL_FILE_BYTES: u32 = 1 << 20;

fn open(disk: &SimDisk, tail_bytes_max: usize) -> Store<SimDisk> {
    let mut options = options(&Rules::production(), 1);
    options.journal_file_bytes = JOURNAL_FILE_BYTES;
    options.tail_bytes_max = tail_bytes_max;
    let identity = run(open_data_dir(disk, wish())).expect("formats");
    run(Store::open(disk.clone(), &identity, 0, options)).expect("opens")
}

fn spec(partition: i32) -> LogSpec {
    LogSpec {
        topic_id: Uuid::from_u128(7),
        topic: "t".into(),
        partition,
    }
}

/// Goal: logs that each hold a frame for a few bytes cannot make memory grow, nor stop appends: the large log beside them
/// is written out, and what is less than a block is copied together.
#[test]
fn frames_held_for_little_are_let_go() {
    let store = open(&SimDisk::new(), 256 << 10);
    let large = store.create(spec(1000), LogConfig::default());
    let mut end = 0;
    for partition in 0..200 {
        let small = store.create(spec(partition), LogConfig::default());
        let few_bytes = batch(1, 10);
        store.append(small, &few_bytes, 0, 1, None).expect("room");
        store.append(large, &batch(2, 9), end, 1, None).expect("room");
        end += 2;
        run(store.commit()).expect("commits");
        for _ in 0..50 {
            let more = run(store.background()).expect("background");
            if !more && store.has_room() {
                break;
            }
            // What the round appended itself, copies above all, must be durable for the next one to go on.
            store.set_state(large, StateKind::HighWatermark, Bytes::new());
            run(store.commit()).expect("commits");
        }
        let stats = store.stats();
        assert!(store.has_room(), "appends stopped at log {partition}: {stats:?}");
        assert!(
            stats.frame_memory_bytes <= 300 << 10,
            "memory grew at log {partition}: {stats:?}"
        );
    }
}

/// Goal: while many logs share frames and only some were written out, what is left of these is not copied in round after
/// round: that frees nothing, and fills the journal that appends wait for.
#[test]
fn copies_that_free_nothing_are_not_made() {
    const LOGS: i32 = 400;
    let store = open(&SimDisk::new(), 2 << 20);
    let logs: Vec<_> = (0..LOGS)
        .map(|partition| store.create(spec(partition), LogConfig::default()))
        .collect();
    let (mut appended, mut rounds) = (0, 0);
    for end in 0..40 {
        for (place, log) in logs.iter().enumerate() {
            let bytes = batch(1, 1);
            while !store.has_room() || place % 20 == 0 {
                run(store.background()).expect("background");
                // What the round appended itself must be durable for the next one to go on.
                store.set_state(*log, StateKind::HighWatermark, Bytes::new());
                run(store.commit()).expect("commits");
                rounds += 1;
                assert!(rounds < 10_000, "there is never room: {:?}", store.stats());
                if store.has_room() {
                    break;
                }
            }
            store.append(*log, &bytes, end, 1, None).expect("room");
            appended += bytes.len() as u64;
        }
    }
    let journaled = store.stats().record_bytes;
    assert!(
        journaled < appended + appended / 5,
        "{appended} bytes were appended, {journaled} went into the journal in {rounds} rounds"
    );
}

/// Goal: after a crash a few bytes of tail in each journal file take a few frames, not the files that they were read from.
#[test]
fn recovery_holds_frames_and_not_files() {
    const LOGS: i32 = 20;
    let disk = SimDisk::new();
    let store = open(&disk, 128 << 20);
    let ballast = store.create(spec(1000), LogConfig::default());
    for partition in 0..LOGS {
        let small = store.create(spec(partition), LogConfig::default());
        store.append(small, &batch(1, 10), 0, 1, None).expect("room");
        run(store.commit()).expect("commits");
        // As much as moves on by a journal file every few logs.
        for _ in 0..20 {
            let end = store.end_offset(ballast).expect("exists");
            store.append(ballast, &batch(4, 9), end, 1, None).expect("room");
            run(store.commit()).expect("commits");
        }
    }
    let end = store.end_offset(ballast).expect("exists");
    store.advance_start(ballast, end);
    run(store.commit()).expect("commits");
    let files_used = 6 - store.stats().journal_files_free;
    assert!(files_used >= 4, "{files_used} files");
    drop(store);

    let disk = disk.after_crash(Persist::None);
    let store = open(&disk, 128 << 20);
    let stats = store.stats();
    assert!(stats.tail_bytes > 0);
    assert!(stats.frame_memory_bytes <= LOGS as u64 * BLOCK as u64, "{stats:?}");
    let state = store.inner.state.borrow();
    assert!(
        state.frames.is_own_memory(),
        "a frame keeps the file that it was read from"
    );
}
