//! ApiVersions (18): what this broker speaks, and which features the cluster has finalized.
//!
//! v1 throttle time, v3 flexible, client software and features (KIP-511, KIP-584), v4 lets a feature start at 0. A
//! request of an unknown version is answered in v0 with UNSUPPORTED_VERSION; the response header is always v0.

use crate::error_code::ErrorCode;
use crate::message::message;

message! {
    /// What does the broker speak?
    ApiVersionsRequest = API_VERSIONS, 0-4, flexible 3+ {
        client_software_name:    String, 3+;
        client_software_version: String, 3+;
    }

    ApiVersionsResponse = API_VERSIONS, 0-4, flexible 3+ {
        error_code:               ErrorCode,                0+;
        api_keys:                 Vec<ApiVersion>,          0+;
        throttle_time_ms:         i32,                      1+;
        supported_features:       Vec<SupportedFeatureKey>, 3+, tag 0;
        finalized_features_epoch: i64,                      3+, tag 1, default -1;
        finalized_features:       Vec<FinalizedFeatureKey>, 3+, tag 2;
        zk_migration_ready:       bool,                     3+, tag 3;
    }

    ApiVersion {
        api_key:     i16, 0+;
        min_version: i16, 0+;
        max_version: i16, 0+;
    }

    SupportedFeatureKey {
        name:        String, 3+;
        min_version: i16,    3+;
        max_version: i16,    3+;
    }

    FinalizedFeatureKey {
        name:              String, 3+;
        max_version_level: i16,    3+;
        min_version_level: i16,    3+;
    }
}
