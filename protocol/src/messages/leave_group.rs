//! LeaveGroup (13): members leave a classic group.
//!
//! v3 several members at once, also static ones (KIP-345), v4 flexible, v5 reason (KIP-800).

use crate::error_code::ErrorCode;
use crate::message::message;

message! {
    /// Members leave.
    LeaveGroupRequest = LEAVE_GROUP, 0-5, flexible 4+ {
        group_id:  String,              0+;
        /// The one who leaves, up to v2.
        member_id: String,              0-2;
        members:   Vec<MemberIdentity>, 3+;
    }

    MemberIdentity {
        member_id:         String,         3+;
        group_instance_id: Option<String>, 3+, nullable 3+, default None;
        reason:            Option<String>, 5+, nullable 5+, default None;
    }

    /// What became of each member.
    LeaveGroupResponse = LEAVE_GROUP, 0-5, flexible 4+ {
        throttle_time_ms: i32,                 1+;
        error_code:       ErrorCode,           0+;
        members:          Vec<MemberResponse>, 3+;
    }

    MemberResponse {
        member_id:         String,         3+;
        group_instance_id: Option<String>, 3+, nullable 3+;
        error_code:        ErrorCode,      3+;
    }
}
