//! ListOffsets (2): the offset that goes with a point in time, or with a special one.
//!
//! v2 isolation level and throttle time, v4 leader epochs (KIP-320), v6 flexible, v7 the offset of the greatest
//! timestamp (KIP-734), v8 earliest local offset (KIP-405), v9 last tiered offset (KIP-1005), v10 a timeout for remote
//! look-ups (KIP-1075), v11 earliest offset not yet uploaded (KIP-1023).

use crate::error_code::ErrorCode;
use crate::message::message;

message! {
    /// Which offsets?
    ListOffsetsRequest = LIST_OFFSETS, 1-11, flexible 6+ {
        /// -1 from a consumer.
        replica_id:      i32,                   0+;
        /// 0 read uncommitted, 1 read committed.
        isolation_level: i8,                    2+;
        topics:          Vec<ListOffsetsTopic>, 0+;
        /// How long an answer from remote storage may take, in milliseconds.
        timeout_ms:      i32,                   10+;
    }

    ListOffsetsTopic {
        name:       String,                    0+;
        partitions: Vec<ListOffsetsPartition>, 0+;
    }

    ListOffsetsPartition {
        partition_index:      i32, 0+;
        current_leader_epoch: i32, 4+, default -1;
        /// Milliseconds since 1970, or -1 latest, -2 earliest, -3 greatest timestamp, -4 earliest local, -5 last
        /// tiered, -6 earliest not yet uploaded.
        timestamp:            i64, 0+;
    }

    /// The offset for each partition.
    ListOffsetsResponse = LIST_OFFSETS, 1-11, flexible 6+ {
        throttle_time_ms: i32,                           2+;
        topics:           Vec<ListOffsetsTopicResponse>, 0+;
    }

    ListOffsetsTopicResponse {
        name:       String,                            0+;
        partitions: Vec<ListOffsetsPartitionResponse>, 0+;
    }

    ListOffsetsPartitionResponse {
        partition_index: i32,       0+;
        error_code:      ErrorCode, 0+;
        /// -1 when the question was a special offset or nothing was found.
        timestamp:       i64,       1+, default -1;
        /// -1 when nothing was found.
        offset:          i64,       1+, default -1;
        leader_epoch:    i32,       4+, default -1;
    }
}
