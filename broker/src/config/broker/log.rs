//! What logs are like whose topic does not say otherwise (`LogConfig` and `ServerLogConfigs` of Kafka), and what flushing,
//! files and compaction are told.

use crate::config::{
    key::{
        Check::*,
        Effect::{self, *},
        synonym, table,
    },
    value::List,
};

const COMPRESSION_TYPES: &[&str] = &["uncompressed", "zstd", "lz4", "snappy", "gzip", "producer"];
const FLUSHED_BEFORE_ACK: Effect = Nothing("records are on disk before they are acknowledged, always");
const NO_COMPACTION_YET: Effect = Nothing("compaction is not built yet");

table! {
    /// See the module.
    pub struct LogDefaults {
        fields {
            // Topics that do not say otherwise.
            auto_create_topics_enable: bool = "auto.create.topics.enable", "true", Any, Restart, [], "Whether a topic is created when a client first names it.";
            delete_topic_enable: bool = "delete.topic.enable", "true", Any, Restart, [], "Whether topics may be deleted.";
            num_partitions: i32 = "num.partitions", "1", AtLeast(1), Restart, [], "Partitions of a topic created without a number.";
            default_replication_factor: i32 = "default.replication.factor", "1", Between(1, 32767), Restart, [], "Replicas of a topic created without a number.";
            message_max_bytes: i32 = "message.max.bytes", "1048588", AtLeast(0), Live, [], "Largest record batch in bytes, as compressed by the producer.";
            min_insync_replicas: i32 = "min.insync.replicas", "1", AtLeast(1), Live, [], "Replicas that must have a record on disk before acks=all is answered.";
            unclean_leader_election_enable: bool = "unclean.leader.election.enable", "false", Any, Live, [], "Whether a replica that may lack acknowledged records may lead when no other is left.";
            compression_type: String = "compression.type", "producer", OneOf(COMPRESSION_TYPES), Live, [], "Compression that batches are kept in.";
            compression_gzip_level: i32 = "compression.gzip.level", "-1", GzipLevel, Live, [], "gzip level for batches that are compressed anew; -1 is the library's own.";
            compression_zstd_level: i32 = "compression.zstd.level", "3", Between(-131_072, 22), Live, [], "zstd level for batches that are compressed anew.";
            log_cleanup_policy: List = "log.cleanup.policy", "delete", ListOf(&["compact", "delete"]), Live, [], "What happens to old segments. compact is kept with the topic, but compaction does not run yet.";
            log_retention_ms: Option<i64> = "log.retention.ms", "", AtLeast(-1), Live, [synonym("log.retention.minutes", 60_000), synonym("log.retention.hours", 3_600_000)], "Milliseconds for which records are kept; -1 is for ever.";
            log_retention_minutes: Option<i32> = "log.retention.minutes", "", AtLeast(-1), Restart, [synonym("log.retention.hours", 60)], "Minutes for which records are kept, unless log.retention.ms says it.";
            log_retention_hours: i32 = "log.retention.hours", "168", AtLeast(-1), Restart, [], "Hours for which records are kept, unless log.retention.ms or .minutes says it.";
            log_retention_bytes: i64 = "log.retention.bytes", "-1", AtLeast(-1), Live, [], "Bytes of a partition above which its oldest segments go; -1 is no limit.";
            log_retention_check_interval_ms: i64 = "log.retention.check.interval.ms", "300000", AtLeast(1), Restart, [], "Milliseconds between looks for segments to delete; on a full disk no more than 30000.";
            log_segment_bytes: i32 = "log.segment.bytes", "1073741824", AtLeast(1_048_576), Live, [], "Bytes after which a new segment is begun.";
            log_roll_ms: Option<i64> = "log.roll.ms", "", AtLeast(1), Live, [synonym("log.roll.hours", 3_600_000)], "Milliseconds after which a new segment is begun, full or not.";
            log_roll_hours: i32 = "log.roll.hours", "168", AtLeast(1), Restart, [], "Hours after which a new segment is begun, unless log.roll.ms says it.";
            log_roll_jitter_ms: Option<i64> = "log.roll.jitter.ms", "", AtLeast(0), Live, [synonym("log.roll.jitter.hours", 3_600_000)], "At most this many milliseconds, drawn per segment, are taken off log.roll.ms.";
            log_roll_jitter_hours: i32 = "log.roll.jitter.hours", "0", AtLeast(0), Restart, [], "The same in hours, unless log.roll.jitter.ms says it.";
            log_index_interval_bytes: i32 = "log.index.interval.bytes", "4096", AtLeast(0), Live, [], "Bytes of records between two entries of a segment's index.";
            log_message_timestamp_type: String = "log.message.timestamp.type", "CreateTime", OneOf(&["CreateTime", "LogAppendTime"]), Live, [], "Whether a record keeps the producer's timestamp or gets the broker's.";
            log_message_timestamp_before_max_ms: i64 = "log.message.timestamp.before.max.ms", "9223372036854775807", AtLeast(0), Live, [], "How far in the past, in milliseconds, a producer's timestamp may lie.";
            log_message_timestamp_after_max_ms: i64 = "log.message.timestamp.after.max.ms", "3600000", AtLeast(0), Live, [], "How far in the future, in milliseconds, a producer's timestamp may lie.";
        }
        without_field {
            // Flushing: a record is on disk before it is acknowledged, always.
            i64 = "log.flush.interval.messages", "9223372036854775807", Any, FLUSHED_BEFORE_ACK, [], "Records between flushes.";
            Option<i64> = "log.flush.interval.ms", "", Any, FLUSHED_BEFORE_ACK, [synonym("log.flush.scheduler.interval.ms", 1)], "Milliseconds between flushes.";
            i64 = "log.flush.scheduler.interval.ms", "9223372036854775807", Any, FLUSHED_BEFORE_ACK, [], "Milliseconds between looks for logs to flush.";
            i32 = "log.flush.offset.checkpoint.interval.ms", "60000", Any, FLUSHED_BEFORE_ACK, [], "Milliseconds between recovery points.";
            i32 = "log.flush.start.offset.checkpoint.interval.ms", "60000", Any, FLUSHED_BEFORE_ACK, [], "Milliseconds between checkpoints of start offsets.";
            i64 = "replica.high.watermark.checkpoint.interval.ms", "5000", Any, FLUSHED_BEFORE_ACK, [], "Milliseconds between checkpoints of high watermarks.";
            // Files.
            i32 = "log.index.size.max.bytes", "10485760", AtLeast(4), Nothing("indexes are as large as their segment needs"), [], "Largest index in bytes.";
            bool = "log.preallocate", "false", Any, Nothing("segments are always reserved ahead"), [], "Whether segments are allocated in full when created.";
            i64 = "log.segment.delete.delay.ms", "60000", AtLeast(0), Nothing("readers hold what they read; nothing waits before a file is removed"), [], "Milliseconds before a deleted segment's file goes.";
            i64 = "log.dir.failure.timeout.ms", "30000", AtLeast(1), Nothing("a broken disk ends the broker at once"), [], "Milliseconds to tell the controller of a broken directory.";
            i32 = "compression.lz4.level", "9", Between(1, 17), Nothing("the encoder has one level"), [], "lz4 level for batches compressed by the broker.";
            // Compaction, which does not run yet.
            bool = "log.cleaner.enable", "true", Any, NO_COMPACTION_YET, [], "Whether compaction runs.";
            i64 = "log.cleaner.delete.retention.ms", "86400000", AtLeast(0), NO_COMPACTION_YET, [], "Milliseconds for which tombstones are kept.";
            i64 = "log.cleaner.min.compaction.lag.ms", "0", AtLeast(0), NO_COMPACTION_YET, [], "Milliseconds for which a record is left alone.";
            i64 = "log.cleaner.max.compaction.lag.ms", "9223372036854775807", AtLeast(1), NO_COMPACTION_YET, [], "Milliseconds after which a record is compacted at the latest.";
            f64 = "log.cleaner.min.cleanable.ratio", "0.5", Ratio, NO_COMPACTION_YET, [], "Share of a log that must be dirty before it is compacted.";
            i64 = "log.cleaner.backoff.ms", "15000", AtLeast(0), NO_COMPACTION_YET, [], "Milliseconds between looks for logs to compact.";
            i64 = "log.cleaner.dedupe.buffer.size", "134217728", Any, NO_COMPACTION_YET, [], "Bytes for the key map of compaction.";
            i32 = "log.cleaner.io.buffer.size", "524288", AtLeast(0), NO_COMPACTION_YET, [], "Bytes for I/O of compaction.";
            f64 = "log.cleaner.io.buffer.load.factor", "0.9", Any, NO_COMPACTION_YET, [], "How full the key map may be.";
            f64 = "log.cleaner.io.max.bytes.per.second", "1.7976931348623157E308", Any, NO_COMPACTION_YET, [], "Bytes per second that compaction may read and write.";
        }
    }
}
