//! Goal: a snapshot at any index gives back the very image (KAFKA-14618), in whatever pieces it comes, and what was
//! damaged is refused.

use uuid::Uuid;

use super::image::{broker, grant, topic, topic_id};
use crate::metadata::{
    Image, PartitionKey, Record, RootImage, Rules, ShardImage,
    placement::shard_of,
    records::{
        BrokerChange, ConfigOwner, ConfigRecord, FeatureLevel, Format, PartitionsAdded, ProducerIds, RemoveTopic,
        ReplicaSlot, RootSeen,
    },
    shard::ShardView,
    snapshot::{Reader, Snapshot, SnapshotError, root_digest, root_frames, shard_digest, shard_frames},
};

fn read(bytes: &[u8], piece: usize) -> Result<Snapshot, SnapshotError> {
    let mut reader = Reader::new();
    bytes.chunks(piece).try_for_each(|piece| reader.feed(piece))?;
    reader.finish()
}

fn root_bytes(image: &RootImage) -> Vec<u8> {
    root_frames(image).flatten().collect()
}

fn config(owner: ConfigOwner, key: &str, value: Option<&str>) -> Record {
    let (key, value) = (key.into(), value.map(str::to_string));
    ConfigRecord { owner, key, value }.into()
}

/// A root log with every kind of thing coming and going.
fn root_log() -> Vec<Vec<Record>> {
    let slot = ReplicaSlot {
        node: 1,
        storage_id: Uuid::from_u128(1),
        broker_epoch: 8,
        in_isr: true,
    };
    let change = |fenced, in_controlled_shutdown| -> Record {
        BrokerChange {
            node: 1,
            broker_epoch: 1,
            fenced,
            in_controlled_shutdown,
        }
        .into()
    };
    let added = PartitionsAdded {
        topic_id: topic_id(1),
        first: 2,
        min_isr: 2,
        partitions: vec![vec![slot], vec![ReplicaSlot { in_isr: false, ..slot }]],
    };
    let format = Format {
        cluster_id: Uuid::from_u128(9),
        shards: 4,
    };
    let feature = |level| FeatureLevel {
        name: "metadata.version".into(),
        level,
    };
    vec![
        vec![format.into(), feature(7).into()],
        vec![broker(1)],
        vec![],
        vec![change(Some(false), None), topic(1, 2, 1)],
        vec![feature(9).into()],
        vec![added.into(), topic(2, 1, 1)],
        vec![config(ConfigOwner::Topic(topic_id(1)), "a", Some("1"))],
        vec![config(ConfigOwner::Broker(None), "b", Some("2"))],
        vec![
            config(ConfigOwner::Broker(Some(1)), "b", Some("3")),
            ProducerIds { next: 1000 }.into(),
        ],
        vec![change(None, Some(true))],
        vec![RemoveTopic { topic_id: topic_id(2) }.into()],
        vec![broker(2)],
        vec![config(ConfigOwner::Topic(topic_id(1)), "a", None), topic(3, 3, 11)],
        vec![feature(0).into()],
    ]
}

#[test]
fn a_snapshot_of_root_at_every_index_is_the_image() {
    let mut image = RootImage::default();
    for (index, records) in root_log().into_iter().enumerate() {
        image = image.after_entry(index as u64, 1 + index as u32 / 5, &records).unwrap();
        let bytes = root_bytes(&image);
        for piece in [1, 7, bytes.len()] {
            assert_eq!(read(&bytes, piece), Ok(Snapshot::Root(image.clone())), "at {index}");
        }
        let Ok(Snapshot::Root(restored)) = read(&bytes, 4096) else {
            unreachable!()
        };
        assert_eq!(root_digest(&restored), root_digest(&image));
        // The log goes on from either.
        let next = root_log()[(index + 1).min(13)].clone();
        if index < 13 {
            let step = |image: RootImage| image.after_entry(index as u64 + 1, 9, &next).unwrap();
            assert_eq!(step(restored), step(image.clone()));
        }
    }
}

