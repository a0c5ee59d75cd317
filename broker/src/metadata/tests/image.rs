//! Goal: the image is a function of the records, older images stay as they were, and a long log replays quickly.

use std::sync::Arc;

use uuid::Uuid;

use crate::metadata::{
    Image, PartitionKey, Record, RootImage, ShardImage,
    placement::shard_of,
    records::{
        BrokerChange, ConfigOwner, ConfigRecord, Format, PartitionRecord, PartitionsAdded, ProducerIds, RegisterBroker,
        RemoveAcl, RemoveScram, RemoveToken, RemoveTopic, ReplicaSlot, RootSeen, TopicRecord, UnregisterBroker,
    },
};

pub(super) fn topic_id(number: u128) -> Uuid {
    Uuid::from_u128((1 << 64) + number)
}

pub(super) fn topic(number: u128, partitions: usize, broker_epoch: u64) -> Record {
    let slot = ReplicaSlot {
        node: 1,
        storage_id: Uuid::from_u128(1),
        broker_epoch,
        in_isr: true,
    };
    TopicRecord {
        topic_id: topic_id(number),
        name: format!("topic-{number}"),
        min_isr: 1,
        configs: vec![],
        partitions: vec![vec![slot]; partitions],
    }
    .into()
}

pub(super) fn broker(incarnation: u64) -> Record {
    RegisterBroker {
        node: 1,
        incarnation,
        storage_id: Uuid::from_u128(1),
        endpoints: vec![],
        rack: None,
        features: vec![],
        broker_epoch: None,
        fenced: true,
    }
    .into()
}

/// The partition granted to another incarnation.
pub(super) fn grant(image: &Image, number: u128, partition: i32, broker_epoch: u64) -> Record {
    let mut state = (**image.partition(topic_id(number), partition).unwrap()).clone();
    state.leader.as_mut().unwrap().broker_epoch = broker_epoch;
    state.leader_epoch += 1;
    state.partition_epoch += 1;
    PartitionRecord {
        topic_id: topic_id(number),
        partition,
        state,
    }
    .into()
}

pub(super) fn after(image: &Image, records: &[Record]) -> Image {
    let index = image.applied_end;
    image.clone().after_entry(index, 1, records).unwrap()
}

#[test]
fn older_images_stay_and_share_what_did_not_change() {
    let first = after(&Image::default(), &[broker(1), topic(1, 2, 0), topic(2, 1, 0)]);
    let second = after(
        &first,
        &[grant(&first, 1, 1, 9), RemoveTopic { topic_id: topic_id(2) }.into()],
    );
    assert_eq!((first.topic_count(), first.partition_count()), (2, 3));
    assert_eq!((second.topic_count(), second.partition_count()), (1, 2));
    assert_eq!(first.partition(topic_id(1), 1).unwrap().leader_epoch, 0);
    assert_eq!(second.partition(topic_id(1), 1).unwrap().leader_epoch, 1);
    let shared = |image: &Image| image.partition(topic_id(1), 0).unwrap().clone();
    assert!(Arc::ptr_eq(&shared(&first), &shared(&second)));
    assert_eq!(second.topic_id("topic-2"), None);
}

#[test]
fn records_that_do_not_fit_are_refused() {
    let image = after(&Image::default(), &[broker(1), topic(1, 2, 0)]);
    let refused = |records: &[Record]| image.clone().after_entry(1, 1, records).unwrap_err().what;
    assert!(refused(&[topic(1, 1, 0)]).contains("exists"));
    assert!(refused(&[RemoveTopic { topic_id: topic_id(5) }.into()]).contains("no topic"));
    let again = grant(&image, 1, 0, 9);
    assert!(refused(&[again.clone(), again]).contains("partition epochs are dense"));
    let image = after(&image, &[grant(&image, 1, 0, 8)]);
    let refused = |records: &[Record]| image.clone().after_entry(2, 1, records).unwrap_err().what;
    let broken = |change: fn(&mut PartitionRecord)| {
        let Record::PartitionRecord(mut record) = grant(&image, 1, 0, 9) else {
            unreachable!()
        };
        change(&mut record);
        refused(&[record.into()])
    };
    assert!(broken(|record| record.state.leader_epoch -= 1).contains("new leader epoch"));
    assert!(broken(|record| record.state.leader_epoch = -1).contains("never decrease"));
    assert!(broken(|record| record.state.isr.clear()).contains("leader is in the ISR"));
    assert!(broken(|record| record.state.isr.push(2)).contains("are replicas"));
    assert!(broken(|record| record.state.create_index = 3).contains("another partition"));
    assert!(image.clone().after_entry(5, 1, &[]).is_err(), "an entry was left out");
}

