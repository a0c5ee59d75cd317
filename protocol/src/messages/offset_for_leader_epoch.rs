//! OffsetForLeaderEpoch (23): where a leader epoch ended, for clients that look whether their log was truncated
//! (KIP-101, KIP-320).
//!
//! v3 replica id, v4 flexible.

use crate::error_code::ErrorCode;
use crate::message::message;

message! {
    /// Where did these epochs end?
    OffsetForLeaderEpochRequest = OFFSET_FOR_LEADER_EPOCH, 2-4, flexible 4+ {
        /// -1 from a consumer, -2 from a consumer that may see beyond the high watermark.
        replica_id: i32,                       3+, default -2;
        topics:     Vec<OffsetForLeaderTopic>, 0+;
    }

    OffsetForLeaderTopic {
        topic:      String,                        0+;
        partitions: Vec<OffsetForLeaderPartition>, 0+;
    }

    OffsetForLeaderPartition {
        partition:            i32, 0+;
        current_leader_epoch: i32, 2+, default -1;
        leader_epoch:         i32, 0+;
    }

    /// The end of each epoch.
    OffsetForLeaderEpochResponse = OFFSET_FOR_LEADER_EPOCH, 2-4, flexible 4+ {
        throttle_time_ms: i32,                             2+;
        topics:           Vec<OffsetForLeaderTopicResult>, 0+;
    }

    OffsetForLeaderTopicResult {
        topic:      String,              0+;
        partitions: Vec<EpochEndOffset>, 0+;
    }

    EpochEndOffset {
        error_code:   ErrorCode, 0+;
        partition:    i32,       0+;
        /// The greatest epoch known that is not above the one asked for; -1 if none.
        leader_epoch: i32,       1+, default -1;
        /// One past the last offset of that epoch; -1 if none.
        end_offset:   i64,       0+, default -1;
    }
}
