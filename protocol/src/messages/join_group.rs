//! JoinGroup (11): a member enters a classic group or comes back for a rebalance.
//!
//! v1 rebalance timeout, v4 a new member is given its id first and asks again (KIP-394), v5 static members (KIP-345),
//! v6 flexible, v7 protocol type in the answer (KIP-559), v8 reason (KIP-800), v9 the leader may be told to skip
//! assignment (KIP-814).

use crate::error_code::ErrorCode;
use crate::message::message;
use bytes::Bytes;

message! {
    /// A member wants in.
    JoinGroupRequest = JOIN_GROUP, 0-9, flexible 6+ {
        group_id:             String,                        0+;
        /// Without a heartbeat for so long, the member is out, in milliseconds.
        session_timeout_ms:   i32,                           0+;
        /// How long a rebalance waits for this member, in milliseconds; -1: the session timeout.
        rebalance_timeout_ms: i32,                           1+, default -1;
        /// Empty from a new member.
        member_id:            String,                        0+;
        group_instance_id:    Option<String>,                5+, nullable 5+, default None;
        protocol_type:        String,                        0+;
        /// What the member can do, best first; metadata is a ConsumerProtocolSubscription in consumer groups.
        protocols:            Vec<JoinGroupRequestProtocol>, 0+;
        reason:               Option<String>,                8+, nullable 8+, default None;
    }

    JoinGroupRequestProtocol {
        name:     String, 0+;
        metadata: Bytes,  0+;
    }

    /// The generation that the member is in now.
    JoinGroupResponse = JOIN_GROUP, 0-9, flexible 6+ {
        throttle_time_ms: i32,                          2+;
        error_code:       ErrorCode,                    0+;
        generation_id:    i32,                          0+, default -1;
        protocol_type:    Option<String>,               7+, nullable 7+, default None;
        protocol_name:    Option<String>,               0+, nullable 7+;
        leader:           String,                       0+;
        skip_assignment:  bool,                         9+;
        member_id:        String,                       0+;
        /// Everybody, for the leader; empty for the others.
        members:          Vec<JoinGroupResponseMember>, 0+;
    }

    JoinGroupResponseMember {
        member_id:         String,         0+;
        group_instance_id: Option<String>, 5+, nullable 5+, default None;
        metadata:          Bytes,          0+;
    }
}
