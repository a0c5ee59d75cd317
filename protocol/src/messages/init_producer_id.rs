//! InitProducerId (22): a producer id and epoch for an idempotent or transactional producer.
//!
//! v2 flexible, v3 a producer may ask to go on with its id (KIP-360), v4 may say PRODUCER_FENCED, v5
//! TRANSACTION_ABORTABLE (KIP-890). v6 (two-phase commit, KIP-939) is unstable in Kafka 4.3 and not spoken here.

use crate::error_code::ErrorCode;
use crate::message::message;

message! {
    /// A producer wants an id.
    InitProducerIdRequest = INIT_PRODUCER_ID, 0-5, flexible 2+ {
        /// None from a producer that is only idempotent.
        transactional_id:       Option<String>, 0+, nullable 0+;
        transaction_timeout_ms: i32,            0+;
        /// The id to go on with, or -1.
        producer_id:            i64,            3+, default -1;
        producer_epoch:         i16,            3+, default -1;
    }

    /// The id and epoch to produce with.
    InitProducerIdResponse = INIT_PRODUCER_ID, 0-5, flexible 2+ {
        throttle_time_ms: i32,       0+;
        error_code:       ErrorCode, 0+;
        producer_id:      i64,       0+, default -1;
        producer_epoch:   i16,       0+;
    }
}
