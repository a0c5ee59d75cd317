//! Another number of cores: every log moves, whatever the moment at which the power goes.

use std::collections::BTreeMap;

use super::{
    harness::{batch, options, run, wish},
    model::Batch,
};
use crate::{
    FormatWish, LogConfig, LogId, LogSpec, OpenError, Rules, Store, open_data_dir, rehome,
    sim_disk::{Persist, SimDisk},
};

const LOGS: i32 = 7;

type Contents = BTreeMap<i32, (LogId, Vec<Batch>)>;

fn core_of(spec: &LogSpec, cores: u32) -> u32 {
    spec.partition as u32 % cores
}

fn start(disk: &SimDisk, cores: u32) -> Result<Vec<Store<SimDisk>>, OpenError> {
    run(async {
        let identity = open_data_dir(disk, FormatWish { cores, ..wish() }).await?;
        let options = options(&Rules::production(), 1);
        let identity = rehome(disk, &identity, |spec| core_of(spec, cores), &options).await?;
        assert_eq!((identity.cores, identity.journal_cores), (cores, cores));
        let mut stores = Vec::new();
        for core in 0..cores {
            stores.push(Store::open(disk.clone(), &identity, core, options.clone()).await?);
        }
        Ok(stores)
    })
}

fn contents(stores: &[Store<SimDisk>]) -> Contents {
    let mut contents = Contents::new();
    for (core, store) in stores.iter().enumerate() {
        for log in store.logs() {
            assert_eq!(log.damaged, None);
            assert_eq!(core_of(&log.spec, stores.len() as u32), core as u32);
            let mut batches = Vec::new();
            let mut at = log.start_offset;
            while at < log.end_offset {
                for part in run(store.read(log.id, at, i64::MAX, 1 << 20)).expect("readable") {
                    let described = super::harness::describe(&part);
                    at = described.1 + 1;
                    batches.push(described);
                }
            }
            assert!(
                contents.insert(log.spec.partition, (log.id, batches)).is_none(),
                "a log in two journals"
            );
        }
    }
    contents
}

fn fill(stores: &[Store<SimDisk>], payload: &mut u64) {
    for store in stores {
        for log in store.logs() {
            for _ in 0..2 {
                *payload += 1;
                let end = store.end_offset(log.id).expect("exists");
                store
                    .append(log.id, &batch(3, *payload), end, 1, None)
                    .expect("takes it");
            }
            run(store.commit()).expect("commits");
            run(store.background()).expect("runs");
        }
    }
}

fn filled(cores: u32) -> (SimDisk, Contents, u64) {
    let disk = SimDisk::new();
    let stores = start(&disk, cores).expect("starts");
    for partition in 0..LOGS {
        let spec = LogSpec {
            topic_id: uuid::Uuid::from_u128(1),
            topic: "orders".into(),
            partition,
        };
        let store = &stores[core_of(&spec, cores) as usize];
        store.create(
            spec,
            LogConfig {
                segment_bytes: 9 << 10,
                ..LogConfig::default()
            },
        );
    }
    let mut payload = 0;
    fill(&stores, &mut payload);
    fill(&stores, &mut payload);
    let contents = contents(&stores);
    drop(stores);
    (disk.after_crash(Persist::None), contents, payload)
}

/// Goal: what has moved survives the rot of either checkpoint of its new journal, which no frame could make good.
#[test]
fn a_rotted_checkpoint_after_a_move_loses_nothing() {
    let (disk, expected, _) = filled(2);
    drop(start(&disk, 3).expect("starts"));
    for copy in ["ckpt.a", "ckpt.b"] {
        for sector in [0, 1] {
            let disk = disk.fork();
            for core in 0..3 {
                assert!(disk.rot(&format!("wal/of-003/core-{core:03}/{copy}"), sector));
            }
            assert_eq!(contents(&start(&disk, 3).expect("starts")), expected, "{copy} {sector}");
        }
    }
}

/// Goal: where the frame that made a log is gone, nobody takes a new log of that partition for an empty one, at whatever
/// start, and no change of cores hides it.
#[test]
fn a_log_whose_creation_rotted_is_not_replaced_by_an_empty_one() {
    let disk = SimDisk::new();
    let stores = start(&disk, 1).expect("starts");
    let spec = LogSpec {
        topic_id: uuid::Uuid::from_u128(1),
        topic: "orders".into(),
        partition: 0,
    };
    let id = stores[0].create(spec.clone(), LogConfig::default());
    stores[0].append(id, &batch(1, 1), 0, 1, None).expect("takes it");
    run(stores[0].commit()).expect("commits");
    stores[0].append(id, &batch(1, 2), 1, 1, None).expect("takes it");
    run(stores[0].commit()).expect("commits");
    drop(stores);
    let disk = disk.after_crash(Persist::None);
    let head = disk.files().into_iter().find(|(path, _)| {
        let is_journal = path.ends_with(".wal");
        is_journal
            && disk
                .content(path)
                .is_some_and(|content| content.iter().any(|byte| *byte != 0))
    });
    assert!(disk.rot(&head.expect("a file with frames").0, 0));
    for _ in 0..2 {
        let stores = start(&disk, 1).expect("starts");
        assert!(stores[0].damage().is_some());
        let id = stores[0]
            .find(spec.topic_id, 0)
            .unwrap_or_else(|| stores[0].create(spec.clone(), LogConfig::default()));
        assert!(stores[0].damage_of(id).is_some());
        run(stores[0].close()).expect("closes");
    }
    assert!(matches!(start(&disk, 2), Err(OpenError::Corrupt { .. })));
}

/// Goal: 2, 1, 3, 2 cores, with appends in between; nothing is lost and no old journal stays.
#[test]
fn logs_follow_the_cores() {
    let (disk, mut expected, mut payload) = filled(2);
    for cores in [1, 3, 2] {
        let stores = start(&disk, cores).expect("starts");
        assert_eq!(contents(&stores), expected);
        fill(&stores, &mut payload);
        expected = contents(&stores);
        let layout = format!("wal/of-{cores:03}/");
        assert!(
            disk.files()
                .iter()
                .all(|(path, _)| !path.starts_with("wal/") || path.starts_with(&layout))
        );
    }
}

/// Goal: the power goes at any boundary of the move, and the next start, with either number, has everything.
#[test]
fn every_boundary_of_a_move() {
    let (disk, expected, _) = filled(2);
    let whole = disk.fork();
    drop(start(&whole, 3).expect("starts"));
    let boundaries = whole.boundaries();
    let step = if std::env::var_os("CORELANE_CRASH_ALL").is_some() {
        1
    } else {
        5
    };
    for boundary in (1..=boundaries).step_by(step) {
        let crashed = disk.fork();
        crashed.crash_at(boundary);
        assert!(start(&crashed, 3).is_err());
        for choice in [
            Persist::None,
            Persist::All,
            Persist::Seeded(boundary),
            Persist::Seeded(boundary + 1000),
        ] {
            for cores in [3, 2] {
                let after = crashed.after_crash(choice);
                let stores = start(&after, cores).unwrap_or_else(|error| panic!("{boundary} {choice:?}: {error}"));
                assert_eq!(contents(&stores), expected, "{boundary} {choice:?} {cores}");
            }
        }
    }
}
