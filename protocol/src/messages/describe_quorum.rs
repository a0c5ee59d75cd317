//! DescribeQuorum (55): the voters of the metadata log and how far each is (KIP-595).
//!
//! Flexible from the start, v1 when a voter fetched last (KIP-836), v2 error messages, nodes and directories (KIP-853).

use crate::error_code::ErrorCode;
use crate::message::message;
use uuid::Uuid;

message! {
    /// Of which logs? There is one.
    DescribeQuorumRequest = DESCRIBE_QUORUM, 0-2, flexible 0+ {
        topics: Vec<RequestTopicData>, 0+;
    }

    RequestTopicData {
        topic_name: String,                    0+;
        partitions: Vec<RequestPartitionData>, 0+;
    }

    RequestPartitionData {
        partition_index: i32, 0+;
    }

    /// Its leader, voters and observers.
    DescribeQuorumResponse = DESCRIBE_QUORUM, 0-2, flexible 0+ {
        error_code:    ErrorCode,      0+;
        error_message: Option<String>, 2+, nullable 2+;
        topics:        Vec<TopicData>, 0+;
        nodes:         Vec<Node>,      2+;
    }

    TopicData {
        topic_name: String,             0+;
        partitions: Vec<PartitionData>, 0+;
    }

    PartitionData {
        partition_index: i32,               0+;
        error_code:      ErrorCode,         0+;
        error_message:   Option<String>,    2+, nullable 2+;
        /// -1 if unknown.
        leader_id:       i32,               0+;
        leader_epoch:    i32,               0+;
        high_watermark:  i64,               0+;
        current_voters:  Vec<ReplicaState>, 0+;
        observers:       Vec<ReplicaState>, 0+;
    }

    ReplicaState {
        replica_id:               i32,  0+;
        replica_directory_id:     Uuid, 2+;
        log_end_offset:           i64,  0+;
        /// -1 for the leader, and if unknown.
        last_fetch_timestamp:     i64,  1+, default -1;
        /// Now for the leader; -1 if unknown.
        last_caught_up_timestamp: i64,  1+, default -1;
    }

    Node {
        node_id:   i32,           2+;
        listeners: Vec<Listener>, 2+;
    }

    Listener {
        name: String, 2+;
        host: String, 2+;
        port: u16,    2+;
    }
}
