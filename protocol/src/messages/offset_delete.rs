//! OffsetDelete (47): forgets committed offsets of a group (KIP-496). Never flexible.

use crate::error_code::ErrorCode;
use crate::message::message;

message! {
    /// Offsets to forget.
    OffsetDeleteRequest = OFFSET_DELETE, 0-0 {
        group_id: String,                        0+;
        topics:   Vec<OffsetDeleteRequestTopic>, 0+;
    }

    OffsetDeleteRequestTopic {
        name:       String,                            0+;
        partitions: Vec<OffsetDeleteRequestPartition>, 0+;
    }

    OffsetDeleteRequestPartition {
        partition_index: i32, 0+;
    }

    /// What became of each offset; nothing of them if the group itself is at fault.
    OffsetDeleteResponse = OFFSET_DELETE, 0-0 {
        error_code:       ErrorCode,                      0+;
        throttle_time_ms: i32,                            0+;
        topics:           Vec<OffsetDeleteResponseTopic>, 0+;
    }

    OffsetDeleteResponseTopic {
        name:       String,                             0+;
        partitions: Vec<OffsetDeleteResponsePartition>, 0+;
    }

    OffsetDeleteResponsePartition {
        partition_index: i32,       0+;
        error_code:      ErrorCode, 0+;
    }
}
