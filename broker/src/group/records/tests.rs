//! Golden bytes: written by hand from Kafka's schemas. Changing one means that logs of others can no longer be read.

use uuid::Uuid;

use super::*;
use crate::group::{
    AppendToken, Coordinator, Event, GroupConfig, Now, classic::Group, member::Member, offsets::CommittedOffset,
};

const OFFSET_KEY: &str = "0001 0001'g' 0001't' 00000003";
const GROUP_KEY: &str = "0002 0001'g'";

/// Hex digits, and text between quotes; spaces mean nothing.
fn bytes(text: &str) -> Bytes {
    let mut bytes = Vec::new();
    for (index, part) in text.split('\'').enumerate() {
        if index % 2 == 1 {
            bytes.extend_from_slice(part.as_bytes());
            continue;
        }
        let digits: Vec<u8> = part
            .chars()
            .filter_map(|digit| digit.to_digit(16))
            .map(|digit| digit as u8)
            .collect();
        bytes.extend(digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]));
    }
    bytes.into()
}

fn record(key: &str, value: &str) -> GroupRecord {
    GroupRecord {
        key: bytes(key),
        value: Some(bytes(value)),
    }
}

fn offset_values() -> Vec<(GroupRecord, OffsetCommitValue)> {
    let value = |leader_epoch, expire_timestamp, topic_id: &str| OffsetCommitValue {
        offset: 42,
        leader_epoch,
        metadata: "m".to_string(),
        commit_timestamp: 1_000,
        expire_timestamp,
        topic_id: bytes(topic_id)
            .as_ref()
            .try_into()
            .map(Uuid::from_bytes)
            .unwrap_or_default(),
    };
    let offset = "000000000000002a";
    let time = "00000000000003e8";
    vec![
        (
            record(
                "0000 0001'g' 0001't' 00000003",
                &format!("0000 {offset} 0001'm' {time}"),
            ),
            value(-1, -1, ""),
        ),
        (
            record(OFFSET_KEY, &format!("0001 {offset} 0001'm' {time} 00000000000007d0")),
            value(-1, 2_000, ""),
        ),
        (
            record(OFFSET_KEY, &format!("0002 {offset} 0001'm' {time}")),
            value(-1, -1, ""),
        ),
        (
            record(OFFSET_KEY, &format!("0003 {offset} 00000007 0001'm' {time}")),
            value(7, -1, ""),
        ),
        // Tag 0 is the topic id.
        (
            record(
                OFFSET_KEY,
                &format!("0004 {offset} 00000007 02'm' {time} 01 00 10 'sixteen bytes id'"),
            ),
            value(7, -1, "'sixteen bytes id'"),
        ),
    ]
}

fn group_values() -> Vec<(GroupRecord, GroupMetadataValue)> {
    let value = |rebalance_timeout, current_state_timestamp, instance: Option<&str>| GroupMetadataValue {
        protocol_type: "consumer".to_string(),
        generation: 5,
        protocol: Some("range".to_string()),
        leader: Some("m1".to_string()),
        current_state_timestamp,
        members: vec![MemberMetadata {
            member_id: "m1".to_string(),
            group_instance_id: instance.map(str::to_string),
            client_id: "c".to_string(),
            client_host: "/h".to_string(),
            rebalance_timeout,
            session_timeout: 10_000,
            subscription: Bytes::from_static(b"sub"),
            assignment: Bytes::from_static(b"as"),
        }],
    };
    let head = "0008'consumer' 00000005 0005'range' 0002'm1'";
    let time = "00000000000003e8";
    let tail = "00002710 00000003'sub' 00000002'as'";
    vec![
        (
            record(
                GROUP_KEY,
                &format!("0000 {head} 00000001 0002'm1' 0001'c' 0002'/h' {tail}"),
            ),
            value(-1, -1, None),
        ),
        (
            record(
                GROUP_KEY,
                &format!("0001 {head} 00000001 0002'm1' 0001'c' 0002'/h' 0000ea60 {tail}"),
            ),
            value(60_000, -1, None),
        ),
        (
            record(
                GROUP_KEY,
                &format!("0002 {head} {time} 00000001 0002'm1' 0001'c' 0002'/h' 0000ea60 {tail}"),
            ),
            value(60_000, 1_000, None),
        ),
        (
            record(
                GROUP_KEY,
                &format!("0003 {head} {time} 00000001 0002'm1' 0001'i' 0001'c' 0002'/h' 0000ea60 {tail}"),
            ),
            value(60_000, 1_000, Some("i")),
        ),
        (
            record(
                GROUP_KEY,
                &format!(
                    "0004 09'consumer' 00000005 06'range' 03'm1' {time} 02 03'm1' 00 02'c' 03'/h' 0000ea60 00002710 \
                     04'sub' 03'as' 00 00"
                ),
            ),
            value(60_000, 1_000, None),
        ),
    ]
}

