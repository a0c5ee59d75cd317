//! What a topic can be told: the one table, and the typed struct that comes from it.
//!
//! A topic that does not say otherwise has its broker's value: each row names the broker keys that give it, first wins
//! (`ServerTopicConfigSynonyms` in Kafka). Every key of Kafka 4.3's topics is here; one without effect says why.

use std::collections::BTreeMap;

use corelane_protocol::records::{Compression, Target};

use super::{
    broker::Broker,
    key::{
        Check::*,
        Effect::{self, *},
        Entry, Key, Source, Synonym, count, find, joined, synonym, table,
    },
    unknown,
    value::{Kind, List},
};

const NO_COMPACTION_YET: Effect = Nothing("compaction is not built yet");

table! {
    /// A topic's effective configuration.
    pub struct TopicConfig {
        fields {
            cleanup_policy: List = "cleanup.policy", "delete", ListOf(&["compact", "delete"]), Live, [synonym("log.cleanup.policy", 1)], "What happens to old segments: delete, compact, both, or nothing if empty. compact is stored; compaction itself does not run yet.";
            retention_ms: i64 = "retention.ms", "604800000", AtLeast(-1), Live, [synonym("log.retention.ms", 1), synonym("log.retention.minutes", 60000), synonym("log.retention.hours", 3600000)], "Milliseconds for which records are kept under delete; -1 is for ever.";
            retention_bytes: i64 = "retention.bytes", "-1", Any, Live, [synonym("log.retention.bytes", 1)], "Bytes of a partition above which its oldest segments go under delete; -1 is no limit.";
            segment_bytes: i32 = "segment.bytes", "1073741824", AtLeast(1_048_576), Live, [synonym("log.segment.bytes", 1)], "Bytes after which a new segment is begun.";
            segment_ms: i64 = "segment.ms", "604800000", AtLeast(1), Live, [synonym("log.roll.ms", 1), synonym("log.roll.hours", 3600000)], "Milliseconds after which a new segment is begun, full or not.";
            segment_jitter_ms: i64 = "segment.jitter.ms", "0", AtLeast(0), Live, [synonym("log.roll.jitter.ms", 1), synonym("log.roll.jitter.hours", 3600000)], "At most this many milliseconds, drawn per segment, are taken off segment.ms.";
            index_interval_bytes: i32 = "index.interval.bytes", "4096", AtLeast(0), Live, [synonym("log.index.interval.bytes", 1)], "Bytes of records between two entries of a segment's index.";
            max_message_bytes: i32 = "max.message.bytes", "1048588", AtLeast(0), Live, [synonym("message.max.bytes", 1)], "Largest record batch in bytes, as compressed by the producer.";
            min_insync_replicas: i32 = "min.insync.replicas", "1", AtLeast(1), Live, [synonym("min.insync.replicas", 1)], "Replicas that must have a record on disk before acks=all is answered.";
            unclean_leader_election_enable: bool = "unclean.leader.election.enable", "false", Any, Live, [synonym("unclean.leader.election.enable", 1)], "Whether a replica that may lack acknowledged records may lead when no other is left.";
            message_timestamp_type: String = "message.timestamp.type", "CreateTime", OneOf(&["CreateTime", "LogAppendTime"]), Live, [synonym("log.message.timestamp.type", 1)], "Whether a record keeps the producer's timestamp or gets the broker's.";
            message_timestamp_before_max_ms: i64 = "message.timestamp.before.max.ms", "9223372036854775807", AtLeast(0), Live, [synonym("log.message.timestamp.before.max.ms", 1)], "How far in the past, in milliseconds, a producer's timestamp may lie.";
            message_timestamp_after_max_ms: i64 = "message.timestamp.after.max.ms", "3600000", AtLeast(0), Live, [synonym("log.message.timestamp.after.max.ms", 1)], "How far in the future, in milliseconds, a producer's timestamp may lie.";
            compression_type: String = "compression.type", "producer", OneOf(&["uncompressed", "zstd", "lz4", "snappy", "gzip", "producer"]), Live, [synonym("compression.type", 1)], "Codec that batches are kept in: a batch in another one is compressed anew when it is appended. producer keeps what came.";
            compression_gzip_level: i32 = "compression.gzip.level", "-1", GzipLevel, Live, [synonym("compression.gzip.level", 1)], "gzip level for batches that are compressed anew.";
            compression_zstd_level: i32 = "compression.zstd.level", "3", Between(-131_072, 22), Live, [synonym("compression.zstd.level", 1)], "zstd level for batches that are compressed anew.";
            min_compaction_lag_ms: i64 = "min.compaction.lag.ms", "0", AtLeast(0), NO_COMPACTION_YET, [synonym("log.cleaner.min.compaction.lag.ms", 1)], "Milliseconds for which a record is left alone.";
            max_compaction_lag_ms: i64 = "max.compaction.lag.ms", "9223372036854775807", AtLeast(1), NO_COMPACTION_YET, [synonym("log.cleaner.max.compaction.lag.ms", 1)], "Milliseconds after which a record is compacted at the latest.";
            delete_retention_ms: i64 = "delete.retention.ms", "86400000", AtLeast(0), NO_COMPACTION_YET, [synonym("log.cleaner.delete.retention.ms", 1)], "Milliseconds for which tombstones are kept.";
            min_cleanable_dirty_ratio: f64 = "min.cleanable.dirty.ratio", "0.5", Ratio, NO_COMPACTION_YET, [synonym("log.cleaner.min.cleanable.ratio", 1)], "Share of a log that must be dirty before it is compacted.";
        }
        without_field {
            i32 = "compression.lz4.level", "9", Between(1, 17), Nothing("the encoder has one level"), [synonym("compression.lz4.level", 1)], "lz4 level for batches compressed by the broker.";
            i64 = "flush.messages", "9223372036854775807", AtLeast(1), Nothing("records are on disk before they are acknowledged, always"), [synonym("log.flush.interval.messages", 1)], "Records between flushes.";
            i64 = "flush.ms", "9223372036854775807", AtLeast(0), Nothing("records are on disk before they are acknowledged, always"), [synonym("log.flush.interval.ms", 1), synonym("log.flush.scheduler.interval.ms", 1)], "Milliseconds between flushes.";
            i64 = "file.delete.delay.ms", "60000", AtLeast(0), Nothing("readers hold what they read; nothing waits before a file is removed"), [synonym("log.segment.delete.delay.ms", 1)], "Milliseconds before a deleted segment's file goes.";
            bool = "preallocate", "false", Any, Nothing("segments are always reserved ahead"), [synonym("log.preallocate", 1)], "Whether segments are allocated in full when created.";
            i32 = "segment.index.bytes", "10485760", AtLeast(4), Nothing("indexes are as large as their segment needs"), [synonym("log.index.size.max.bytes", 1)], "Largest index in bytes.";
            List = "leader.replication.throttled.replicas", "", ThrottledReplicas, Nothing("replication is not throttled yet"), [], "partition:broker pairs whose replication is throttled on the leader's side.";
            List = "follower.replication.throttled.replicas", "", ThrottledReplicas, Nothing("replication is not throttled yet"), [], "partition:broker pairs whose replication is throttled on the follower's side.";
            bool = "remote.storage.enable", "false", Any, DefaultOnly("tiered storage is not built yet"), [], "Whether old segments move to an object store.";
            bool = "remote.log.copy.disable", "false", Any, Nothing("tiered storage is not built yet"), [], "Whether tiered data is read-only.";
            bool = "remote.log.delete.on.disable", "false", Any, Nothing("tiered storage is not built yet"), [], "Whether tiered data goes when tiering is switched off.";
            i64 = "local.retention.ms", "-2", AtLeast(-2), Nothing("tiered storage is not built yet"), [synonym("log.local.retention.ms", 1)], "Milliseconds for which a tiered segment stays local too.";
            i64 = "local.retention.bytes", "-2", AtLeast(-2), Nothing("tiered storage is not built yet"), [synonym("log.local.retention.bytes", 1)], "Bytes of tiered segments that stay local too.";
        }
    }
}