/// Whatever no decision makes is refused by name, since the node's image would be another than everybody else's.
#[test]
fn what_no_decision_makes_is_refused() {
    let format = |shards| -> Record {
        Format {
            cluster_id: Uuid::from_u128(9),
            shards,
        }
        .into()
    };
    let image = RootImage::default()
        .after_entry(
            0,
            1,
            &[format(4), broker(1), topic(1, 2, 0), ProducerIds { next: 5 }.into()],
        )
        .unwrap();
    let refused = |record: Record| image.clone().after_entry(1, 1, &[record]).unwrap_err().to_string();
    let added = PartitionsAdded {
        topic_id: topic_id(1),
        first: 3,
        min_isr: 1,
        partitions: vec![],
    };
    let change = BrokerChange {
        node: 1,
        broker_epoch: 7,
        fenced: None,
        in_controlled_shutdown: None,
    };
    let of_epoch_7 = UnregisterBroker {
        node: 1,
        broker_epoch: 7,
    };
    let (id, user, token_id) = (Uuid::nil(), "a".to_string(), "t".to_string());
    let cases: [(Record, &str); 10] = [
        (format(4), "a second Format"),
        (ProducerIds { next: 4 }.into(), "producer ids go back from 5 to 4"),
        (added.into(), "topic-1 has 2 partitions, not 3"),
        (change.into(), "no broker 1 of epoch 7"),
        (of_epoch_7.into(), "no broker 1 of epoch 7"),
        (RemoveAcl { id }.into(), "no ACL"),
        (RemoveScram { user, mechanism: 1 }.into(), "no credential of a"),
        (RemoveToken { token_id }.into(), "no token t"),
        (RootSeen { end: 3 }.into(), "belongs to its shard's log"),
        (RemoveTopic { topic_id: topic_id(2) }.into(), "no topic"),
    ];
    for (record, what) in cases {
        let error = refused(record);
        assert!(error.contains(what) && error.contains("entry 1"), "{error}");
    }
    let no_shards = RootImage::default().after_entry(0, 1, &[format(0)]);
    assert!(no_shards.unwrap_err().what.contains("no shards"));

    let shard = ShardImage::default()
        .after_entry(0, 1, &[RootSeen { end: 3 }.into()])
        .unwrap();
    assert!(
        shard
            .clone()
            .after_entry(2, 1, &[])
            .unwrap_err()
            .what
            .contains("1 comes next")
    );
    let again = shard.after_entry(1, 1, &[RootSeen { end: 3 }.into()]);
    assert!(again.unwrap_err().what.contains("known to 3 before"));
}

/// Root and shards refuse each other's records.
#[test]
fn records_belong_to_one_log() {
    let image = after(&Image::default(), &[broker(1), topic(1, 1, 0)]);
    let shard = ShardImage::default().after_entry(0, 1, &[broker(1)]);
    assert!(shard.unwrap_err().what.contains("belongs to the root log"));
    let root = (*image.root).clone().after_entry(1, 1, &[grant(&image, 1, 0, 9)]);
    assert!(root.unwrap_err().what.contains("belongs to its shard's log"));
}

