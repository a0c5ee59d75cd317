//! FindCoordinator (10): which broker coordinates a group, a transactional id or a share partition.
//!
//! v1 key types, v3 flexible, v4 several keys at once (KIP-699), v5 may say TRANSACTION_ABORTABLE (KIP-890), v6 share
//! groups (KIP-932).

use crate::error_code::ErrorCode;
use crate::message::message;

message! {
    /// Who coordinates these keys?
    FindCoordinatorRequest = FIND_COORDINATOR, 0-6, flexible 3+ {
        key:              String,      0-3;
        /// 0 group, 1 transactional id, 2 share partition.
        key_type:         i8,          1+;
        coordinator_keys: Vec<String>, 4+;
    }

    /// The coordinator of each key.
    FindCoordinatorResponse = FIND_COORDINATOR, 0-6, flexible 3+ {
        throttle_time_ms: i32,              1+;
        error_code:       ErrorCode,        0-3;
        error_message:    Option<String>,   1-3, nullable 1-3;
        node_id:          i32,              0-3;
        host:             String,           0-3;
        port:             i32,              0-3;
        coordinators:     Vec<Coordinator>, 4+;
    }

    Coordinator {
        key:           String,         4+;
        node_id:       i32,            4+;
        host:          String,         4+;
        port:          i32,            4+;
        error_code:    ErrorCode,      4+;
        error_message: Option<String>, 4+, nullable 4+;
    }
}