#[test]
fn a_snapshot_of_a_shard_holds_its_overrides_without_garbage() {
    let mut image = Image::default();
    for (index, records) in root_log().into_iter().enumerate().take(10) {
        image = image.after_entry(index as u64, 1, &records).unwrap();
    }
    for number in [1, 2] {
        let record = grant(&image, number, 0, 20);
        image.apply(9, &record).unwrap();
    }
    let number = shard_of(topic_id(2), 0, 4);
    let mut shard = (**image.shard(number).unwrap()).clone();
    let bytes =
        |shard: &ShardImage, root: &RootImage| -> Vec<u8> { shard_frames(number, shard, root).flatten().collect() };
    let kept = read(&bytes(&shard, &image.root), 5).unwrap();
    assert_eq!(kept, Snapshot::Shard(number, shard.clone()));
    assert_eq!(kept.group(), 1 + u32::from(number));

    let mut later = (*image.root).clone();
    later.apply(10, &root_log()[10][0]).unwrap();
    later.applied_end = 11;
    // The shard's log has not seen that the topic is gone: who starts from it could take the partition for a new one.
    assert_eq!(
        read(&bytes(&shard, &later), 5),
        Ok(Snapshot::Shard(number, shard.clone()))
    );
    shard.apply(21, &RootSeen { end: 11 }.into()).unwrap();
    let Ok(Snapshot::Shard(_, cleaned)) = read(&bytes(&shard, &later), 5) else {
        unreachable!()
    };
    assert_eq!(cleaned, shard.without_garbage(&later));
    assert_eq!(cleaned.len() + 1, shard.len());
    // Who dropped it and who did not are alike by the newer root.
    let digest = |image: &ShardImage| shard_digest(number, image, &later);
    assert_eq!(digest(&cleaned), digest(&shard));
    assert_ne!(digest(&shard), shard_digest(number, &shard, &image.root));
    // And with what root was before, nobody decides on what was dropped, as if it had its first state.
    let gone = PartitionKey {
        topic_id: topic_id(2),
        partition: 0,
    };
    let rules = Rules::production();
    let seen_by = |shard, root| {
        ShardView {
            root,
            shard,
            number,
            rules: &rules,
        }
        .partition(&gone)
        .cloned()
    };
    assert_eq!(seen_by(&cleaned, &image.root), None);
    assert!(seen_by(&shard, &image.root).is_some());
}

#[test]
fn many_frames_are_read_as_one_image() {
    let mut image = Image::default().after_entry(0, 1, &[broker(1)]).unwrap();
    for number in 0..300 {
        image = image
            .after_entry(number as u64 + 1, 1, &[topic(number, 20, 0)])
            .unwrap();
    }
    let frames: Vec<_> = root_frames(&image.root).collect();
    assert!(frames.len() > 4, "{} frames", frames.len());
    assert_eq!(
        read(&frames.concat(), 100_000),
        Ok(Snapshot::Root((*image.root).clone()))
    );
}

#[test]
fn damage_is_found_wherever_it_is() {
    let mut image = RootImage::default();
    for (index, records) in root_log().into_iter().enumerate() {
        image = image.after_entry(index as u64, 1, &records).unwrap();
    }
    let bytes = root_bytes(&image);
    for at in 0..bytes.len() {
        for flip in [0x01, 0x80] {
            let mut damaged = bytes.clone();
            damaged[at] ^= flip;
            assert!(read(&damaged, bytes.len()).is_err(), "byte {at}");
        }
        assert_eq!(read(&bytes[..at], 64), Err(SnapshotError::Torn), "cut at {at}");
    }
    let longer = [&bytes[..], &[0]].concat();
    assert_eq!(read(&longer, 9), Err(SnapshotError::Damaged("bytes after the end")));
    let mut newer = bytes.clone();
    newer[8] = 1;
    assert_eq!(read(&newer, 99), Err(SnapshotError::NewerVersion(1)));
    assert_eq!(read(&[7; 64], 99), Err(SnapshotError::NoSnapshot));
}
