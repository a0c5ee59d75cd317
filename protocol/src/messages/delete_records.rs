//! DeleteRecords (21): raises the log start of partitions (KIP-107).
//!
//! v2 flexible.

use crate::error_code::ErrorCode;
use crate::message::message;

message! {
    /// What to delete.
    DeleteRecordsRequest = DELETE_RECORDS, 0-2, flexible 2+ {
        topics:     Vec<DeleteRecordsTopic>, 0+;
        timeout_ms: i32,                     0+;
    }

    DeleteRecordsTopic {
        name:       String,                      0+;
        partitions: Vec<DeleteRecordsPartition>, 0+;
    }

    DeleteRecordsPartition {
        partition_index: i32, 0+;
        /// Records before this offset go; -1: all before the high watermark.
        offset:          i64, 0+;
    }

    /// Where each partition begins now.
    DeleteRecordsResponse = DELETE_RECORDS, 0-2, flexible 2+ {
        throttle_time_ms: i32,                           0+;
        topics:           Vec<DeleteRecordsTopicResult>, 0+;
    }

    DeleteRecordsTopicResult {
        name:       String,                            0+;
        partitions: Vec<DeleteRecordsPartitionResult>, 0+;
    }

    DeleteRecordsPartitionResult {
        partition_index: i32,       0+;
        /// The lowest log start of its replicas; -1 with an error.
        low_watermark:   i64,       0+;
        error_code:      ErrorCode, 0+;
    }
}
