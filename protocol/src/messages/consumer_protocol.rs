//! What consumers put into JoinGroup and SyncGroup. A broker passes it through; tools, tests and the describe commands
//! read it.
//!
//! Each stands behind an int16 with its version. A newer version than ours is read as our newest, since later ones only
//! append fields (`ConsumerProtocol` in Kafka's clients).

use crate::message::{Message, message};
use crate::wire::{DecodeError, Problem, Reader, Writer};
use bytes::Bytes;

message! {
    /// What a member wants to read, and what it still owns.
    ConsumerProtocolSubscription = NONE, 0-3 {
        topics:           Vec<String>,         0+;
        user_data:        Option<Bytes>,       0+, nullable 0+, default None;
        owned_partitions: Vec<TopicPartition>, 1+;
        generation_id:    i32,                 2+, default -1;
        rack_id:          Option<String>,      3+, nullable 3+, default None;
    }

    /// What a member shall read.
    ConsumerProtocolAssignment = NONE, 0-3 {
        assigned_partitions: Vec<TopicPartition>, 0+;
        user_data:           Option<Bytes>,       0+, nullable 0+, default None;
    }

    /// Partitions of one topic.
    TopicPartition {
        topic:      String,   0+;
        partitions: Vec<i32>, 0+;
    }
}

/// Writes a version and then the structure in that version.
pub fn to_versioned<M: Message>(message: &M, version: i16) -> Bytes {
    let mut writer = Writer::new();
    writer.i16(version);
    message.encode(&mut writer, version);
    writer.finish().freeze()
}

/// Reads a version and then the structure in that version.
///
/// # Errors
/// When the version is negative or the bytes are not such a structure.
pub fn from_versioned<M: Message>(bytes: &[u8]) -> Result<M, DecodeError> {
    let mut reader = Reader::new(bytes);
    let version = reader.i16()?;
    if version < *M::VERSIONS.start() {
        return Err(DecodeError {
            at: 0,
            problem: Problem::Version(version),
        });
    }
    M::decode(&mut reader, version.min(*M::VERSIONS.end()))
}
