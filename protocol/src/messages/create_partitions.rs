//! CreatePartitions (37): raises the partition count of topics.
//!
//! v2 flexible, v3 may be throttled (KIP-599).

use crate::error_code::ErrorCode;
use crate::message::message;

message! {
    /// Topics to grow.
    CreatePartitionsRequest = CREATE_PARTITIONS, 0-3, flexible 2+ {
        topics:        Vec<CreatePartitionsTopic>, 0+;
        timeout_ms:    i32,                        0+;
        validate_only: bool,                       0+;
    }

    CreatePartitionsTopic {
        name:        String,                                  0+;
        /// The new total.
        count:       i32,                                     0+;
        /// Replicas of the added partitions; None to let the broker choose.
        assignments: Option<Vec<CreatePartitionsAssignment>>, 0+, nullable 0+;
    }

    CreatePartitionsAssignment {
        broker_ids: Vec<i32>, 0+;
    }

    /// What became of each topic.
    CreatePartitionsResponse = CREATE_PARTITIONS, 0-3, flexible 2+ {
        throttle_time_ms: i32,                              0+;
        results:          Vec<CreatePartitionsTopicResult>, 0+;
    }

    CreatePartitionsTopicResult {
        name:          String,         0+;
        error_code:    ErrorCode,      0+;
        error_message: Option<String>, 0+, nullable 0+, default None;
    }
}
