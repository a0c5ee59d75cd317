//! ListTransactions (66): the transactional ids that a coordinator knows (KIP-664).
//!
//! Flexible from the start, v1 by age (KIP-994), v2 by a pattern of the id (KIP-1152).

use crate::error_code::ErrorCode;
use crate::message::message;

message! {
    /// Which? An empty list lets all pass.
    ListTransactionsRequest = LIST_TRANSACTIONS, 0-2, flexible 0+ {
        state_filters:            Vec<String>,    0+;
        producer_id_filters:      Vec<i64>,       0+;
        /// In milliseconds; negative: of any age.
        duration_filter:          i64,            1+, default -1;
        transactional_id_pattern: Option<String>, 2+, nullable 2+, default None;
    }

    /// Those that passed.
    ListTransactionsResponse = LIST_TRANSACTIONS, 0-2, flexible 0+ {
        throttle_time_ms:      i32,                   0+;
        error_code:            ErrorCode,             0+;
        unknown_state_filters: Vec<String>,           0+;
        transaction_states:    Vec<TransactionState>, 0+;
    }

    TransactionState {
        transactional_id:  String, 0+;
        producer_id:       i64,    0+;
        transaction_state: String, 0+;
    }
}
