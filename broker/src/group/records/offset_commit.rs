//! A committed offset: key version 0 or 1 (same bytes), value versions 0 to 4.
//!
//! | value version | has |
//! |---|---|
//! | 0+ | offset, metadata, commit timestamp |
//! | 1 only | expire timestamp |
//! | 3+ | leader epoch, after the offset |
//! | 4+ | compact; tagged fields, of which 0 is the topic id |
//!
//! Written: version 4, or 1 when the commit asked for its own retention.

use bytes::Bytes;
use corelane_protocol::wire::{DecodeError, Reader, Writer};
use uuid::Uuid;

use super::{OFFSET_KEY_VERSION, RecordError, read_versioned};
use crate::group::{event::GroupRecord, offsets::CommittedOffset};

/// Version of values with an expire timestamp; no later one has it.
const WITH_EXPIRY: i16 = 1;
const NEWEST: i16 = 4;
const TOPIC_ID_TAG: u32 = 0;

/// Kafka's `OffsetCommitValue`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OffsetCommitValue {
    pub offset: i64,
    /// -1 if unknown.
    pub leader_epoch: i32,
    pub metadata: String,
    /// Milliseconds since the epoch.
    pub commit_timestamp: i64,
    /// Milliseconds since the epoch; -1 if the broker's retention counts.
    pub expire_timestamp: i64,
    /// Nil if unknown.
    pub topic_id: Uuid,
}

pub fn offset_commit(group: &str, topic: &str, partition: i32, committed: &CommittedOffset) -> GroupRecord {
    let mut w = Writer::with_capacity(48 + committed.metadata.len());
    match committed.expire_timestamp_ms {
        Some(expire_ms) => {
            w.i16(WITH_EXPIRY);
            w.i64(committed.offset);
            w.nullable_str(Some(&committed.metadata), false);
            w.i64(committed.commit_timestamp_ms);
            w.i64(expire_ms);
        }
        None => {
            w.i16(NEWEST);
            w.i64(committed.offset);
            w.i32(committed.leader_epoch);
            w.nullable_str(Some(&committed.metadata), true);
            w.i64(committed.commit_timestamp_ms);
            write_topic_id(&mut w, committed.topic_id);
        }
    }
    GroupRecord {
        key: key(group, topic, partition),
        value: Some(w.finish().freeze()),
    }
}

fn write_topic_id(w: &mut Writer, topic_id: Uuid) {
    if topic_id.is_nil() {
        return w.unsigned_varint(0);
    }
    w.unsigned_varint(1);
    w.unsigned_varint(TOPIC_ID_TAG);
    w.unsigned_varint(size_of::<Uuid>() as u32);
    w.uuid(topic_id);
}

pub fn offset_tombstone(group: &str, topic: &str, partition: i32) -> GroupRecord {
    GroupRecord {
        key: key(group, topic, partition),
        value: None,
    }
}

fn key(group: &str, topic: &str, partition: i32) -> Bytes {
    let mut w = Writer::with_capacity(10 + group.len() + topic.len());
    w.i16(OFFSET_KEY_VERSION);
    w.nullable_str(Some(group), false);
    w.nullable_str(Some(topic), false);
    w.i32(partition);
    w.finish().freeze()
}

pub(super) fn read_key(key: &mut Reader<'_>) -> Result<(String, String, i32), DecodeError> {
    Ok((key.str(false)?.to_string(), key.str(false)?.to_string(), key.i32()?))
}

pub(super) fn read_value(value: &Bytes) -> Result<OffsetCommitValue, RecordError> {
    read_versioned("OffsetCommitValue", NEWEST, value, |r, version| {
        let flexible = version >= 4;
        let mut value = OffsetCommitValue {
            offset: r.i64()?,
            leader_epoch: if version >= 3 { r.i32()? } else { -1 },
            metadata: r.str(flexible)?.to_string(),
            commit_timestamp: r.i64()?,
            expire_timestamp: if version == WITH_EXPIRY { r.i64()? } else { -1 },
            topic_id: Uuid::nil(),
        };
        if flexible {
            r.tagged_fields(|tag, r| {
                if tag == TOPIC_ID_TAG {
                    value.topic_id = r.uuid()?;
                }
                Ok(tag == TOPIC_ID_TAG)
            })?;
        }
        Ok(value)
    })
}
