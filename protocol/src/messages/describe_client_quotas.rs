//! DescribeClientQuotas (48): limits of users, client ids and addresses (KIP-546). v1 is flexible.

use crate::error_code::ErrorCode;
use crate::message::message;

message! {
    /// Which limits are set?
    DescribeClientQuotasRequest = DESCRIBE_CLIENT_QUOTAS, 0-1, flexible 1+ {
        components: Vec<ComponentData>, 0+;
        /// Only entities of just these types.
        strict:     bool,               0+;
    }

    ComponentData {
        entity_type:  String,         0+;
        /// 0 the name in `match_name`, 1 the default of the type, 2 any.
        match_type:   i8,             0+;
        match_name:   Option<String>, 0+, nullable 0+;
    }

    /// The limits of each entity that matched.
    DescribeClientQuotasResponse = DESCRIBE_CLIENT_QUOTAS, 0-1, flexible 1+ {
        throttle_time_ms: i32,                    0+;
        error_code:       ErrorCode,              0+;
        error_message:    Option<String>,         0+, nullable 0+;
        entries:          Option<Vec<EntryData>>, 0+, nullable 0+;
    }

    EntryData {
        entity: Vec<EntityData>, 0+;
        values: Vec<ValueData>,  0+;
    }

    EntityData {
        entity_type: String,         0+;
        /// Null is the default of the type.
        entity_name: Option<String>, 0+, nullable 0+;
    }

    ValueData {
        key:   String, 0+;
        value: f64,    0+;
    }
}
