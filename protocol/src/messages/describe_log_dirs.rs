//! DescribeLogDirs (35): how much of which disk partitions take (KIP-113).
//!
//! v2 flexible, v3 a top-level error, v4 size and room of the volume (KIP-827), v5 whether new partitions are kept off it
//! (KIP-1066).

use crate::error_code::ErrorCode;
use crate::message::message;

message! {
    /// Which partitions?
    DescribeLogDirsRequest = DESCRIBE_LOG_DIRS, 1-5, flexible 2+ {
        /// None: all topics.
        topics: Option<Vec<DescribableLogDirTopic>>, 0+, nullable 0+;
    }

    DescribableLogDirTopic {
        topic:      String,   0+;
        partitions: Vec<i32>, 0+;
    }

    /// The directories of this broker, with what was asked for in each.
    DescribeLogDirsResponse = DESCRIBE_LOG_DIRS, 1-5, flexible 2+ {
        throttle_time_ms: i32,                        0+;
        error_code:       ErrorCode,                  3+;
        results:          Vec<DescribeLogDirsResult>, 0+;
    }

    DescribeLogDirsResult {
        error_code:   ErrorCode,                 0+;
        log_dir:      String,                    0+;
        topics:       Vec<DescribeLogDirsTopic>, 0+;
        /// Of the volume that the directory is in.
        total_bytes:  i64,                       4+, default -1;
        usable_bytes: i64,                       4+, default -1;
        is_cordoned:  bool,                      5+;
    }

    DescribeLogDirsTopic {
        name:       String,                        0+;
        partitions: Vec<DescribeLogDirsPartition>, 0+;
    }

    DescribeLogDirsPartition {
        partition_index: i32,  0+;
        partition_size:  i64,  0+;
        /// How far the log's end is behind the high watermark; -1 if unknown.
        offset_lag:      i64,  0+;
        /// It is being moved here from another directory.
        is_future_key:   bool, 0+;
    }
}
