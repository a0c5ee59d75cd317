//! DescribeConfigs (32): the configuration of topics, brokers, groups and client metrics, and where each value comes
//! from.
//!
//! v1 synonyms and sources (KIP-226), v3 types and documentation (KIP-569), v4 flexible.

use crate::error_code::ErrorCode;
use crate::message::message;

message! {
    /// Whose configs?
    DescribeConfigsRequest = DESCRIBE_CONFIGS, 1-4, flexible 4+ {
        resources:             Vec<DescribeConfigsResource>, 0+;
        include_synonyms:      bool,                         1+;
        include_documentation: bool,                         3+;
    }

    DescribeConfigsResource {
        /// 2 topic, 4 broker, 8 broker logger, 16 client metrics, 32 group.
        resource_type:      i8,                  0+;
        resource_name:      String,              0+;
        /// None: all.
        configuration_keys: Option<Vec<String>>, 0+, nullable 0+;
    }

    /// The configs of each resource.
    DescribeConfigsResponse = DESCRIBE_CONFIGS, 1-4, flexible 4+ {
        throttle_time_ms: i32,                        0+;
        results:          Vec<DescribeConfigsResult>, 0+;
    }

    DescribeConfigsResult {
        error_code:    ErrorCode,                          0+;
        error_message: Option<String>,                     0+, nullable 0+;
        resource_type: i8,                                 0+;
        resource_name: String,                             0+;
        configs:       Vec<DescribeConfigsResourceResult>, 0+;
    }

    DescribeConfigsResourceResult {
        name:          String,                      0+;
        /// None where sensitive.
        value:         Option<String>,              0+, nullable 0+;
        read_only:     bool,                        0+;
        /// 1 topic, 2 dynamic broker, 3 dynamic default of brokers, 4 static broker, 5 default, 6 dynamic broker
        /// logger, 7 client metrics, 8 group.
        config_source: i8,                          1+, default -1;
        is_sensitive:  bool,                        0+;
        synonyms:      Vec<DescribeConfigsSynonym>, 1+;
        /// 0 unknown, 1 boolean, 2 string, 3 int, 4 short, 5 long, 6 double, 7 list, 8 class, 9 password.
        config_type:   i8,                          3+;
        documentation: Option<String>,              3+, nullable 0+;
    }

    DescribeConfigsSynonym {
        name:   String,         1+;
        value:  Option<String>, 1+, nullable 0+;
        source: i8,             1+;
    }
}
