//! UpdateFeatures (57): changes what all brokers may use (KIP-584).
//!
//! Flexible from the start, v1 kinds of upgrades and a dry run (KIP-778), v2 one result for all.

use crate::error_code::ErrorCode;
use crate::message::message;

message! {
    /// The levels that are wanted.
    UpdateFeaturesRequest = UPDATE_FEATURES, 0-2, flexible 0+ {
        timeout_ms:      i32,                   0+, default 60_000;
        feature_updates: Vec<FeatureUpdateKey>, 0+;
        validate_only:   bool,                  1+;
    }

    FeatureUpdateKey {
        feature:           String, 0+;
        /// Below 1: forget the feature.
        max_version_level: i16,    0+;
        allow_downgrade:   bool,   0-0;
        /// 1 upgrade, 2 safe downgrade, 3 unsafe downgrade.
        upgrade_type:      i8,     1+, default 1;
    }

    /// Whether it was done.
    UpdateFeaturesResponse = UPDATE_FEATURES, 0-2, flexible 0+ {
        throttle_time_ms: i32,                         0+;
        error_code:       ErrorCode,                   0+;
        error_message:    Option<String>,              0+, nullable 0+;
        results:          Vec<UpdatableFeatureResult>, 0-1;
    }

    UpdatableFeatureResult {
        feature:       String,         0+;
        error_code:    ErrorCode,      0+;
        error_message: Option<String>, 0+, nullable 0+;
    }
}
