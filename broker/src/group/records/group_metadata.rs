//! A classic group with its members: key version 2, value versions 0 to 4.
//!
//! | value version | has |
//! |---|---|
//! | 0+ | protocol type, generation, protocol, leader, members (id, client, host, session timeout, subscription, assignment) |
//! | 1+ | a member's rebalance timeout |
//! | 2+ | when the group entered its state |
//! | 3+ | a member's instance id |
//! | 4+ | compact, with tagged fields |
//!
//! Written: version 3. Members of a rebalance under way are never written: a record is a finished generation.

use bytes::Bytes;
use corelane_protocol::wire::{DecodeError, Reader, Writer};

use super::{GROUP_KEY_VERSION, RecordError, read_versioned};
use crate::group::{classic::Group, event::GroupRecord, member::Member};

/// The highest version without tagged fields. Kafka stays with it too.
const WRITTEN: i16 = 3;
const NEWEST: i16 = 4;

/// Kafka's `GroupMetadataValue`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupMetadataValue {
    pub protocol_type: String,
    pub generation: i32,
    pub protocol: Option<String>,
    pub leader: Option<String>,
    /// Milliseconds since the epoch; -1 if unknown.
    pub current_state_timestamp: i64,
    pub members: Vec<MemberMetadata>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemberMetadata {
    pub member_id: String,
    pub group_instance_id: Option<String>,
    pub client_id: String,
    pub client_host: String,
    /// Milliseconds; -1 if unknown.
    pub rebalance_timeout: i32,
    /// Milliseconds.
    pub session_timeout: i32,
    pub subscription: Bytes,
    pub assignment: Bytes,
}

/// The group in its current generation; each member with what `assignment` says, or nothing.
pub fn group_metadata(group: &Group, assignment: impl Fn(&Member) -> Option<Bytes>) -> GroupRecord {
    let protocol = group.protocol_name.as_deref();
    let members: Vec<MemberMetadata> = group
        .members
        .values()
        .map(|member| MemberMetadata {
            member_id: member.id.to_string(),
            group_instance_id: member.instance_id.clone(),
            client_id: member.client_id.clone(),
            client_host: member.client_host.clone(),
            rebalance_timeout: member.rebalance_timeout_ms,
            session_timeout: member.session_timeout_ms,
            subscription: protocol
                .and_then(|name| member.metadata(name))
                .cloned()
                .unwrap_or_default(),
            assignment: assignment(member).unwrap_or_default(),
        })
        .collect();
    let value = GroupMetadataValue {
        protocol_type: group.protocol_type.clone().unwrap_or_default(),
        generation: group.generation,
        protocol: group.protocol_name.clone(),
        leader: group.leader.as_deref().map(str::to_string),
        current_state_timestamp: group.state_timestamp_ms.unwrap_or(-1),
        members,
    };
    GroupRecord {
        key: key(&group.id),
        value: Some(encode(&value)),
    }
}

/// A group that has had no generation yet.
pub fn new_group(group: &Group) -> GroupRecord {
    let value = GroupMetadataValue {
        protocol_type: String::new(),
        generation: 0,
        protocol: None,
        leader: None,
        current_state_timestamp: group.state_timestamp_ms.unwrap_or(-1),
        members: Vec::new(),
    };
    GroupRecord {
        key: key(&group.id),
        value: Some(encode(&value)),
    }
}

pub fn group_tombstone(group: &str) -> GroupRecord {
    GroupRecord {
        key: key(group),
        value: None,
    }
}

fn key(group: &str) -> Bytes {
    let mut w = Writer::with_capacity(4 + group.len());
    w.i16(GROUP_KEY_VERSION);
    w.nullable_str(Some(group), false);
    w.finish().freeze()
}

fn encode(value: &GroupMetadataValue) -> Bytes {
    let mut w = Writer::new();
    w.i16(WRITTEN);
    w.nullable_str(Some(&value.protocol_type), false);
    w.i32(value.generation);
    w.nullable_str(value.protocol.as_deref(), false);
    w.nullable_str(value.leader.as_deref(), false);
    w.i64(value.current_state_timestamp);
    w.length(Some(value.members.len()), false);
    for member in &value.members {
        w.nullable_str(Some(&member.member_id), false);
        w.nullable_str(member.group_instance_id.as_deref(), false);
        w.nullable_str(Some(&member.client_id), false);
        w.nullable_str(Some(&member.client_host), false);
        w.i32(member.rebalance_timeout);
        w.i32(member.session_timeout);
        w.nullable_bytes(Some(&member.subscription), false);
        w.nullable_bytes(Some(&member.assignment), false);
    }
    w.finish().freeze()
}

pub(super) fn read_value(value: &Bytes) -> Result<GroupMetadataValue, RecordError> {
    read_versioned("GroupMetadataValue", NEWEST, value, |r, version| {
        let flexible = version >= 4;
        let mut value = GroupMetadataValue {
            protocol_type: r.str(flexible)?.to_string(),
            generation: r.i32()?,
            protocol: r.nullable_str(flexible)?.map(str::to_string),
            leader: r.nullable_str(flexible)?.map(str::to_string),
            current_state_timestamp: if version >= 2 { r.i64()? } else { -1 },
            members: Vec::new(),
        };
        for _ in 0..r.array_count(flexible)?.unwrap_or(0) {
            value.members.push(read_member(r, version)?);
        }
        if flexible {
            r.tagged_fields(|_, _| Ok(false))?;
        }
        Ok(value)
    })
}

fn read_member(r: &mut Reader<'_>, version: i16) -> Result<MemberMetadata, DecodeError> {
    let flexible = version >= 4;
    let member = MemberMetadata {
        member_id: r.str(flexible)?.to_string(),
        group_instance_id: if version >= 3 {
            r.nullable_str(flexible)?.map(str::to_string)
        } else {
            None
        },
        client_id: r.str(flexible)?.to_string(),
        client_host: r.str(flexible)?.to_string(),
        rebalance_timeout: if version >= 1 { r.i32()? } else { -1 },
        session_timeout: r.i32()?,
        subscription: r.nullable_bytes(flexible)?.unwrap_or_default(),
        assignment: r.nullable_bytes(flexible)?.unwrap_or_default(),
    };
    if flexible {
        r.tagged_fields(|_, _| Ok(false))?;
    }
    Ok(member)
}
