//! Goal: a silent producer is forgotten when it is time and not before, and a crash brings nothing of it back to anybody who is
//! served.

use std::{cell::Cell, rc::Rc};

use bytes::Bytes;
use corelane_protocol::records::{BatchHeader, Builder};

use super::harness::{options, run, wish};
use crate::{LogConfig, LogId, LogSpec, ProducerCheck, Rules, Store, StoreOptions, open_data_dir, sim_disk::SimDisk};

const EXPIRATION_MS: i64 = 1_000;
const CHECK_EVERY_MS: i64 = 100;

struct World {
    disk: SimDisk,
    wall_ms: Rc<Cell<i64>>,
}

impl World {
    fn new() -> World {
        World {
            disk: SimDisk::new(),
            wall_ms: Rc::new(Cell::new(1_000_000)),
        }
    }

    fn open(&self) -> Store<SimDisk> {
        let clock = self.wall_ms.clone();
        let options = StoreOptions {
            wall_ms: Rc::new(move || clock.get()),
            producers_every_ms: CHECK_EVERY_MS,
            ..options(&Rules::production(), 1)
        };
        run(async {
            let identity = open_data_dir(&self.disk, wish()).await.expect("a directory");
            Store::open(self.disk.clone(), &identity, 0, options)
                .await
                .expect("a store")
        })
    }

    fn pass(&self, store: &Store<SimDisk>, ms: i64) {
        self.wall_ms.set(self.wall_ms.get() + ms);
        run(store.background()).expect("a sound disk");
    }

    fn batch(&self, producer: (i64, i16, i32), is_transactional: bool) -> Bytes {
        let (id, epoch, sequence) = producer;
        let mut batch = Builder::new()
            .producer(id, epoch, sequence)
            .transactional(is_transactional);
        batch.push(self.wall_ms.get(), None, Some(b"v"));
        batch.build()
    }

    fn append(&self, store: &Store<SimDisk>, log: LogId, producer: (i64, i16, i32), is_transactional: bool) {
        let batch = self.batch(producer, is_transactional);
        let end = store.end_offset(log).expect("there is one");
        let ticket = store.append(log, &batch, end, 1, None).expect("room");
        while !store.is_durable(ticket) {
            run(store.commit()).expect("a sound disk");
        }
    }

    fn check(&self, store: &Store<SimDisk>, log: LogId, producer: (i64, i16, i32)) -> ProducerCheck {
        let header = BatchHeader::parse(&self.batch(producer, false)).expect("just built");
        store.check_producer(log, &header).expect("there is a log")
    }
}

fn log(store: &Store<SimDisk>) -> LogId {
    let topic_id = uuid::Uuid::from_u128(1);
    store.find(topic_id, 0).unwrap_or_else(|| {
        let spec = LogSpec {
            topic_id,
            topic: "orders".into(),
            partition: 0,
        };
        store.create(spec, LogConfig::default())
    })
}

fn known(store: &Store<SimDisk>) -> Vec<i64> {
    let producers = store.producers(log(store)).expect("there is a log");
    producers.into_iter().map(|(id, _)| id).collect()
}

#[test]
fn silent_producers_are_forgotten() {
    let world = World::new();
    let store = world.open();
    let log = log(&store);
    world.append(&store, log, (7, 0, 0), false);
    world.pass(&store, 100 * EXPIRATION_MS);
    assert_eq!(known(&store), [7], "nobody said for how long");
    store.expire_producers_after(EXPIRATION_MS);
    assert_eq!(known(&store), [0; 0], "what was said counts at once");

    world.append(&store, log, (7, 0, 5), false);
    world.append(&store, log, (8, 0, 0), true);
    world.append(&store, log, (9, 0, 0), false);
    world.pass(&store, EXPIRATION_MS - 1);
    assert_eq!(known(&store), [7, 8, 9]);
    assert_eq!(world.check(&store, log, (7, 0, 7)), ProducerCheck::OutOfOrderSequence);
    world.append(&store, log, (9, 0, 1), false);
    world.pass(&store, 1);
    assert_eq!(known(&store), [7, 8, 9], "it is not looked at each moment");
    world.pass(&store, CHECK_EVERY_MS);
    assert_eq!(known(&store), [8, 9], "one has a transaction open, one wrote since");
    assert_eq!(
        world.check(&store, log, (7, 0, 7)),
        ProducerCheck::Append,
        "an unknown one begins anywhere"
    );

    store.expire_producers_after(10 * EXPIRATION_MS);
    world.pass(&store, EXPIRATION_MS);
    assert_eq!(known(&store), [8, 9], "longer from now on");
    store.expire_producers_after(EXPIRATION_MS);
    assert_eq!(known(&store), [8]);
}

/// Goal: what was forgotten stays so for whoever is served, whether a crash finds the records in the journal, or the producer in
/// the checkpoint.
#[test]
fn a_crash_brings_nobody_back() {
    for checkpoint in [false, true] {
        let world = World::new();
        let store = world.open();
        store.expire_producers_after(EXPIRATION_MS);
        let id = log(&store);
        for number in 0..40 {
            world.append(&store, id, (7, 3, number), false);
        }
        if checkpoint {
            run(store.background()).expect("written out");
            run(store.checkpoint()).expect("a sound disk");
        }
        world.pass(&store, EXPIRATION_MS + CHECK_EVERY_MS);
        assert_eq!(world.check(&store, id, (7, 3, 90)), ProducerCheck::Append);
        drop(store);

        let store = world.open();
        store.expire_producers_after(EXPIRATION_MS);
        let id = log(&store);
        assert_eq!(known(&store), [0; 0], "checkpoint: {checkpoint}");
        world.append(&store, id, (7, 3, 90), false);
        drop(store);

        let store = world.open();
        store.expire_producers_after(EXPIRATION_MS);
        assert_eq!(known(&store), [7]);
        assert_eq!(
            world.check(&store, id, (7, 3, 91)),
            ProducerCheck::Append,
            "it goes on where it is now"
        );
        assert_eq!(world.check(&store, id, (7, 3, 40)), ProducerCheck::OutOfOrderSequence);
    }
}
