//! AlterClientQuotas (49): sets and removes limits of users, client ids and addresses (KIP-546). v1 is flexible.

use crate::error_code::ErrorCode;
use crate::message::message;

message! {
    /// Changes, entity by entity.
    AlterClientQuotasRequest = ALTER_CLIENT_QUOTAS, 0-1, flexible 1+ {
        entries:       Vec<EntryData>, 0+;
        validate_only: bool,           0+;
    }

    EntryData {
        entity: Vec<EntityData>, 0+;
        ops:    Vec<OpData>,     0+;
    }

    EntityData {
        entity_type: String,         0+;
        /// Null is the default of the type.
        entity_name: Option<String>, 0+, nullable 0+;
    }

    OpData {
        key:    String, 0+;
        value:  f64,    0+;
        remove: bool,   0+;
    }

    /// What became of each entity.
    AlterClientQuotasResponse = ALTER_CLIENT_QUOTAS, 0-1, flexible 1+ {
        throttle_time_ms: i32,               0+;
        entries:          Vec<EntryOutcome>, 0+;
    }

    EntryOutcome {
        error_code:    ErrorCode,       0+;
        error_message: Option<String>,  0+, nullable 0+;
        entity:        Vec<EntityData>, 0+;
    }
}
