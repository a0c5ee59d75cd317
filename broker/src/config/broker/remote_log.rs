//! Tiered storage (Kafka's `RemoteLogManagerConfig`), which is not built yet.

use crate::config::key::{
    Check::*,
    Effect::{self, *},
    rows,
};

const NO_TIERED_STORAGE_YET: Effect = Nothing("tiered storage is not built yet");

rows! {
    // Tiered storage, which is not built yet.
    bool = "remote.log.storage.system.enable", "false", Any, DefaultOnly("tiered storage is not built yet"), [], "Whether old segments move to an object store.";
    i64 = "log.local.retention.ms", "-2", AtLeast(-2), NO_TIERED_STORAGE_YET, [], "Milliseconds for which a tiered segment stays local too.";
    i64 = "log.local.retention.bytes", "-2", AtLeast(-2), NO_TIERED_STORAGE_YET, [], "Bytes of tiered segments that stay local too.";
    bool = "follower.fetch.last.tiered.offset.enable", "false", Any, NO_TIERED_STORAGE_YET, [], "Of tiered storage.";
    i32 = "remote.fetch.max.wait.ms", "500", Any, NO_TIERED_STORAGE_YET, [], "Of tiered storage.";
    i64 = "remote.list.offsets.request.timeout.ms", "30000", Any, NO_TIERED_STORAGE_YET, [], "Of tiered storage.";
    i64 = "remote.log.index.file.cache.total.size.bytes", "1073741824", Any, NO_TIERED_STORAGE_YET, [], "Of tiered storage.";
    i32 = "remote.log.manager.copier.thread.pool.size", "10", Any, NO_TIERED_STORAGE_YET, [], "Of tiered storage.";
    i64 = "remote.log.manager.copy.max.bytes.per.second", "9223372036854775807", Any, NO_TIERED_STORAGE_YET, [], "Of tiered storage.";
    i32 = "remote.log.manager.copy.quota.window.num", "11", Any, NO_TIERED_STORAGE_YET, [], "Of tiered storage.";
    i32 = "remote.log.manager.copy.quota.window.size.seconds", "1", Any, NO_TIERED_STORAGE_YET, [], "Of tiered storage.";
    i32 = "remote.log.manager.expiration.thread.pool.size", "10", Any, NO_TIERED_STORAGE_YET, [], "Of tiered storage.";
    i64 = "remote.log.manager.fetch.max.bytes.per.second", "9223372036854775807", Any, NO_TIERED_STORAGE_YET, [], "Of tiered storage.";
    i32 = "remote.log.manager.fetch.quota.window.num", "11", Any, NO_TIERED_STORAGE_YET, [], "Of tiered storage.";
    i32 = "remote.log.manager.fetch.quota.window.size.seconds", "1", Any, NO_TIERED_STORAGE_YET, [], "Of tiered storage.";
    i32 = "remote.log.manager.follower.thread.pool.size", "2", Any, NO_TIERED_STORAGE_YET, [], "Of tiered storage.";
    i64 = "remote.log.manager.task.interval.ms", "30000", Any, NO_TIERED_STORAGE_YET, [], "Of tiered storage.";
    i32 = "remote.log.manager.thread.pool.size", "2", Any, NO_TIERED_STORAGE_YET, [], "Of tiered storage.";
    i32 = "remote.log.metadata.custom.metadata.max.bytes", "128", Any, NO_TIERED_STORAGE_YET, [], "Of tiered storage.";
    String = "remote.log.metadata.manager.class.name", "org.apache.kafka.server.log.remote.metadata.storage.TopicBasedRemoteLogMetadataManager", Any, NO_TIERED_STORAGE_YET, [], "Of tiered storage.";
    Option<String> = "remote.log.metadata.manager.class.path", "", Any, NO_TIERED_STORAGE_YET, [], "Of tiered storage.";
    String = "remote.log.metadata.manager.impl.prefix", "rlmm.config.", Any, NO_TIERED_STORAGE_YET, [], "Of tiered storage.";
    Option<String> = "remote.log.metadata.manager.listener.name", "", Any, NO_TIERED_STORAGE_YET, [], "Of tiered storage.";
    i32 = "remote.log.reader.max.pending.tasks", "100", Any, NO_TIERED_STORAGE_YET, [], "Of tiered storage.";
    Option<String> = "remote.log.storage.manager.class.name", "", Any, NO_TIERED_STORAGE_YET, [], "Of tiered storage.";
    Option<String> = "remote.log.storage.manager.class.path", "", Any, NO_TIERED_STORAGE_YET, [], "Of tiered storage.";
    String = "remote.log.storage.manager.impl.prefix", "rsm.config.", Any, NO_TIERED_STORAGE_YET, [], "Of tiered storage.";
}
