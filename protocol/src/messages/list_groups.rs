//! ListGroups (16): the groups that this broker coordinates.
//!
//! v3 flexible, v4 states (KIP-518), v5 types (KIP-848).

use crate::error_code::ErrorCode;
use crate::message::message;

message! {
    /// Which groups are here?
    ListGroupsRequest = LIST_GROUPS, 0-5, flexible 3+ {
        /// Empty: any state.
        states_filter: Vec<String>, 4+;
        /// Empty: any type.
        types_filter:  Vec<String>, 5+;
    }

    /// The groups.
    ListGroupsResponse = LIST_GROUPS, 0-5, flexible 3+ {
        throttle_time_ms: i32,              1+;
        error_code:       ErrorCode,        0+;
        groups:           Vec<ListedGroup>, 0+;
    }

    ListedGroup {
        group_id:      String, 0+;
        protocol_type: String, 0+;
        group_state:   String, 4+;
        group_type:    String, 5+;
    }
}
