//! Goal: the files of a deleted log go by themselves, also when a crash came between.

use std::{cell::Cell, rc::Rc};

use super::harness::{batch, options, run, wish};
use crate::{LogConfig, LogId, LogSpec, Rules, Store, StoreOptions, Ticket, open_data_dir, sim_disk::SimDisk};

const A_MINUTE_MS: i64 = 61_000;

fn open(disk: &SimDisk, wall_ms: &Rc<Cell<i64>>) -> Store<SimDisk> {
    let clock = wall_ms.clone();
    let options = StoreOptions {
        wall_ms: Rc::new(move || clock.get()),
        journal_file_bytes: 4 << 20,
        frame_bytes_max: 1 << 20,
        ..options(&Rules::production(), 1)
    };
    run(async {
        let identity = open_data_dir(disk, wish()).await.expect("a directory");
        Store::open(disk.clone(), &identity, 0, options).await.expect("a store")
    })
}

fn wait_for(store: &Store<SimDisk>, ticket: Ticket) {
    while !store.is_durable(ticket) {
        run(store.commit()).expect("a sound disk");
    }
}

fn created(store: &Store<SimDisk>, partition: i32) -> LogId {
    let spec = LogSpec {
        topic_id: uuid::Uuid::from_u128(1),
        topic: "orders".into(),
        partition,
    };
    store.create(spec, LogConfig::default())
}

/// So much that a segment is written.
fn fill(store: &Store<SimDisk>, log: LogId) {
    let batch = batch(1, 7);
    let batches = (3 << 19) / batch.len() as i64;
    let appended = (0..batches).map(|offset| store.append(log, &batch, offset, 1, None).expect("room"));
    wait_for(store, appended.last().expect("some"));
    while run(store.background()).expect("a sound disk") {}
}

fn segments(disk: &SimDisk) -> usize {
    disk.files().iter().filter(|(path, _)| path.ends_with(".log")).count()
}

#[test]
fn files_of_a_deleted_log_go_within_a_minute_also_after_a_crash() {
    for crashes in [false, true] {
        let disk = SimDisk::new();
        let wall_ms = Rc::new(Cell::new(1_000_000));
        let store = open(&disk, &wall_ms);
        let (deleted, other) = (created(&store, 0), created(&store, 1));
        fill(&store, deleted);
        assert_eq!(segments(&disk), 1);
        wait_for(&store, store.delete(deleted));
        let store = if crashes {
            drop(store);
            open(&disk, &wall_ms)
        } else {
            store
        };
        // Something comes, as it does in a broker.
        run(store.background()).expect("a sound disk");
        wait_for(&store, store.append(other, &batch(1, 7), 0, 1, None).expect("room"));
        wall_ms.set(wall_ms.get() + A_MINUTE_MS);
        run(store.background()).expect("a sound disk");
        assert_eq!(segments(&disk), 0, "crashes: {crashes}");
    }
}
