//! The metadata log's records: one table.
//!
//! An entry's value is any number of records, each in an envelope of its own:
//!
//! ```text
//! u16 type | u16 version | u32 body bytes | body (rkyv, little endian, unaligned)        all integers little endian
//! ```
//!
//! rkyv has no versions, so the envelope has. A body's layout never changes; what must change gets the next version and
//! keeps the older ones readable. An unknown type or a newer version is never skipped: what it says would be missing from
//! this node's image for ever, so the node must stop and ask for the release that wrote it.

mod types;

use bytes::{BufMut, Bytes, BytesMut};

pub use types::*;

/// 129 is the list of a group's voters, which raft's driver writes and reads.
///
/// The record of a leader's first entry (raft's own, without a body).
pub const LEADER_START: u16 = 128;

const ENVELOPE_BYTES: usize = 8;

/// Every one of these ends the process: the log holds what this release cannot follow.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RecordError {
    #[error("metadata record of unknown type {0}: a newer release wrote it, use that one")]
    UnknownType(u16),
    #[error(
        "metadata record {name} has version {found}, this release reads up to {known}: a newer release wrote it, use that one"
    )]
    NewerVersion { name: &'static str, found: u16, known: u16 },
    #[error("metadata record {0} is damaged: {1}")]
    Corrupt(&'static str, String),
    #[error("metadata entry ends within a record")]
    Torn,
}

macro_rules! records {
    ($($kind:literal, $version:literal, $name:ident $(, $older:literal => $old:ident)*;)*) => {
        // The largest, a partition's state, is what most records are.
        #[allow(clippy::large_enum_variant)]
        #[derive(Clone, Debug, PartialEq)]
        pub enum Record {
            $($name($name),)*
        }

        $(impl From<$name> for Record {
            fn from(body: $name) -> Record {
                Record::$name(body)
            }
        })*

        impl Record {
            /// (type, newest version, name) of every record, for documents and tests.
            pub const TABLE: &'static [(u16, u16, &'static str)] = &[$(($kind, $version, stringify!($name)),)*];

            fn envelope(&self) -> (u16, u16) {
                match self {
                    $(Record::$name(_) => ($kind, $version),)*
                }
            }

            fn body(&self) -> Vec<u8> {
                let bytes = match self {
                    $(Record::$name(body) => rkyv::to_bytes::<rkyv::rancor::Error>(body),)*
                };
                bytes.expect("serializing to memory").into_vec()
            }

            fn from_body(kind: u16, version: u16, body: &[u8]) -> Result<Record, RecordError> {
                match kind {
                    $($kind if version > $version => Err(RecordError::NewerVersion {
                        name: stringify!($name),
                        found: version,
                        known: $version,
                    }),
                    $($kind if version == $older => rkyv::from_bytes::<$old, rkyv::rancor::Error>(body)
                        .map(|older| Record::$name(older.into()))
                        .map_err(|error| RecordError::Corrupt(stringify!($old), error.to_string())),)*
                    $kind => rkyv::from_bytes::<$name, rkyv::rancor::Error>(body)
                        .map(Record::$name)
                        .map_err(|error| RecordError::Corrupt(stringify!($name), error.to_string())),)*
                    _ => Err(RecordError::UnknownType(kind)),
                }
            }
        }
    };
}

records! {
//  type, newest version, older ones
     1, 0, Format;
     2, 0, VotersTarget;
     3, 0, FeatureLevel;
     4, 1, RegisterBroker, 0 => RegisterBrokerV0;
     5, 0, BrokerChange;
     6, 0, UnregisterBroker;
     7, 0, TopicRecord;
     8, 0, PartitionsAdded;
     9, 0, RemoveTopic;
    10, 0, ConfigRecord;
    11, 0, AclRecord;
    12, 0, RemoveAcl;
    13, 0, ScramRecord;
    14, 0, RemoveScram;
    15, 0, QuotaRecord;
    16, 0, ProducerIds;
    17, 0, TokenRecord;
    18, 0, RemoveToken;
    19, 0, NamedConfig;
    64, 1, PartitionRecord, 0 => PartitionRecordV0;
    65, 0, RootSeen;
}

/// The value of one entry.
pub fn encode(records: &[Record]) -> Bytes {
    let mut value = BytesMut::new();
    for record in records {
        let (kind, version) = record.envelope();
        let body = record.body();
        value.put_u16_le(kind);
        value.put_u16_le(version);
        value.put_u32_le(body.len() as u32);
        value.put_slice(&body);
    }
    value.freeze()
}

/// The records of one entry, in order; a LeaderStart has none.
pub fn decode(value: &[u8]) -> Result<Vec<Record>, RecordError> {
    let mut rest = value;
    let mut records = Vec::new();
    while !rest.is_empty() {
        let (kind, version, body);
        (kind, version, body, rest) = split_envelope(rest)?;
        if kind != LEADER_START {
            records.push(Record::from_body(kind, version, body)?);
        } else if version > 0 {
            return Err(RecordError::NewerVersion {
                name: "LeaderStart",
                found: version,
                known: 0,
            });
        }
    }
    Ok(records)
}

/// The value of a leader's first entry.
pub fn encode_leader_start() -> Bytes {
    let mut value = BytesMut::with_capacity(ENVELOPE_BYTES);
    value.put_u16_le(LEADER_START);
    value.put_u16_le(0);
    value.put_u32_le(0);
    value.freeze()
}

pub fn is_leader_start(value: &[u8]) -> bool {
    value.len() == ENVELOPE_BYTES && value[..2] == LEADER_START.to_le_bytes()
}

#[allow(clippy::type_complexity)]
fn split_envelope(bytes: &[u8]) -> Result<(u16, u16, &[u8], &[u8]), RecordError> {
    let (envelope, rest) = bytes.split_first_chunk::<ENVELOPE_BYTES>().ok_or(RecordError::Torn)?;
    let [k0, k1, v0, v1, length @ ..] = *envelope;
    let length = u32::from_le_bytes(length) as usize;
    if rest.len() < length {
        return Err(RecordError::Torn);
    }
    let (body, rest) = rest.split_at(length);
    Ok((u16::from_le_bytes([k0, k1]), u16::from_le_bytes([v0, v1]), body, rest))
}
