//! ListConfigResources (74): names of what has configs. Until version 0 it was ListClientMetricsResources (KIP-1142).
//!
//! v1 names the types that are wanted, and tells each one's. Flexible from the start.

use crate::error_code::ErrorCode;
use crate::message::message;

message! {
    /// What has configs?
    ListConfigResourcesRequest = LIST_CONFIG_RESOURCES, 0-1, flexible 0+ {
        /// Empty: every type.
        resource_types: Vec<i8>, 1+;
    }

    /// What has configs, or could have.
    ListConfigResourcesResponse = LIST_CONFIG_RESOURCES, 0-1, flexible 0+ {
        throttle_time_ms: i32,                 0+;
        error_code:       ErrorCode,           0+;
        config_resources: Vec<ConfigResource>, 0+;
    }

    ConfigResource {
        resource_name: String, 0+;
        /// 2 topic, 4 broker, 8 broker logger, 16 client metrics, 32 group.
        resource_type: i8,     1+, default 16;
    }
}
