//! UnregisterBroker (64): forgets a broker that will not come back. Flexible from the start.

use crate::error_code::ErrorCode;
use crate::message::message;

message! {
    /// Whom to forget.
    UnregisterBrokerRequest = UNREGISTER_BROKER, 0-0, flexible 0+ {
        broker_id: i32, 0+;
    }

    /// Whether it was done.
    UnregisterBrokerResponse = UNREGISTER_BROKER, 0-0, flexible 0+ {
        throttle_time_ms: i32,            0+;
        error_code:       ErrorCode,      0+;
        error_message:    Option<String>, 0+, nullable 0+;
    }
}
