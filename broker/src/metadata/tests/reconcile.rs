//! Goal: a core does what the difference of two images says, for its own partitions, and grants to other incarnations
//! are not for it.

use uuid::Uuid;

use super::image::{after, broker, grant, topic, topic_id};
use crate::metadata::{
    Image, PartitionKey, is_garbage,
    placement::{core_of, group_of, shard_of},
    reconcile::{Action, Me, plan},
    records::{ConfigOwner, ConfigRecord, Record, RemoveTopic},
};

fn me(broker_epoch: Option<u64>, core: usize, cores: usize) -> Me {
    Me {
        node: 1,
        storage_id: Uuid::from_u128(1),
        broker_epoch,
        core,
        cores,
    }
}

fn names(actions: &[Action]) -> Vec<String> {
    let name = |action: &Action| match action {
        Action::CreateLog { topic, partition } => format!("create {}-{partition}", topic.name),
        Action::Configure { topic, partition } => format!("configure {}-{partition}", topic.name),
        Action::OpenLeader {
            topic,
            partition,
            leader_epoch,
            ..
        } => format!("lead {}-{partition} epoch {leader_epoch}", topic.name),
        Action::CloseLeader { topic, partition, .. } => format!("close {}-{partition}", topic.name),
        Action::DeleteLog {
            partition,
            leader_epoch: None,
            ..
        } => format!("delete {partition}"),
        Action::DeleteLog {
            partition,
            leader_epoch: Some(leader_epoch),
            ..
        } => format!("delete {partition} by epoch {leader_epoch}"),
    };
    actions.iter().map(name).collect()
}

#[test]
fn a_partition_lives_through_all_actions() {
    let empty = Image::default();
    let made = after(&empty, &[broker(1), topic(1, 1, 0)]);
    // The record names the incarnation that registered at index 0.
    assert_eq!(
        names(&plan(&empty, &made, &me(Some(0), 0, 1))),
        ["create topic-1-0", "lead topic-1-0 epoch 0"]
    );
    // After a restart the log is there to be opened, but to lead needs a grant of this incarnation.
    assert_eq!(names(&plan(&empty, &made, &me(None, 0, 1))), ["create topic-1-0"]);
    let granted = after(&made, &[grant(&made, 1, 0, 5)]);
    assert_eq!(
        names(&plan(&made, &granted, &me(Some(5), 0, 1))),
        ["lead topic-1-0 epoch 1"]
    );
    assert_eq!(names(&plan(&made, &granted, &me(Some(0), 0, 1))), ["close topic-1-0"]);
    let config = ConfigRecord {
        owner: ConfigOwner::Topic(topic_id(1)),
        key: "retention.ms".into(),
        value: Some("5".into()),
    };
    let configured = after(&granted, &[config.into()]);
    assert_eq!(
        names(&plan(&granted, &configured, &me(Some(5), 0, 1))),
        ["configure topic-1-0"]
    );
    // Images may be skipped.
    assert_eq!(
        names(&plan(&made, &configured, &me(Some(5), 0, 1))),
        ["configure topic-1-0", "lead topic-1-0 epoch 1"]
    );
    let removed = after(&configured, &[RemoveTopic { topic_id: topic_id(1) }.into()]);
    assert_eq!(names(&plan(&configured, &removed, &me(Some(5), 0, 1))), ["delete 0"]);
    assert_eq!(
        names(&plan(&removed, &removed, &me(Some(5), 0, 1))),
        Vec::<String>::new()
    );
}

/// Who is no replica any more is told by which epoch, and again with every state: a host that did not let its log go by an
/// old one does so by a newer one, or when the topic goes.
#[test]
fn a_log_without_a_slot_goes_by_a_state_that_is_new_enough() {
    let made = after(&Image::default(), &[broker(1), topic(1, 1, 0)]);
    let moved = |image: &Image, leader_epoch: i32| {
        let Record::PartitionRecord(mut record) = grant(image, 1, 0, 9) else {
            unreachable!("a grant is a partition's state")
        };
        record.state.leader_epoch = leader_epoch;
        record.state.leader.as_mut().expect("a grant").node = 2;
        record.state.isr[0] = 2;
        record.state.replicas[0].node = 2;
        after(image, &[record.into()])
    };
    let gone = moved(&made, 3);
    assert_eq!(names(&plan(&made, &gone, &me(Some(0), 0, 1))), ["delete 0 by epoch 3"]);
    let later = moved(&gone, 4);
    assert_eq!(names(&plan(&gone, &later, &me(Some(0), 0, 1))), ["delete 0 by epoch 4"]);
    assert_eq!(plan(&gone, &later, &me(Some(0), 1, 2)), vec![], "another core's");
    let removed = after(&later, &[RemoveTopic { topic_id: topic_id(1) }.into()]);
    assert_eq!(names(&plan(&later, &removed, &me(Some(0), 0, 1))), ["delete 0"]);
}

#[test]
fn every_partition_is_kept_by_exactly_one_core_and_topics_spread_evenly() {
    let image = after(&Image::default(), &[broker(1), topic(1, 24, 0), topic(2, 7, 0)]);
    for cores in [1, 2, 3, 4, 8] {
        let mut total = 0;
        for core in 0..cores {
            let actions = plan(&Image::default(), &image, &me(None, core, cores));
            let of_first = names(&actions).iter().filter(|name| name.contains("topic-1-")).count();
            assert_eq!(of_first, 24 / cores, "24 partitions on {cores} cores");
            total += actions.len();
        }
        assert_eq!(total, 31);
    }
}

#[test]
fn a_wiped_disk_keeps_nothing() {
    let image = after(&Image::default(), &[broker(1), topic(1, 1, 0)]);
    let wiped = Me {
        storage_id: Uuid::from_u128(2),
        ..me(Some(0), 0, 1)
    };
    assert_eq!(plan(&Image::default(), &image, &wiped), vec![]);
}

/// The formula is part of the format: partitions must be found where they were put.
#[test]
fn placement_never_changes() {
    let shards: Vec<u16> = (0..4).map(|partition| shard_of(topic_id(7), partition, 120)).collect();
    assert_eq!(shards, SHARDS_OF_TOPIC_7);
    assert_eq!(core_of(17, 4), 1);
    assert_eq!(group_of(topic_id(7), 0, 120), 85, "root's group comes first");
}

const SHARDS_OF_TOPIC_7: [u16; 4] = [84, 85, 86, 87];

#[test]
fn a_log_is_garbage_only_when_the_image_has_seen_its_topic_go() {
    let made = after(&Image::default(), &[broker(1), topic(1, 1, 0)]);
    let key = |number, partition| PartitionKey {
        topic_id: topic_id(number),
        partition,
    };
    assert!(!is_garbage(&made, &key(1, 0), 0));
    assert!(is_garbage(&made, &key(1, 1), 0));
    assert!(is_garbage(&made, &key(2, 0), 0));
    assert!(
        !is_garbage(&made, &key(2, 0), 1),
        "made by a later entry than any applied"
    );
}
