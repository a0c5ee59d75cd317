//! DeleteGroups (42): forgets groups without members, with their offsets.
//!
//! v2 flexible.

use crate::error_code::ErrorCode;
use crate::message::message;

message! {
    /// Groups to forget.
    DeleteGroupsRequest = DELETE_GROUPS, 0-2, flexible 2+ {
        groups_names: Vec<String>, 0+;
    }

    /// What became of each group.
    DeleteGroupsResponse = DELETE_GROUPS, 0-2, flexible 2+ {
        throttle_time_ms: i32,                       0+;
        results:          Vec<DeletableGroupResult>, 0+;
    }

    DeletableGroupResult {
        group_id:   String,    0+;
        error_code: ErrorCode, 0+;
    }
}
