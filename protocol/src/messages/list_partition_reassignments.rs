//! ListPartitionReassignments (46): which partitions are on the move (KIP-455). Flexible from the start.

use crate::error_code::ErrorCode;
use crate::message::message;

message! {
    /// Which of these are on the move?
    ListPartitionReassignmentsRequest = LIST_PARTITION_REASSIGNMENTS, 0-0, flexible 0+ {
        timeout_ms: i32,                                            0+, default 60_000;
        /// None: all partitions.
        topics:     Option<Vec<ListPartitionReassignmentsTopics>>, 0+, nullable 0+, default None;
    }

    ListPartitionReassignmentsTopics {
        name:              String,   0+;
        partition_indexes: Vec<i32>, 0+;
    }

    /// Those that are.
    ListPartitionReassignmentsResponse = LIST_PARTITION_REASSIGNMENTS, 0-0, flexible 0+ {
        throttle_time_ms: i32,                           0+;
        error_code:       ErrorCode,                     0+;
        error_message:    Option<String>,                0+, nullable 0+;
        topics:           Vec<OngoingTopicReassignment>, 0+;
    }

    OngoingTopicReassignment {
        name:       String,                            0+;
        partitions: Vec<OngoingPartitionReassignment>, 0+;
    }

    OngoingPartitionReassignment {
        partition_index:   i32,      0+;
        replicas:          Vec<i32>, 0+;
        adding_replicas:   Vec<i32>, 0+;
        removing_replicas: Vec<i32>, 0+;
    }
}