const ROWS: &[&[Key]] = &[FIELDS, WITHOUT_FIELD];

/// The table, in the order of the reference page.
pub const KEYS: &[Key] = &joined::<{ count(ROWS) }>(ROWS);

impl Default for TopicConfig {
    fn default() -> TopicConfig {
        TopicConfig::effective(&Broker::default(), &BTreeMap::new())
    }
}

impl TopicConfig {
    /// The broker's defaults with the topic's own values over them. Values that a newer version may have stored and this
    /// one cannot read fall back to the default: what was accepted once must not keep a broker from starting.
    pub fn effective(broker: &Broker, overrides: &BTreeMap<String, String>) -> TopicConfig {
        let value = |name: &'static str| {
            let row = key(name).expect("a row of this table");
            match overrides.get(name).filter(|text| row.validate(text).is_ok()) {
                Some(text) => text.clone(),
                None => inherited(broker, row),
            }
        };
        TopicConfig::read(value).expect("checked values can be read")
    }

    /// Whether old segments are deleted by age and size.
    pub fn deletes(&self) -> bool {
        self.cleanup_policy.0.iter().any(|policy| policy == "delete")
    }

    /// Whether only the last record of a key must be kept.
    pub fn compacts(&self) -> bool {
        self.cleanup_policy.0.iter().any(|policy| policy == "compact")
    }

    /// What a batch of this codec is to be kept in, if not as it is.
    pub fn recompression(&self, codec: Compression) -> Option<Target> {
        let (wanted, level) = match self.compression_type.as_str() {
            "uncompressed" => (Compression::None, None),
            // The library's own.
            "gzip" => (
                Compression::Gzip,
                Some(self.compression_gzip_level).filter(|level| *level > 0),
            ),
            "snappy" => (Compression::Snappy, None),
            "lz4" => (Compression::Lz4, None),
            "zstd" => (Compression::Zstd, Some(self.compression_zstd_level)),
            _ => return None,
        };
        (wanted != codec).then_some(Target { codec: wanted, level })
    }

    /// Whether the broker's clock stamps the records.
    pub fn log_append_time(&self) -> bool {
        self.message_timestamp_type == "LogAppendTime"
    }
}

