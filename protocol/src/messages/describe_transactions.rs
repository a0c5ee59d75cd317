//! DescribeTransactions (65): the state of transactional ids (KIP-664). Flexible from the start.

use crate::error_code::ErrorCode;
use crate::message::message;

message! {
    /// Of which ids?
    DescribeTransactionsRequest = DESCRIBE_TRANSACTIONS, 0-0, flexible 0+ {
        transactional_ids: Vec<String>, 0+;
    }

    /// Each as its coordinator knows it.
    DescribeTransactionsResponse = DESCRIBE_TRANSACTIONS, 0-0, flexible 0+ {
        throttle_time_ms:   i32,                   0+;
        transaction_states: Vec<TransactionState>, 0+;
    }

    TransactionState {
        error_code:                ErrorCode,      0+;
        transactional_id:          String,         0+;
        transaction_state:         String,         0+;
        transaction_timeout_ms:    i32,            0+;
        transaction_start_time_ms: i64,            0+;
        producer_id:               i64,            0+;
        producer_epoch:            i16,            0+;
        topics:                    Vec<TopicData>, 0+;
    }

    TopicData {
        topic:      String,   0+;
        partitions: Vec<i32>, 0+;
    }
}