/// A shard's log may be ahead of root and behind it: its states are the same, only their visibility differs.
#[test]
fn an_override_waits_for_its_topic_and_outlives_it() {
    let made = after(&Image::default(), &[broker(1), topic(1, 1, 0)]);
    let key = PartitionKey {
        topic_id: topic_id(1),
        partition: 0,
    };
    let shard = shard_of(key.topic_id, 0, made.shard_count);
    let granted = ShardImage::default()
        .after_entry(0, 1, &[grant(&made, 1, 0, 9)])
        .unwrap();
    assert_eq!(granted.applied_end, 1);

    let mut early = Image::default();
    early.set_shard(shard, Arc::new(granted.clone()));
    assert_eq!(early.partition(key.topic_id, 0), None, "kept, but not visible");
    assert_eq!(granted.without_garbage(&early.root), granted, "early is not garbage");
    let seen = after(&early, &[broker(1), topic(1, 1, 0)]);
    assert_eq!(seen.partition(key.topic_id, 0).unwrap().leader_epoch, 1);

    let removed = after(&seen, &[RemoveTopic { topic_id: topic_id(1) }.into()]);
    assert_eq!(removed.partition(key.topic_id, 0), None);
    let dropped = granted.without_garbage(&removed.root);
    assert!(dropped.is_empty());
    // A leader that had not heard of the removal may write on: whoever dropped the predecessor follows.
    let Record::PartitionRecord(mut late) = grant(&seen, 1, 0, 12) else {
        unreachable!()
    };
    late.state.leader_epoch = 2;
    let late = Record::from(late);
    let of_keeper = granted.after_entry(1, 1, std::slice::from_ref(&late)).unwrap();
    let of_dropper = dropped.after_entry(1, 1, &[late]).unwrap();
    assert_eq!(of_keeper.get(&key), of_dropper.get(&key));
}

#[test]
fn lists_are_in_order_and_pages_go_on_from_a_name() {
    let image = after(
        &Image::default(),
        &(1..=30).map(|number| topic(number, 1, 0)).collect::<Vec<_>>(),
    );
    let names: Vec<&str> = image.topics_by_name().map(|topic| &*topic.name).collect();
    assert!(names.is_sorted() && names.len() == 30);
    let page: Vec<&str> = image.topics_from_name("topic-28").map(|topic| &*topic.name).collect();
    let tail: Vec<&str> = names.iter().copied().filter(|name| *name >= "topic-28").collect();
    assert_eq!(page, tail);
}

#[test]
fn config_layers_of_brokers_merge() {
    let set = |node, key: &str, value: Option<&str>| -> Record {
        ConfigRecord {
            owner: ConfigOwner::Broker(node),
            key: key.into(),
            value: value.map(str::to_string),
        }
        .into()
    };
    let image = after(
        &Image::default(),
        &[
            set(None, "a", Some("1")),
            set(None, "b", Some("2")),
            set(Some(3), "b", Some("3")),
        ],
    );
    assert_eq!(image.broker_config(3)["b"], "3");
    assert_eq!(image.broker_config(3)["a"], "1");
    assert_eq!(image.broker_config(4)["b"], "2");
    let image = after(&image, &[set(Some(3), "b", None)]);
    assert!(!image.broker_configs.contains_key(&Some(3)));
}

/// A restart grants every partition anew, so a log is mostly such records. The bound is ten times what it takes.
#[test]
fn a_hundred_thousand_records_replay_in_a_moment() {
    use crate::metadata::records::{decode, encode};
    let mut image = after(&Image::default(), &[broker(1)]);
    let mut log = Vec::new();
    for number in 0..1000 {
        log.push(encode(&[topic(number, 10, 0)]));
        image = after(&image, &[topic(number, 10, 0)]);
    }
    for round in 1..=10 {
        for number in 0..1000 {
            let records: Vec<Record> = (0..10)
                .map(|partition| grant(&image, number, partition, round))
                .collect();
            image = image.clone().after_entry(image.applied_end, 1, &records).unwrap();
            log.push(encode(&records));
        }
    }
    let started = std::time::Instant::now();
    let mut replayed = after(&Image::default(), &[broker(1)]);
    for value in &log {
        let index = replayed.applied_end;
        replayed = replayed.after_entry(index, 1, &decode(value).unwrap()).unwrap();
    }
    let took = started.elapsed();
    assert_eq!(replayed, image, "a replay gives the same image");
    println!("101000 records in {took:?}");
    assert!(took.as_secs_f64() < 5.0, "{took:?}");
}
