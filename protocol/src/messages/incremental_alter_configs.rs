//! IncrementalAlterConfigs (44): sets, deletes, appends to or subtracts from single config keys (KIP-339).
//!
//! v1 flexible.

use crate::error_code::ErrorCode;
use crate::message::message;

message! {
    /// Changes to configs, resource by resource.
    IncrementalAlterConfigsRequest = INCREMENTAL_ALTER_CONFIGS, 0-1, flexible 1+ {
        resources:     Vec<AlterConfigsResource>, 0+;
        validate_only: bool,                      0+;
    }

    AlterConfigsResource {
        /// 2 topic, 4 broker, 8 broker logger, 16 client metrics, 32 group.
        resource_type: i8,                   0+;
        resource_name: String,               0+;
        configs:       Vec<AlterableConfig>, 0+;
    }

    AlterableConfig {
        name:             String,         0+;
        /// 0 set, 1 delete, 2 append, 3 subtract.
        config_operation: i8,             0+;
        value:            Option<String>, 0+, nullable 0+;
    }

    /// What became of each resource's changes.
    IncrementalAlterConfigsResponse = INCREMENTAL_ALTER_CONFIGS, 0-1, flexible 1+ {
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
