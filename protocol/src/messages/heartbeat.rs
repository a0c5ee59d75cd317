//! Heartbeat (12): a member of a classic group is alive, and hears whether a rebalance began.
//!
//! v3 static members (KIP-345), v4 flexible.

use crate::error_code::ErrorCode;
use crate::message::message;

message! {
    /// A member is alive.
    HeartbeatRequest = HEARTBEAT, 0-4, flexible 4+ {
        group_id:          String,         0+;
        generation_id:     i32,            0+;
        member_id:         String,         0+;
        group_instance_id: Option<String>, 3+, nullable 3+, default None;
    }

    /// Whether it may go on.
    HeartbeatResponse = HEARTBEAT, 0-4, flexible 4+ {
        throttle_time_ms: i32,       1+;
        error_code:       ErrorCode, 0+;
    }
}
