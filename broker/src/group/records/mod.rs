//! The records of `__consumer_offsets`, byte for byte as Apache Kafka 4.x writes them, so that its tools can read ours and
//! a log can move between the two. Source: Kafka's `OffsetCommitKey/Value.json`, `GroupMetadataKey/Value.json`,
//! `GroupCoordinatorRecordHelpers`.
//!
//! A record is a key and a value, each beginning with a version; the key's version says what kind of record it is. No
//! value is a tombstone. Everything is decoded within bounds: any bytes give a value or an error.

mod group_metadata;
mod offset_commit;
#[cfg(test)]
mod tests;

use bytes::Bytes;
use corelane_protocol::wire::{DecodeError, Reader};

pub use group_metadata::{GroupMetadataValue, MemberMetadata};
pub use offset_commit::OffsetCommitValue;
pub(super) use {
    group_metadata::{group_metadata, group_tombstone, new_group},
    offset_commit::{offset_commit, offset_tombstone},
};

use super::event::GroupRecord;

/// Key versions up to this are offsets.
const OFFSET_KEY_VERSION: i16 = 1;
const GROUP_KEY_VERSION: i16 = 2;

/// Why a record was not understood.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RecordError {
    /// Of a kind that this broker does not know; Kafka's own loader passes over such too.
    #[error("record of unknown kind {0}")]
    UnknownKind(i16),
    #[error("{what} of unknown version {version}")]
    UnknownVersion { what: &'static str, version: i16 },
    #[error("broken {what}: {error}")]
    Broken { what: &'static str, error: DecodeError },
}

/// What a record says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LoadedRecord {
    Offset {
        group: String,
        topic: String,
        partition: i32,
        value: Option<OffsetCommitValue>,
    },
    Group {
        group: String,
        value: Option<GroupMetadataValue>,
    },
}

pub fn decode(record: &GroupRecord) -> Result<LoadedRecord, RecordError> {
    let broken = |what| move |error| RecordError::Broken { what, error };
    let mut key = Reader::new(&record.key);
    match key.i16().map_err(broken("key"))? {
        0..=OFFSET_KEY_VERSION => {
            let (group, topic, partition) = offset_commit::read_key(&mut key).map_err(broken("OffsetCommitKey"))?;
            let value = record.value.as_ref().map(offset_commit::read_value).transpose()?;
            Ok(LoadedRecord::Offset {
                group,
                topic,
                partition,
                value,
            })
        }
        GROUP_KEY_VERSION => {
            let group = key.str(false).map_err(broken("GroupMetadataKey"))?.to_string();
            let value = record.value.as_ref().map(group_metadata::read_value).transpose()?;
            Ok(LoadedRecord::Group { group, value })
        }
        kind => Err(RecordError::UnknownKind(kind)),
    }
}

/// Reads a value's version, then the value, by `read`.
fn read_versioned<T>(
    what: &'static str,
    newest: i16,
    value: &Bytes,
    read: impl FnOnce(&mut Reader<'_>, i16) -> Result<T, DecodeError>,
) -> Result<T, RecordError> {
    let broken = |error| RecordError::Broken { what, error };
    let mut reader = Reader::sharing(value);
    let version = reader.i16().map_err(broken)?;
    if !(0..=newest).contains(&version) {
        return Err(RecordError::UnknownVersion { what, version });
    }
    read(&mut reader, version).map_err(broken)
}
