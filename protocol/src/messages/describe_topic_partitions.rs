//! DescribeTopicPartitions (75): topics page by page, with who may be elected of a partition (KIP-966).
//!
//! Flexible from the start.

use crate::error_code::ErrorCode;
use crate::message::message;
use uuid::Uuid;

message! {
    /// Which topics, and from where on?
    DescribeTopicPartitionsRequest = DESCRIBE_TOPIC_PARTITIONS, 0-0, flexible 0+ {
        /// Empty: all topics.
        topics:                   Vec<TopicRequest>, 0+;
        response_partition_limit: i32,               0+, default 2000;
        /// The first topic and partition that are asked for.
        cursor:                   Option<Cursor>,    0+, nullable 0+, default None;
    }

    TopicRequest {
        name: String, 0+;
    }

    Cursor {
        topic_name:      String, 0+;
        partition_index: i32,    0+;
    }

    /// One page.
    DescribeTopicPartitionsResponse = DESCRIBE_TOPIC_PARTITIONS, 0-0, flexible 0+ {
        throttle_time_ms: i32,                                       0+;
        topics:           Vec<DescribeTopicPartitionsResponseTopic>, 0+;
        /// Where the next page begins.
        next_cursor:      Option<Cursor>,                            0+, nullable 0+, default None;
    }

    DescribeTopicPartitionsResponseTopic {
        error_code:                  ErrorCode,                                     0+;
        name:                        Option<String>,                                0+, nullable 0+;
        topic_id:                    Uuid,                                          0+;
        is_internal:                 bool,                                          0+;
        partitions:                  Vec<DescribeTopicPartitionsResponsePartition>, 0+;
        topic_authorized_operations: i32,                                           0+, default i32::MIN;
    }

    DescribeTopicPartitionsResponsePartition {
        error_code:               ErrorCode,        0+;
        partition_index:          i32,              0+;
        leader_id:                i32,              0+;
        leader_epoch:             i32,              0+, default -1;
        replica_nodes:            Vec<i32>,         0+;
        isr_nodes:                Vec<i32>,         0+;
        eligible_leader_replicas: Option<Vec<i32>>, 0+, nullable 0+, default None;
        last_known_elr:           Option<Vec<i32>>, 0+, nullable 0+, default None;
        offline_replicas:         Vec<i32>,         0+;
    }
}
