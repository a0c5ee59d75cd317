//! AlterPartitionReassignments (45): moves replicas, or stops to (KIP-455).
//!
//! Flexible from the start, v1 may forbid that the number of replicas changes (KIP-860).

use crate::error_code::ErrorCode;
use crate::message::message;

message! {
    /// Where shall these partitions be?
    AlterPartitionReassignmentsRequest = ALTER_PARTITION_REASSIGNMENTS, 0-1, flexible 0+ {
        timeout_ms:                      i32,                    0+, default 60_000;
        allow_replication_factor_change: bool,                   1+, default true;
        topics:                          Vec<ReassignableTopic>, 0+;
    }

    ReassignableTopic {
        name:       String,                     0+;
        partitions: Vec<ReassignablePartition>, 0+;
    }

    ReassignablePartition {
        partition_index: i32,              0+;
        /// Preferred leader first; None cancels what is under way.
        replicas:        Option<Vec<i32>>, 0+, nullable 0+, default None;
    }

    /// Which moves have begun.
    AlterPartitionReassignmentsResponse = ALTER_PARTITION_REASSIGNMENTS, 0-1, flexible 0+ {
        throttle_time_ms:                i32,                            0+;
        allow_replication_factor_change: bool,                           1+, default true;
        error_code:                      ErrorCode,                      0+;
        error_message:                   Option<String>,                 0+, nullable 0+;
        responses:                       Vec<ReassignableTopicResponse>, 0+;
    }

    ReassignableTopicResponse {
        name:       String,                             0+;
        partitions: Vec<ReassignablePartitionResponse>, 0+;
    }

    ReassignablePartitionResponse {
        partition_index: i32,            0+;
        error_code:      ErrorCode,      0+;
        error_message:   Option<String>, 0+, nullable 0+;
    }
}
