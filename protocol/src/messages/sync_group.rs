//! SyncGroup (14): the group's leader hands out the assignment; every member fetches its part.
//!
//! v3 static members (KIP-345), v4 flexible, v5 protocol type and name on both sides (KIP-559).

use crate::error_code::ErrorCode;
use crate::message::message;
use bytes::Bytes;

message! {
    /// A member wants its assignment.
    SyncGroupRequest = SYNC_GROUP, 0-5, flexible 4+ {
        group_id:          String,                          0+;
        generation_id:     i32,                             0+;
        member_id:         String,                          0+;
        group_instance_id: Option<String>,                  3+, nullable 3+, default None;
        protocol_type:     Option<String>,                  5+, nullable 5+, default None;
        protocol_name:     Option<String>,                  5+, nullable 5+, default None;
        /// From the leader: everybody's part; from others empty.
        assignments:       Vec<SyncGroupRequestAssignment>, 0+;
    }

    SyncGroupRequestAssignment {
        member_id:  String, 0+;
        assignment: Bytes,  0+;
    }

    /// One member's assignment.
    SyncGroupResponse = SYNC_GROUP, 0-5, flexible 4+ {
        throttle_time_ms: i32,            1+;
        error_code:       ErrorCode,      0+;
        protocol_type:    Option<String>, 5+, nullable 5+, default None;
        protocol_name:    Option<String>, 5+, nullable 5+, default None;
        /// A ConsumerProtocolAssignment in consumer groups.
        assignment:       Bytes,          0+;
    }
}
