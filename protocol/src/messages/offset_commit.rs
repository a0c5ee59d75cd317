//! OffsetCommit (8): a group stores how far it has read.
//!
//! v5 no retention time of its own any more, v6 leader epoch (KIP-320), v7 static members (KIP-345), v8 flexible, v9
//! also for groups of KIP-848, v10 topic ids instead of names.

use crate::error_code::ErrorCode;
use crate::message::message;
use uuid::Uuid;

message! {
    /// Offsets to store.
    OffsetCommitRequest = OFFSET_COMMIT, 2-10, flexible 8+ {
        group_id:                      String,                        0+;
        /// Generation of a classic group, member epoch of a consumer group; -1 from outside of any.
        generation_id_or_member_epoch: i32,                           1+,  default -1;
        member_id:                     String,                        1+;
        group_instance_id:             Option<String>,                7+,  nullable 7+, default None;
        /// -1: as the broker has it.
        retention_time_ms:             i64,                           2-4, default -1;
        topics:                        Vec<OffsetCommitRequestTopic>, 0+;
    }

    OffsetCommitRequestTopic {
        name:       String,                            0-9;
        topic_id:   Uuid,                              10+;
        partitions: Vec<OffsetCommitRequestPartition>, 0+;
    }

    OffsetCommitRequestPartition {
        partition_index:        i32,            0+;
        committed_offset:       i64,            0+;
        committed_leader_epoch: i32,            6+, default -1;
        committed_metadata:     Option<String>, 0+, nullable 0+;
    }

    /// What became of each partition.
    OffsetCommitResponse = OFFSET_COMMIT, 2-10, flexible 8+ {
        throttle_time_ms: i32,                            3+;
        topics:           Vec<OffsetCommitResponseTopic>, 0+;
    }

    OffsetCommitResponseTopic {
        name:       String,                             0-9;
        topic_id:   Uuid,                               10+;
        partitions: Vec<OffsetCommitResponsePartition>, 0+;
    }

    OffsetCommitResponsePartition {
        partition_index: i32,       0+;
        error_code:      ErrorCode, 0+;
    }
}
