//! What the background does at a stretch: nothing else runs on its core meanwhile, and producers wait.

use std::{cell::RefCell, rc::Rc};

use super::harness::{batch, options, run, wish};
use crate::{LogConfig, LogSpec, Rules, Store, open_data_dir, sim_disk::SimDisk};

/// See `store::background`.
const WRITE_OUT_BYTES: u64 = 1 << 20;
const LOGS: i32 = 4;
const BATCHES: usize = 1500;

#[test]
fn logs_are_let_go_of_one_after_the_other() {
    let disk = SimDisk::new();
    let opened: Rc<RefCell<Option<Store<SimDisk>>>> = Rc::default();
    let seen: Rc<RefCell<Vec<u64>>> = Rc::default();
    let mut options = options(&Rules::production(), 1);
    (options.journal_file_bytes, options.frame_bytes_max) = (4 << 20, 1 << 20);
    let (store_of, seen_of) = (opened.clone(), seen.clone());
    options.yield_now = Rc::new(move || {
        if let Some(store) = &*store_of.borrow() {
            seen_of.borrow_mut().push(store.stats().tail_bytes);
        }
        Box::pin(async {})
    });
    let store = run(async {
        let identity = open_data_dir(&disk, wish()).await.expect("opens");
        Store::open(disk.clone(), &identity, 0, options).await.expect("opens")
    });
    let logs = (0..LOGS).map(|partition| {
        let topic_id = uuid::Uuid::from_u128(1);
        let topic = "orders".into();
        let spec = LogSpec {
            topic_id,
            topic,
            partition,
        };
        store.create(spec, LogConfig::default())
    });
    let logs: Vec<_> = logs.collect();
    let batch = batch(1, 7);
    for index in 0..BATCHES {
        for id in &logs {
            store.append(*id, &batch, index as i64, 1, None).expect("takes it");
        }
    }
    run(store.commit()).expect("commits");
    *opened.borrow_mut() = Some(store.clone());
    let before = store.stats().tail_bytes;
    assert!(
        run(store.background()).expect("writes"),
        "there is something to write out"
    );
    seen.borrow_mut().insert(0, before);
    let at_once_max = seen
        .borrow()
        .windows(2)
        .map(|pair| pair[0] - pair[1])
        .max()
        .expect("some");
    assert!(at_once_max > 0);
    assert!(
        at_once_max <= WRITE_OUT_BYTES + batch.len() as u64,
        "{at_once_max} bytes left memory at a stretch"
    );
}
