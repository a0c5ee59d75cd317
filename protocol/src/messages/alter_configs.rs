//! AlterConfigs (33): replaces all configs of a resource at once. Older than IncrementalAlterConfigs, which Java's clients use
//! now; kafkajs and aiokafka know only this one.
//!
//! v1 as v0, v2 flexible.

use crate::error_code::ErrorCode;
use crate::message::message;

message! {
    /// The whole new set of configs, resource by resource.
    AlterConfigsRequest = ALTER_CONFIGS, 0-2, flexible 2+ {
        resources:     Vec<AlterConfigsResource>, 0+;
        validate_only: bool,                      0+;
    }

    AlterConfigsResource {
        /// 2 topic, 4 broker.
        resource_type: i8,                   0+;
        resource_name: String,               0+;
        configs:       Vec<AlterableConfig>, 0+;
    }

    AlterableConfig {
        name:  String,         0+;
        value: Option<String>, 0+, nullable 0+;
    }

    /// What became of each resource's configs.
    AlterConfigsResponse = ALTER_CONFIGS, 0-2, flexible 2+ {
        throttle_time_ms: i32,                               0+;
        responses:        Vec<AlterConfigsResourceResponse>, 0+;
    }

    AlterConfigsResourceResponse {
        error_code:    ErrorCode,      0+;
        error_message: Option<String>, 0+, nullable 0+;
        resource_type: i8,             0+;
        resource_name: String,         0+;
    }
}
