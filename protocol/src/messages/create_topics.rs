//! CreateTopics (19): new topics, by partition count or by explicit assignment.
//!
//! v4 -1 stands for the broker's default of partitions and replicas (KIP-464), v5 flexible and the answer tells what
//! was created (KIP-525), v6 may be throttled (KIP-599), v7 answers with the topic id.

use crate::error_code::ErrorCode;
use crate::message::message;
use uuid::Uuid;

message! {
    /// Topics to create.
    CreateTopicsRequest = CREATE_TOPICS, 2-7, flexible 5+ {
        topics:        Vec<CreatableTopic>, 0+;
        /// How long to wait for the topics to exist, in milliseconds.
        timeout_ms:    i32,                 0+, default 60000;
        /// Answer as if, but create nothing.
        validate_only: bool,                1+;
    }

    CreatableTopic {
        name:               String,                          0+;
        /// -1: as the assignments say, or from v4 the broker's default.
        num_partitions:     i32,                             0+;
        /// -1: as the assignments say, or from v4 the broker's default.
        replication_factor: i16,                             0+;
        /// Replicas partition by partition; empty to let the broker choose.
        assignments:        Vec<CreatableReplicaAssignment>, 0+;
        configs:            Vec<CreatableTopicConfig>,       0+;
    }

    CreatableReplicaAssignment {
        partition_index: i32,      0+;
        broker_ids:      Vec<i32>, 0+;
    }

    CreatableTopicConfig {
        name:  String,         0+;
        value: Option<String>, 0+, nullable 0+;
    }

    /// What became of each topic.
    CreateTopicsResponse = CREATE_TOPICS, 2-7, flexible 5+ {
        throttle_time_ms: i32,                       2+;
        topics:           Vec<CreatableTopicResult>, 0+;
    }

    CreatableTopicResult {
        name:                    String,                             0+;
        topic_id:                Uuid,                               7+;
        error_code:              ErrorCode,                          0+;
        error_message:           Option<String>,                     1+, nullable 0+;
        /// Why the configs are not shown, if they are not.
        topic_config_error_code: ErrorCode,                          5+, tag 0;
        num_partitions:          i32,                                5+, default -1;
        replication_factor:      i16,                                5+, default -1;
        /// None where the client may not see them.
        configs:                 Option<Vec<CreatableTopicConfigs>>, 5+, nullable 5+;
    }

    CreatableTopicConfigs {
        name:          String,         5+;
        value:         Option<String>, 5+, nullable 5+;
        read_only:     bool,           5+;
        /// A number of `ConfigEntry.ConfigSource`.
        config_source: i8,             5+, default -1;
        is_sensitive:  bool,           5+;
    }
}