/// The row of a key.
pub fn key(name: &str) -> Option<&'static Key> {
    find(KEYS, name)
}

/// Whether `value` may be given to a topic key; the error says what would be right.
pub fn validate(name: &str, value: &str) -> Result<(), String> {
    unknown::validate(KEYS, name, value)
}

/// The same for all of a topic's own values together, as they would stand after a change.
pub fn validate_all(broker: &Broker, overrides: &BTreeMap<String, String>) -> Result<(), String> {
    for (name, value) in overrides {
        validate(name, value)?;
    }
    let topic = TopicConfig::effective(broker, overrides);
    if topic.min_compaction_lag_ms > topic.max_compaction_lag_ms {
        return Err(format!(
            "min.compaction.lag.ms = {} must not be above max.compaction.lag.ms = {}",
            topic.min_compaction_lag_ms, topic.max_compaction_lag_ms
        ));
    }
    Ok(())
}

/// What a topic has that does not say otherwise: of the broker keys that were given, the first; else the first that has
/// a default.
fn inherited(broker: &Broker, row: &Key) -> String {
    let given = row
        .synonyms
        .iter()
        .find(|synonym| broker.layers.given(synonym.name).is_some());
    let default = || row.synonyms.iter().find(|synonym| broker.text(synonym.name).is_some());
    let Some((synonym, text)) = given.or_else(default).and_then(|s| Some((s, broker.text(s.name)?))) else {
        return row.default.unwrap_or("").to_string();
    };
    scaled(row, synonym, text)
}

fn scaled(row: &Key, synonym: &Synonym, text: &str) -> String {
    if synonym.times == 1 || !matches!(row.kind, Kind::Int | Kind::Long) {
        return text.to_string();
    }
    // Negative means "no limit" in every unit.
    match text.parse::<i64>() {
        Ok(number) if number >= 0 => number.saturating_mul(synonym.times).to_string(),
        _ => "-1".to_string(),
    }
}

/// What DescribeConfigs says of a topic, in the table's order. As in Kafka, a synonym of another unit is shown with its
/// own name and value.
pub fn entries(broker: &Broker, overrides: &BTreeMap<String, String>) -> Vec<Entry> {
    KEYS.iter().map(|row| entry(broker, overrides, row)).collect()
}

fn entry(broker: &Broker, overrides: &BTreeMap<String, String>, row: &'static Key) -> Entry {
    let own = overrides.get(row.name);
    let mut synonyms: Vec<(&'static str, Option<String>, Source)> = own
        .map(|value| (row.name, Some(value.clone()), Source::Topic))
        .into_iter()
        .collect();
    if let Some(first) = row.synonyms.first() {
        synonyms.extend(broker.synonyms(first.name));
    }
    let value = own.cloned().unwrap_or_else(|| inherited(broker, row));
    Entry::alterable(row, Some(value), synonyms)
}
