//! DescribeProducers (61): which producers a partition knows (KIP-664). Flexible from the start.

use crate::error_code::ErrorCode;
use crate::message::message;

message! {
    /// Of which partitions?
    DescribeProducersRequest = DESCRIBE_PRODUCERS, 0-0, flexible 0+ {
        topics: Vec<TopicRequest>, 0+;
    }

    TopicRequest {
        name:              String,   0+;
        partition_indexes: Vec<i32>, 0+;
    }

    /// The producers of each partition.
    DescribeProducersResponse = DESCRIBE_PRODUCERS, 0-0, flexible 0+ {
        throttle_time_ms: i32,                0+;
        topics:           Vec<TopicResponse>, 0+;
    }

    TopicResponse {
        name:       String,                 0+;
        partitions: Vec<PartitionResponse>, 0+;
    }

    PartitionResponse {
        partition_index:  i32,                0+;
        error_code:       ErrorCode,          0+;
        error_message:    Option<String>,     0+, nullable 0+, default None;
        active_producers: Vec<ProducerState>, 0+;
    }

    ProducerState {
        producer_id:              i64, 0+;
        producer_epoch:           i32, 0+;
        last_sequence:            i32, 0+, default -1;
        last_timestamp:           i64, 0+, default -1;
        coordinator_epoch:        i32, 0+;
        /// -1 outside of a transaction.
        current_txn_start_offset: i64, 0+, default -1;
    }
}
