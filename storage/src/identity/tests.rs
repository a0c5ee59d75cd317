use futures_lite::future::block_on;
use uuid::Uuid;

use super::{FormatWish, Identity, open_data_dir, superblock::Superblock};
use crate::{
    OpenError,
    disk::{BLOCK, Disk},
    sim_disk::{Persist, SimDisk},
};

fn wish() -> FormatWish {
    FormatWish {
        cluster_id: None,
        new_cluster_id: Uuid::from_u128(8),
        disk_uuid: Uuid::from_u128(7),
        broker_id: 3,
        cores: 2,
        wall_ms: 1000,
    }
}

fn open(disk: &SimDisk) -> Result<Identity, OpenError> {
    block_on(open_data_dir(disk, wish()))
}

/// Goal: whatever boundary of a start the power goes at, the next start works, and no incarnation comes twice.
#[test]
fn incarnation_grows_through_every_crash() {
    let fresh = SimDisk::new();
    open(&fresh).unwrap();
    let boundaries = fresh.boundaries();
    assert!(boundaries > 10);
    for starts_before in 0..3 {
        for boundary in 1..=boundaries {
            let choices = [
                Persist::None,
                Persist::All,
                Persist::AllBut(0),
                Persist::Seeded(boundary),
            ];
            for choice in choices {
                let disk = SimDisk::new();
                let mut last = 0;
                for _ in 0..starts_before {
                    last = open(&disk).unwrap().incarnation;
                }
                disk.crash_at(disk.boundaries() + boundary);
                if let Ok(identity) = open(&disk) {
                    last = identity.incarnation;
                }
                let after = disk.after_crash(choice);
                let identity = open(&after).unwrap();
                assert!(identity.incarnation > last, "boundary {boundary} {choice:?}");
                assert_eq!((identity.disk_uuid, identity.broker_id), (Uuid::from_u128(7), 3));
            }
        }
    }
}

/// Goal: what is not ours, or not understood, is refused with a sentence that says why.
#[test]
fn refusals() {
    let disk = SimDisk::new();
    open(&disk).unwrap();
    let other = FormatWish {
        cluster_id: Some(Uuid::from_u128(9)),
        ..wish()
    };
    let error = block_on(open_data_dir(&disk, other)).unwrap_err().to_string();
    assert!(error.contains("belongs to cluster"), "{error}");
    let error = block_on(open_data_dir(&disk, FormatWish { broker_id: 4, ..wish() }))
        .unwrap_err()
        .to_string();
    assert!(error.contains("node.id 3, the configuration says 4"), "{error}");

    let newer = disk.fork();
    newer.overwrite("meta/superblock.b", 8, &99u32.to_le_bytes());
    let error = open(&newer).unwrap_err().to_string();
    assert!(error.contains("format version 99 is newer than the 2"), "{error}");

    let older = disk.fork();
    older.overwrite("meta/superblock.b", 8, &1u32.to_le_bytes());
    let error = open(&older).unwrap_err().to_string();
    assert!(error.contains("format version 1 is older than the 2"), "{error}");

    block_on(disk.create_dir("wal")).unwrap();
    assert!(disk.rot("meta/superblock.b", 0));
    let error = open(&disk).unwrap_err().to_string();
    assert!(error.contains("no valid superblock"), "{error}");

    let foreign = SimDisk::new();
    block_on(foreign.create_dir("photos")).unwrap();
    let error = open(&foreign).unwrap_err().to_string();
    assert!(error.contains("not a broker's: 'photos', but"), "{error}");
    for name in ["letters", "music"] {
        block_on(foreign.create_dir(name)).unwrap();
    }
    let error = open(&foreign).unwrap_err().to_string();
    assert!(error.contains("'letters' and 2 more"), "{error}");
}

/// Goal: a cluster has an id of its own, which its next disk may be formatted for.
#[test]
fn a_cluster_is_not_its_disk() {
    let made = open(&SimDisk::new()).unwrap();
    assert_eq!(
        (made.cluster_id, made.disk_uuid),
        (Uuid::from_u128(8), Uuid::from_u128(7))
    );
    let told = FormatWish {
        cluster_id: Some(Uuid::from_u128(9)),
        ..wish()
    };
    let made = block_on(open_data_dir(&SimDisk::new(), told)).unwrap();
    assert_eq!(made.cluster_id, Uuid::from_u128(9));
}

/// Goal: one rotted copy is survived, and the incarnation that it may have held does not come again.
#[test]
fn one_copy_is_enough() {
    let disk = SimDisk::new();
    for _ in 0..3 {
        open(&disk).unwrap();
    }
    for copy in ["meta/superblock.a", "meta/superblock.b"] {
        let one = disk.fork();
        assert!(one.rot(copy, 0));
        assert!(open(&one).unwrap().incarnation > 3, "{copy}");
    }
}

/// Goal: the format stays what it is, and no mutation of it panics or is accepted.
#[test]
fn golden_and_mutated_bytes() {
    let superblock = Superblock {
        cluster_id: Uuid::from_u128(1),
        disk_uuid: Uuid::from_u128(2),
        generation: 3,
        incarnation: 4,
        broker_id: 5,
        cores: 6,
        formatted_ms: 7,
    };
    let mut block = vec![0; BLOCK];
    superblock.encode(&mut block);
    assert_eq!(
        block[..88].iter().map(|byte| format!("{byte:02x}")).collect::<String>(),
        "434f52454c414e4502000000347d772d00000000000000000000000000000001000000000000000000000000000000020300000000000000\
         0400000000000000050000000600000000000000000000000700000000000000"
    );
    assert_eq!(Superblock::decode(&block), Ok(superblock));
    for at in 0..BLOCK {
        let mut mutated = block.clone();
        mutated[at] ^= 1 << (at % 8);
        assert!(Superblock::decode(&mutated).is_err(), "byte {at}");
    }
    assert!(Superblock::decode(&block[..100]).is_err());
}
