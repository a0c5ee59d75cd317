//! OffsetFetch (9): how far a group has read.
//!
//! v2 null topics means all, v5 leader epoch, v6 flexible, v7 may wait for open transactions (KIP-447), v8 several
//! groups (KIP-709), v9 also for groups of KIP-848, v10 topic ids instead of names.

use crate::error_code::ErrorCode;
use crate::message::message;
use uuid::Uuid;

message! {
    /// Offsets to look up.
    OffsetFetchRequest = OFFSET_FETCH, 1-10, flexible 6+ {
        group_id:       String,                               0-7;
        /// None: all topics, from v2.
        topics:         Option<Vec<OffsetFetchRequestTopic>>, 0-7, nullable 2-7;
        groups:         Vec<OffsetFetchRequestGroup>,         8+;
        /// Say UNSTABLE_OFFSET_COMMIT while a transaction holds offsets back.
        require_stable: bool,                                 7+;
    }

    OffsetFetchRequestTopic {
        name:              String,   0-7;
        partition_indexes: Vec<i32>, 0-7;
    }

    OffsetFetchRequestGroup {
        group_id:     String,                                8+;
        member_id:    Option<String>,                        9+, nullable 9+, default None;
        member_epoch: i32,                                   9+, default -1;
        /// None: all topics.
        topics:       Option<Vec<OffsetFetchRequestTopics>>, 8+, nullable 8+;
    }

    OffsetFetchRequestTopics {
        name:              String,   8-9;
        topic_id:          Uuid,     10+;
        partition_indexes: Vec<i32>, 8+;
    }

    /// The offsets, in `groups` from v8.
    OffsetFetchResponse = OFFSET_FETCH, 1-10, flexible 6+ {
        throttle_time_ms: i32,                           3+;
        topics:           Vec<OffsetFetchResponseTopic>, 0-7;
        error_code:       ErrorCode,                     2-7;
        groups:           Vec<OffsetFetchResponseGroup>, 8+;
    }

    OffsetFetchResponseTopic {
        name:       String,                            0-7;
        partitions: Vec<OffsetFetchResponsePartition>, 0-7;
    }

    OffsetFetchResponsePartition {
        partition_index:        i32,            0-7;
        /// -1 if there is none.
        committed_offset:       i64,            0-7;
        committed_leader_epoch: i32,            5-7, default -1;
        metadata:               Option<String>, 0-7, nullable 0-7;
        error_code:             ErrorCode,      0-7;
    }

    OffsetFetchResponseGroup {
        group_id:   String,                         8+;
        topics:     Vec<OffsetFetchResponseTopics>, 8+;
        error_code: ErrorCode,                      8+;
    }

    OffsetFetchResponseTopics {
        name:       String,                             8-9;
        topic_id:   Uuid,                               10+;
        partitions: Vec<OffsetFetchResponsePartitions>, 8+;
    }

    OffsetFetchResponsePartitions {
        partition_index:        i32,            8+;
        /// -1 if there is none.
        committed_offset:       i64,            8+;
        committed_leader_epoch: i32,            8+, default -1;
        metadata:               Option<String>, 8+, nullable 8+;
        error_code:             ErrorCode,      8+;
    }
}