/// Goal: every version that any Kafka has written is read.
#[test]
fn all_versions_are_read() {
    for (record, expected) in offset_values() {
        let expected = LoadedRecord::Offset {
            group: "g".into(),
            topic: "t".into(),
            partition: 3,
            value: Some(expected),
        };
        assert_eq!(decode(&record), Ok(expected));
    }
    for (record, expected) in group_values() {
        assert_eq!(
            decode(&record),
            Ok(LoadedRecord::Group {
                group: "g".into(),
                value: Some(expected)
            })
        );
    }
    let newer = record(OFFSET_KEY, "0005 00");
    assert_eq!(
        decode(&newer),
        Err(RecordError::UnknownVersion {
            what: "OffsetCommitValue",
            version: 5
        })
    );
    assert_eq!(
        decode(&record("0003 0001'g'", "0000")),
        Err(RecordError::UnknownKind(3))
    );
}

/// Goal: what we write is what Kafka 4.x writes.
#[test]
fn written_as_kafka_writes() {
    let mut committed = CommittedOffset {
        offset: 42,
        leader_epoch: 7,
        metadata: "m".to_string(),
        commit_timestamp_ms: 1_000,
        expire_timestamp_ms: None,
        topic_id: Uuid::from_bytes(*b"sixteen bytes id"),
        written_by: AppendToken(1),
    };
    assert_eq!(offset_commit("g", "t", 3, &committed), offset_values()[4].0);
    committed.expire_timestamp_ms = Some(2_000);
    assert_eq!(offset_commit("g", "t", 3, &committed), offset_values()[1].0);
    assert_eq!(
        offset_tombstone("g", "t", 3),
        GroupRecord {
            key: bytes(OFFSET_KEY),
            value: None
        }
    );
    assert_eq!(
        group_tombstone("g"),
        GroupRecord {
            key: bytes(GROUP_KEY),
            value: None
        }
    );

    let (golden, value) = group_values().swap_remove(3);
    let group = Group::from_record("g".into(), value);
    assert_eq!(
        group_metadata(&group, |member: &Member| Some(member.assignment.clone())),
        golden
    );
    let empty = "0003 0000 00000000 ffff ffff 00000000000003e8 00000000";
    assert_eq!(new_group(&Group::new("g".into(), 1_000)), record(GROUP_KEY, empty));
}

/// Goal: a record taken from the log of an Apache Kafka 4.3.1 is read, and would be written the same.
#[test]
fn a_record_of_apache_kafka() {
    let topic_id = "d8c4d52cb4d94a11907b0f46457932c0";
    let record = record(
        "0001 0002'gr' 0003'reb' 00000003",
        &format!("0004 000000000000e33a ffffffff 01 000001a1f9046fc3 01 00 10 {topic_id}"),
    );
    let Ok(LoadedRecord::Offset {
        group,
        topic,
        partition,
        value: Some(value),
    }) = decode(&record)
    else {
        panic!("not understood: {:?}", decode(&record));
    };
    assert_eq!(
        (value.offset, value.leader_epoch, value.metadata.as_str()),
        (58_170, -1, "")
    );
    assert_eq!(value.topic_id.simple().to_string(), topic_id);
    let committed = CommittedOffset {
        offset: value.offset,
        leader_epoch: value.leader_epoch,
        metadata: value.metadata,
        commit_timestamp_ms: value.commit_timestamp,
        expire_timestamp_ms: None,
        topic_id: value.topic_id,
        written_by: AppendToken(1),
    };
    assert_eq!(offset_commit(&group, &topic, partition, &committed), record);
}

/// Goal: no bytes in a log can make the loader panic, nor what is loaded from them later.
#[test]
fn broken_records_are_errors() {
    let originals: Vec<GroupRecord> = offset_values()
        .into_iter()
        .map(|(record, _)| record)
        .chain(group_values().into_iter().map(|(record, _)| record))
        .collect();
    let mut broken = Vec::new();
    for original in &originals {
        let value = original.value.as_ref().expect("no tombstones among them");
        for (whole, is_key) in [(&original.key, true), (value, false)] {
            for at in 0..whole.len() {
                let mut changed: Vec<Bytes> = vec![whole.slice(..at)];
                for byte in [0, 1, 0x7f, 0x80, 0xff, whole[at] ^ 1] {
                    let mut copy = whole.to_vec();
                    copy[at] = byte;
                    changed.push(copy.into());
                }
                broken.extend(changed.into_iter().map(|changed| match is_key {
                    true => GroupRecord {
                        key: changed,
                        value: Some(value.clone()),
                    },
                    false => GroupRecord {
                        key: original.key.clone(),
                        value: Some(changed),
                    },
                }));
            }
        }
    }
    let now = Now {
        instant: Default::default(),
        wall_ms: 0,
    };
    let mut coordinator = Coordinator::new(GroupConfig::default(), now);
    coordinator.step(now, Event::Load(broken));
    coordinator.step(now, Event::Load(originals));
    coordinator.step(now, Event::Loaded);
    while let Some(instant) = coordinator.next_deadline().filter(|deadline| deadline.0 < 1 << 45) {
        coordinator.step(Now { instant, wall_ms: 0 }, Event::Tick);
    }
}
