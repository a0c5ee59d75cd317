//! DescribeGroups (15): state, members and assignment of classic groups.
//!
//! v3 authorized operations (KIP-430), v4 static members, v5 flexible, v6 says GROUP_ID_NOT_FOUND instead of Dead
//! (KIP-1043).

use crate::error_code::ErrorCode;
use crate::message::message;
use bytes::Bytes;

message! {
    /// What state are these groups in?
    DescribeGroupsRequest = DESCRIBE_GROUPS, 0-6, flexible 5+ {
        groups:                        Vec<String>, 0+;
        include_authorized_operations: bool,        3+;
    }

    /// The groups.
    DescribeGroupsResponse = DESCRIBE_GROUPS, 0-6, flexible 5+ {
        throttle_time_ms: i32,                 1+;
        groups:           Vec<DescribedGroup>, 0+;
    }

    DescribedGroup {
        error_code:            ErrorCode,                 0+;
        error_message:         Option<String>,            6+, nullable 6+, default None;
        group_id:              String,                    0+;
        group_state:           String,                    0+;
        protocol_type:         String,                    0+;
        /// The chosen protocol, while the group is stable.
        protocol_data:         String,                    0+;
        members:               Vec<DescribedGroupMember>, 0+;
        authorized_operations: i32,                       3+, default i32::MIN;
    }

    DescribedGroupMember {
        member_id:         String,         0+;
        group_instance_id: Option<String>, 4+, nullable 4+, default None;
        client_id:         String,         0+;
        client_host:       String,         0+;
        member_metadata:   Bytes,          0+;
        member_assignment: Bytes,          0+;
    }
}
