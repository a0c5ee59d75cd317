//! ElectLeaders (43): gives leadership to the preferred replica, or to any that lives (KIP-183, KIP-460).
//!
//! v1 unclean elections and a top-level error, v2 flexible.

use crate::error_code::ErrorCode;
use crate::message::message;

message! {
    /// Of which partitions?
    ElectLeadersRequest = ELECT_LEADERS, 0-2, flexible 2+ {
        /// 0 preferred, 1 unclean.
        election_type:    i8,                           1+;
        /// None: all partitions.
        topic_partitions: Option<Vec<TopicPartitions>>, 0+, nullable 0+;
        timeout_ms:       i32,                          0+, default 60_000;
    }

    TopicPartitions {
        topic:      String,   0+;
        partitions: Vec<i32>, 0+;
    }

    /// What became of each election.
    ElectLeadersResponse = ELECT_LEADERS, 0-2, flexible 2+ {
        throttle_time_ms:         i32,                        0+;
        error_code:               ErrorCode,                  1+;
        replica_election_results: Vec<ReplicaElectionResult>, 0+;
    }

    ReplicaElectionResult {
        topic:            String,               0+;
        partition_result: Vec<PartitionResult>, 0+;
    }

    PartitionResult {
        partition_id:  i32,            0+;
        error_code:    ErrorCode,      0+;
        error_message: Option<String>, 0+, nullable 0+;
    }
}
