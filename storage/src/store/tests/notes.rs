//! What nobody waits for goes to the disk along with what somebody does, and not much later.

use std::{
    cell::Cell,
    future::poll_fn,
    pin::pin,
    rc::Rc,
    task::{Context, Poll, Waker},
};

use uuid::Uuid;

use super::harness::{batch, options, run, wish};
use crate::{
    LogConfig, LogId, LogSpec, Rules, StateKind, Store, StoreOptions,
    journal::record::Record,
    open_data_dir,
    sim_disk::{Operation, SimDisk},
};

/// A store whose clock only moves with its writes, and with `clock`; one frame of it is durable.
fn store(clock: &Rc<Cell<u64>>) -> (Store<SimDisk>, LogId) {
    let disk = SimDisk::new();
    let (now, due, moved) = (clock.clone(), clock.clone(), clock.clone());
    let options = StoreOptions {
        now_ns: Rc::new(move || now.get()),
        sleep: Rc::new(move |time| {
            let (clock, due_ns) = (due.clone(), due.get() + time.as_nanos() as u64);
            Box::pin(poll_fn(move |_| match clock.get() {
                now_ns if now_ns < due_ns => Poll::Pending,
                _ => Poll::Ready(()),
            }))
        }),
        ..options(&Rules::production(), 1)
    };
    let identity = run(open_data_dir(&disk, wish())).expect("formats");
    let store = run(Store::open(disk.clone(), &identity, 0, options)).expect("opens");
    disk.set_latency(move |operation| {
        if operation == Operation::Write {
            moved.set(moved.get() + 1000);
        }
        Box::pin(async {})
    });
    let log = store.create(
        LogSpec {
            topic_id: Uuid::from_u128(1),
            topic: "orders".into(),
            partition: 0,
        },
        LogConfig::default(),
    );
    run(store.commit()).expect("commits");
    (store, log)
}

fn note(store: &Store<SimDisk>, log: LogId) {
    store.inner.state.borrow_mut().note(log, &Record::Start { offset: 0 });
}

/// Whether a frame leaves at this moment, and is durable.
fn commits(store: &Store<SimDisk>) -> bool {
    let frames = store.stats().frames;
    let commit = pin!(store.commit());
    let ended = commit.poll(&mut Context::from_waker(Waker::noop())).is_ready();
    assert_eq!(
        ended,
        store.stats().frames > frames,
        "a frame that leaves is durable here"
    );
    ended
}

#[test]
fn notes_go_along_with_a_batch() {
    let (store, log) = store(&Rc::default());
    note(&store, log);
    assert!(!commits(&store), "notes wait for company");
    let ticket = store.append(log, &batch(1, 1), 0, 1, None).expect("room");
    note(&store, log);
    let frames = store.stats().frames;
    assert!(commits(&store), "batches wait for nothing");
    assert!(store.is_durable(ticket));
    assert_eq!(store.stats().frames, frames + 1, "notes and batch are one frame");
    assert!(store.inner.state.borrow().is_clean());
}

#[test]
fn notes_wait_for_a_few_frames_time_only() {
    let clock = Rc::default();
    let (store, log) = store(&clock);
    let before_ns = clock.get();
    store.append(log, &batch(1, 1), 0, 1, None).expect("room");
    run(store.commit()).expect("commits");
    let flight_ns = clock.get() - before_ns;
    note(&store, log);
    clock.set(clock.get() + 4 * flight_ns - 1);
    assert!(!commits(&store));
    clock.set(clock.get() + 1);
    assert!(commits(&store), "long enough");
    clock.set(clock.get() + 100 * flight_ns);
    note(&store, log);
    assert!(commits(&store), "nothing goes on, so there is no company to wait for");
}

#[test]
fn what_somebody_waits_for_leaves_at_once() {
    let (store, log) = store(&Rc::default());
    note(&store, log);
    store.set_state(log, StateKind::HardState, bytes::Bytes::from_static(b"term 1"));
    assert!(commits(&store));
    note(&store, log);
    assert!(!commits(&store));
    let newest = store.inner.state.borrow().newest_ticket();
    run(store.drive_to(newest.frame_seq)).expect("the background drives its own notes when it needs them");
    assert!(store.is_durable(newest));
}
