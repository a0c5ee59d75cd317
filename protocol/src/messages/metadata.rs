//! Metadata (3): topics, their partitions and leaders, and the brokers.
//!
//! v4 auto-creation flag, v7 leader epoch, v8 authorized operations, v9 flexible, v10 topic ids in the answer, v12
//! questions by topic id, v13 top-level error code (KIP-1102). Null topics means all; in v0 an empty list does.

use crate::error_code::ErrorCode;
use crate::message::message;
use uuid::Uuid;

message! {
    /// Which topics does the client want to know of?
    MetadataRequest = METADATA, 0-13, flexible 9+ {
        /// None: all topics. In version 0, an empty list means all.
        topics:                                Option<Vec<MetadataRequestTopic>>, 0+,   nullable 1+;
        allow_auto_topic_creation:             bool,                              4+,   default true;
        include_cluster_authorized_operations: bool,                              8-10;
        include_topic_authorized_operations:   bool,                              8+;
    }

    /// By name, or from version 12 by id.
    MetadataRequestTopic {
        topic_id: Uuid,           10+;
        name:     Option<String>, 0+,  nullable 10+;
    }

    /// The cluster as this broker knows it.
    MetadataResponse = METADATA, 0-13, flexible 9+ {
        throttle_time_ms:              i32,                         3+;
        brokers:                       Vec<MetadataResponseBroker>, 0+;
        cluster_id:                    Option<String>,              2+,   nullable 2+, default None;
        controller_id:                 i32,                         1+,   default -1;
        topics:                        Vec<MetadataResponseTopic>,  0+;
        cluster_authorized_operations: i32,                         8-10, default i32::MIN;
        error_code:                    ErrorCode,                   13+;
    }

    MetadataResponseBroker {
        node_id: i32,            0+;
        host:    String,         0+;
        port:    i32,            0+;
        rack:    Option<String>, 1+, nullable 1+, default None;
    }

    MetadataResponseTopic {
        error_code:                  ErrorCode,                      0+;
        name:                        Option<String>,                 0+,  nullable 12+;
        topic_id:                    Uuid,                           10+;
        is_internal:                 bool,                           1+;
        partitions:                  Vec<MetadataResponsePartition>, 0+;
        topic_authorized_operations: i32,                            8+,  default i32::MIN;
    }

    MetadataResponsePartition {
        error_code:       ErrorCode, 0+;
        partition_index:  i32,       0+;
        leader_id:        i32,       0+;
        leader_epoch:     i32,       7+, default -1;
        replica_nodes:    Vec<i32>,  0+;
        isr_nodes:        Vec<i32>,  0+;
        offline_replicas: Vec<i32>,  5+;
    }
}
