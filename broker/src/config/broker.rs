//! What a broker can be told: the one table, and the typed struct that comes from it.
//!
//! Every key of Kafka 4.3's broker is here. A key either does something (it has a field), or does nothing and says why
//! (it is accepted, and noted once in the log), or is refused because ignoring it would break a promise.

use std::collections::BTreeMap;

use super::{
    dynamic::{self, Mode},
    key::{
        Check::*,
        Effect::{self, *},
        Entry, Key, Source, Synonym, table,
    },
    layers::{ConfigError, Given, Inputs, Layers},
    listeners::{ListenerConfig, listeners, metrics_listeners},
    value::{self, Class, ClusterId, List, Password},
};

const COMPRESSION_TYPES: &[&str] = &["uncompressed", "zstd", "lz4", "snappy", "gzip", "producer"];

const NO_THREAD_POOLS: Effect = Nothing("there are no thread pools: each core does everything on its own thread");
const FLUSHED_BEFORE_ACK: Effect = Nothing("records are on disk before they are acknowledged, always");
const NO_COMPACTION_YET: Effect = Nothing("compaction is not built yet");
const ONE_KIND_OF_NODE: Effect = Nothing("every node is broker and controller in one");
const NO_REPLICATION_YET: Effect = Nothing("replication is not built yet");
const PROMETHEUS_ONLY: Effect = Nothing("metrics are read by Prometheus from metrics.listeners");
const NO_TRANSACTIONS_YET: Effect = Nothing("transactions are not built yet");
const NO_CONSUMER_GROUPS_YET: Effect =
    Nothing("the group protocol of KIP-848 is not built yet; clients use the classic one");
const NO_SHARE_GROUPS_YET: Effect = Nothing("share groups are not built yet");
const NO_STREAMS_GROUPS_YET: Effect = Nothing("streams groups (KIP-1071) are not built yet");
const NO_TIERED_STORAGE_YET: Effect = Nothing("tiered storage is not built yet");
const NO_SECURITY_YET: Effect = Nothing("only PLAINTEXT listeners are served yet");

/// What whoever sets `cleanup.policy=compact` should know.
pub const NOT_COMPACTED: &str = "compact is kept, but nothing compacts yet: old records of a key stay";

const fn synonym(name: &'static str, times: i64) -> Synonym {
    Synonym { name, times }
}

table! {
    /// A broker's configuration, checked and typed. Values derived from several keys are methods.
    pub struct Broker {
        fields {
            // Who this broker is.
            node_id: i32 = "node.id", "1", AtLeast(0), Restart, [], "This node's number in the cluster.";
            broker_id: Option<i32> = "broker.id", "", AtLeast(0), Restart, [], "The older name of node.id.";
            cluster_id: Option<ClusterId> = "cluster.id", "", Any, Restart, [], "The cluster to format an empty data directory for; drawn at random if unset.";
            broker_rack: Option<String> = "broker.rack", "", Any, Restart, [], "The rack or zone of this broker, shown to clients and used when replicas are placed.";
            // Where it listens.
            listeners_text: String = "listeners", "PLAINTEXT://localhost:9092", NotEmpty, Restart, [], "Addresses to listen on, as NAME://host:port; no host means every address of this host.";
            advertised_listeners_text: Option<String> = "advertised.listeners", "", Any, Restart, [], "What clients are told to connect to; the listeners themselves if unset. Never 0.0.0.0 or ::.";
            listener_security_protocol_map: Option<String> = "listener.security.protocol.map", "", Any, Restart, [], "NAME:PROTOCOL pairs; a listener named after a protocol speaks it. Only PLAINTEXT is served yet.";
            controller_listener_names: List = "controller.listener.names", "", Any, Restart, [], "Listeners of these names are left out: the metadata quorum speaks over the broker's own links.";
            metrics_listeners_text: Option<String> = "metrics.listeners", "", Any, Restart, [], "Where /metrics (Prometheus), /healthz and /readyz are served, as HTTP://host:port, for example HTTP://localhost:9644; nowhere if unset. Whoever reaches it reads names of topics and groups.";
            slow_request_log_ms: i64 = "slow.request.log.ms", "1000", AtLeast(-1), Restart, [], "Milliseconds after which a request is named in the log with the stage that took longest; -1 is never.";
            // Cores, journal and data.
            log_dir: String = "log.dir", "corelane-data", NotEmpty, Restart, [], "The data directory.";
            log_dirs: List = "log.dirs", "", Any, Restart, [], "The data directory; wins over log.dir. More than one is refused.";
            core_count: i32 = "core.count", "0", Between(0, 1024), Restart, [], "Cores to run on, each with its own thread, ring and journal; 0 takes every CPU that this process may use.";
            core_spin_us: i64 = "core.spin.us", "0", Between(0, 1_000_000), Restart, [], "How many microseconds an idle core looks for work before it sleeps; 0 costs no CPU when idle.";
            journal_bytes_per_core: i64 = "journal.bytes.per.core", "268435456", Between(16_777_216, 1_099_511_627_776), Restart, [], "Size in bytes of each core's journal on disk; acknowledged records rest there until segments have them.";
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
            log_retention_check_interval_ms: i64 = "log.retention.check.interval.ms", "300000", AtLeast(1), Nothing("storage looks every 30 seconds"), [], "Milliseconds between looks for segments to delete.";
            log_segment_bytes: i32 = "log.segment.bytes", "1073741824", AtLeast(1_048_576), Live, [], "Bytes after which a new segment is begun.";
            log_roll_ms: Option<i64> = "log.roll.ms", "", AtLeast(1), Live, [synonym("log.roll.hours", 3_600_000)], "Milliseconds after which a new segment is begun, full or not.";
            log_roll_hours: i32 = "log.roll.hours", "168", AtLeast(1), Restart, [], "Hours after which a new segment is begun, unless log.roll.ms says it.";
            log_roll_jitter_ms: Option<i64> = "log.roll.jitter.ms", "", AtLeast(0), Nothing("segments are rolled without jitter yet"), [synonym("log.roll.jitter.hours", 3_600_000)], "At most this many milliseconds, drawn per segment, are taken off log.roll.ms.";
            log_roll_jitter_hours: i32 = "log.roll.jitter.hours", "0", AtLeast(0), Nothing("segments are rolled without jitter yet"), [], "The same in hours, unless log.roll.jitter.ms says it.";
            log_index_interval_bytes: i32 = "log.index.interval.bytes", "4096", AtLeast(0), Live, [], "Bytes of records between two entries of a segment's index.";
            log_message_timestamp_type: String = "log.message.timestamp.type", "CreateTime", OneOf(&["CreateTime", "LogAppendTime"]), Live, [], "Whether a record keeps the producer's timestamp or gets the broker's.";
            log_message_timestamp_before_max_ms: i64 = "log.message.timestamp.before.max.ms", "9223372036854775807", AtLeast(0), Live, [], "How far in the past, in milliseconds, a producer's timestamp may lie.";
            log_message_timestamp_after_max_ms: i64 = "log.message.timestamp.after.max.ms", "3600000", AtLeast(0), Live, [], "How far in the future, in milliseconds, a producer's timestamp may lie.";
            // Connections and requests.
            max_connections: i32 = "max.connections", "2147483647", AtLeast(0), Live, [], "Connections this broker holds at once.";
            max_connections_per_ip: i32 = "max.connections.per.ip", "2147483647", AtLeast(0), Live, [], "Connections from one address at once.";
            max_connections_per_ip_overrides: value::AddressCounts = "max.connections.per.ip.overrides", "", AddressCounts, Live, [], "address:count pairs that win over max.connections.per.ip; addresses only, no names of hosts.";
            connections_max_idle_ms: i64 = "connections.max.idle.ms", "600000", Any, Restart, [], "Milliseconds after which a silent connection is closed; negative is never.";
            socket_request_max_bytes: i32 = "socket.request.max.bytes", "104857600", AtLeast(1), Restart, [], "Largest request in bytes; a connection that announces more is closed.";
            fetch_max_bytes: i32 = "fetch.max.bytes", "57671680", AtLeast(1024), Restart, [], "Most bytes of records in one fetch response, whatever the client asks for.";
            max_incremental_fetch_session_cache_slots: i32 = "max.incremental.fetch.session.cache.slots", "1000", AtLeast(0), Restart, [], "Incremental fetch sessions this broker remembers.";
            max_request_partition_size_limit: i32 = "max.request.partition.size.limit", "2000", AtLeast(1), Restart, [], "Most partitions that one DescribeTopicPartitions response names.";
            // Limits of clients.
            quota_window_num: i32 = "quota.window.num", "11", AtLeast(1), Restart, [], "Samples over which a client's bytes, requests and connections are added up.";
            quota_window_size_seconds: i32 = "quota.window.size.seconds", "1", AtLeast(1), Restart, [], "Seconds of each of those samples.";
            controller_quota_window_num: i32 = "controller.quota.window.num", "11", AtLeast(1), Restart, [], "The same for partitions that a client makes and deletes.";
            controller_quota_window_size_seconds: i32 = "controller.quota.window.size.seconds", "1", AtLeast(1), Restart, [], "Seconds of each of those samples.";
            // Producers and transactions.
            producer_id_expiration_ms: i32 = "producer.id.expiration.ms", "86400000", AtLeast(1), Nothing("it is 24 hours for every producer yet"), [], "Milliseconds after which the sequence of a silent producer is forgotten.";
            producer_id_expiration_check_interval_ms: i32 = "producer.id.expiration.check.interval.ms", "600000", AtLeast(1), Nothing("it is 24 hours for every producer yet"), [], "Milliseconds between looks for silent producers.";
            transaction_state_log_num_partitions: i32 = "transaction.state.log.num.partitions", "50", AtLeast(1), NO_TRANSACTIONS_YET, [], "Partitions of __transaction_state; must not change once it exists.";
            transaction_state_log_replication_factor: i16 = "transaction.state.log.replication.factor", "3", AtLeast(1), NO_TRANSACTIONS_YET, [], "Replicas of __transaction_state, capped by the brokers alive when it is created.";
            transaction_state_log_min_isr: i32 = "transaction.state.log.min.isr", "2", AtLeast(1), NO_TRANSACTIONS_YET, [], "min.insync.replicas of __transaction_state, capped by its replicas.";
            transaction_state_log_segment_bytes: i32 = "transaction.state.log.segment.bytes", "104857600", AtLeast(1_048_576), NO_TRANSACTIONS_YET, [], "segment.bytes of __transaction_state.";
            transaction_max_timeout_ms: i32 = "transaction.max.timeout.ms", "900000", AtLeast(1), NO_TRANSACTIONS_YET, [], "Longest transaction timeout in milliseconds that a producer may ask for.";
            transactional_id_expiration_ms: i32 = "transactional.id.expiration.ms", "604800000", AtLeast(1), NO_TRANSACTIONS_YET, [], "Milliseconds after which an unused transactional id is forgotten.";
            transaction_abort_timed_out_transaction_cleanup_interval_ms: i32 = "transaction.abort.timed.out.transaction.cleanup.interval.ms", "10000", AtLeast(1), NO_TRANSACTIONS_YET, [], "Milliseconds between looks for transactions that are over their time.";
            transaction_remove_expired_transaction_cleanup_interval_ms: i32 = "transaction.remove.expired.transaction.cleanup.interval.ms", "3600000", AtLeast(1), NO_TRANSACTIONS_YET, [], "Milliseconds between looks for transactional ids to forget.";
            transaction_partition_verification_enable: bool = "transaction.partition.verification.enable", "true", Any, NO_TRANSACTIONS_YET, [], "Whether a transactional batch is checked against the coordinator before it is appended.";
            // Groups.
            offsets_topic_num_partitions: i32 = "offsets.topic.num.partitions", "50", AtLeast(1), Restart, [], "Partitions of __consumer_offsets; must not change once it exists.";
            offsets_topic_replication_factor: i16 = "offsets.topic.replication.factor", "3", AtLeast(1), Restart, [], "Replicas of __consumer_offsets, capped by the brokers alive when it is created.";
            offsets_topic_segment_bytes: i32 = "offsets.topic.segment.bytes", "104857600", AtLeast(1_048_576), Restart, [], "segment.bytes of __consumer_offsets.";
            offsets_retention_minutes: i32 = "offsets.retention.minutes", "10080", AtLeast(1), Restart, [], "Minutes for which the offsets of an empty group are kept.";
            offsets_retention_check_interval_ms: i64 = "offsets.retention.check.interval.ms", "600000", AtLeast(1), Restart, [], "Milliseconds between looks for offsets to forget.";
            offsets_commit_timeout_ms: i32 = "offsets.commit.timeout.ms", "5000", AtLeast(1), NO_REPLICATION_YET, [], "Milliseconds that a commit may wait for the replicas of its offsets partition.";
            offset_metadata_max_bytes: i32 = "offset.metadata.max.bytes", "4096", AtLeast(0), Restart, [], "Longest text in bytes that a client may attach to a committed offset.";
            group_min_session_timeout_ms: i32 = "group.min.session.timeout.ms", "6000", AtLeast(0), Restart, [], "Shortest session timeout in milliseconds that a member of a classic group may ask for.";
            group_max_session_timeout_ms: i32 = "group.max.session.timeout.ms", "1800000", AtLeast(0), Restart, [], "Longest session timeout in milliseconds that a member of a classic group may ask for.";
            group_initial_rebalance_delay_ms: i32 = "group.initial.rebalance.delay.ms", "3000", AtLeast(0), Restart, [], "Milliseconds that a new classic group waits for more members before its first rebalance.";
            group_max_size: i32 = "group.max.size", "2147483647", AtLeast(1), Restart, [], "Most members of a classic group.";
            group_consumer_session_timeout_ms: i32 = "group.consumer.session.timeout.ms", "45000", AtLeast(1), NO_CONSUMER_GROUPS_YET, [], "Milliseconds after which a silent member of a consumer group is out.";
            group_consumer_min_session_timeout_ms: i32 = "group.consumer.min.session.timeout.ms", "45000", AtLeast(1), NO_CONSUMER_GROUPS_YET, [], "Shortest consumer.session.timeout.ms that a group may have.";
            group_consumer_max_session_timeout_ms: i32 = "group.consumer.max.session.timeout.ms", "60000", AtLeast(1), NO_CONSUMER_GROUPS_YET, [], "Longest consumer.session.timeout.ms that a group may have.";
            group_consumer_heartbeat_interval_ms: i32 = "group.consumer.heartbeat.interval.ms", "5000", AtLeast(1), NO_CONSUMER_GROUPS_YET, [], "Milliseconds between heartbeats that members of a consumer group are told to keep.";
            group_consumer_min_heartbeat_interval_ms: i32 = "group.consumer.min.heartbeat.interval.ms", "5000", AtLeast(1), NO_CONSUMER_GROUPS_YET, [], "Shortest consumer.heartbeat.interval.ms that a group may have.";
            group_consumer_max_heartbeat_interval_ms: i32 = "group.consumer.max.heartbeat.interval.ms", "15000", AtLeast(1), NO_CONSUMER_GROUPS_YET, [], "Longest consumer.heartbeat.interval.ms that a group may have.";
            group_consumer_max_size: i32 = "group.consumer.max.size", "2147483647", AtLeast(1), NO_CONSUMER_GROUPS_YET, [], "Most members of a consumer group.";
            group_consumer_assignors: List = "group.consumer.assignors", "uniform,range", ListOf(&["uniform", "range"]), NO_CONSUMER_GROUPS_YET, [], "Assignors that a consumer group may ask for; the first is the default.";
            // Replication.
            replica_lag_time_max_ms: i64 = "replica.lag.time.max.ms", "30000", AtLeast(1), NO_REPLICATION_YET, [], "Milliseconds after which a follower that has not caught up leaves the in-sync replicas.";
            broker_session_timeout_ms: i32 = "broker.session.timeout.ms", "9000", AtLeast(1), NO_REPLICATION_YET, [], "Milliseconds after which a silent broker is taken for dead.";
            broker_heartbeat_interval_ms: i32 = "broker.heartbeat.interval.ms", "2000", AtLeast(1), NO_REPLICATION_YET, [], "Milliseconds between a broker's signs of life.";
            auto_leader_rebalance_enable: bool = "auto.leader.rebalance.enable", "true", Any, NO_REPLICATION_YET, [], "Whether leadership goes back to the preferred replicas by itself.";
        }
        without_field {
            // Threads: a core does everything on its own thread.
            i32 = "num.network.threads", "3", Any, NO_THREAD_POOLS, [], "Threads that read and write sockets.";
            i32 = "num.io.threads", "8", Any, NO_THREAD_POOLS, [], "Threads that serve requests.";
            i32 = "background.threads", "10", Any, NO_THREAD_POOLS, [], "Threads for background work.";
            i32 = "num.recovery.threads.per.data.dir", "2", Any, NO_THREAD_POOLS, [], "Threads that recover logs.";
            i32 = "num.replica.fetchers", "1", Any, NO_THREAD_POOLS, [], "Threads that fetch from each leader.";
            i32 = "group.coordinator.threads", "4", Any, NO_THREAD_POOLS, [], "Threads of the group coordinator.";
            i32 = "group.coordinator.background.threads", "2", Any, NO_THREAD_POOLS, [], "Background threads of the group coordinator.";
            i32 = "share.coordinator.threads", "1", Any, NO_THREAD_POOLS, [], "Threads of the share coordinator.";
            i32 = "remote.log.reader.threads", "10", Any, NO_THREAD_POOLS, [], "Threads that read tiered segments.";
            i32 = "log.cleaner.threads", "1", Any, NO_THREAD_POOLS, [], "Threads that compact.";
            Option<i32> = "num.replica.alter.log.dirs.threads", "", Any, NO_THREAD_POOLS, [], "Threads that move logs between directories.";
            i32 = "queued.max.requests", "500", Any, Nothing("each connection has a byte budget instead of a shared queue"), [], "Requests that wait for a thread.";
            i64 = "queued.max.request.bytes", "-1", Any, Nothing("each connection and each core has a byte budget instead of a shared queue"), [], "Bytes of requests that wait for a thread.";
            // Flushing: a record is on disk before it is acknowledged, always.
            i64 = "log.flush.interval.messages", "9223372036854775807", Any, FLUSHED_BEFORE_ACK, [], "Records between flushes.";
            Option<i64> = "log.flush.interval.ms", "", Any, FLUSHED_BEFORE_ACK, [], "Milliseconds between flushes.";
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
            // Sockets.
            i32 = "socket.send.buffer.bytes", "102400", Any, Nothing("the kernel sizes socket buffers by itself"), [], "SO_SNDBUF.";
            i32 = "socket.receive.buffer.bytes", "102400", Any, Nothing("the kernel sizes socket buffers by itself"), [], "SO_RCVBUF.";
            i32 = "replica.socket.receive.buffer.bytes", "65536", Any, Nothing("the kernel sizes socket buffers by itself"), [], "SO_RCVBUF of replication.";
            i32 = "socket.listen.backlog.size", "50", AtLeast(1), Nothing("the backlog is the system's largest (net.core.somaxconn)"), [], "Connections that wait to be accepted.";
            i32 = "max.connection.creation.rate", "2147483647", AtLeast(0), Nothing("not built yet"), [], "Connections per second.";
            // The metadata quorum: every node is both broker and controller.
            List = "process.roles", "", Any, ONE_KIND_OF_NODE, [], "broker, controller, or both.";
            List = "controller.quorum.voters", "", Any, ONE_KIND_OF_NODE, [], "id@host:port of each voter.";
            List = "controller.quorum.bootstrap.servers", "", Any, ONE_KIND_OF_NODE, [], "host:port of some voters.";
            bool = "controller.quorum.auto.join.enable", "false", Any, ONE_KIND_OF_NODE, [], "Whether a controller joins the quorum by itself.";
            i32 = "controller.quorum.election.timeout.ms", "1000", Any, ONE_KIND_OF_NODE, [], "Milliseconds without a leader before an election.";
            i32 = "controller.quorum.fetch.timeout.ms", "2000", Any, ONE_KIND_OF_NODE, [], "Milliseconds without a fetch before a leader gives up.";
            i32 = "controller.quorum.election.backoff.max.ms", "1000", Any, ONE_KIND_OF_NODE, [], "Most milliseconds between elections.";
            i32 = "controller.quorum.append.linger.ms", "25", Any, ONE_KIND_OF_NODE, [], "Milliseconds that the quorum gathers records.";
            i32 = "controller.quorum.request.timeout.ms", "2000", Any, ONE_KIND_OF_NODE, [], "Milliseconds that a request to the quorum may take.";
            i32 = "controller.quorum.retry.backoff.ms", "20", Any, ONE_KIND_OF_NODE, [], "Milliseconds between tries.";
            i32 = "controller.socket.timeout.ms", "30000", Any, ONE_KIND_OF_NODE, [], "Socket timeout towards the controller.";
            Option<String> = "metadata.log.dir", "", Any, ONE_KIND_OF_NODE, [], "Directory of the metadata log.";
            i64 = "metadata.log.max.snapshot.interval.ms", "3600000", Any, ONE_KIND_OF_NODE, [], "Milliseconds between snapshots.";
            i64 = "metadata.log.max.record.bytes.between.snapshots", "20971520", Any, ONE_KIND_OF_NODE, [], "Bytes of records between snapshots.";
            i32 = "metadata.log.segment.bytes", "1073741824", Any, ONE_KIND_OF_NODE, [], "Segment size of the metadata log.";
            i64 = "metadata.log.segment.ms", "604800000", Any, ONE_KIND_OF_NODE, [], "Segment age of the metadata log.";
            i64 = "metadata.max.retention.bytes", "104857600", Any, ONE_KIND_OF_NODE, [], "Bytes of metadata log kept.";
            i64 = "metadata.max.retention.ms", "604800000", Any, ONE_KIND_OF_NODE, [], "Milliseconds of metadata log kept.";
            i32 = "metadata.max.idle.interval.ms", "500", Any, ONE_KIND_OF_NODE, [], "Milliseconds between no-op records.";
            i32 = "initial.broker.registration.timeout.ms", "60000", Any, ONE_KIND_OF_NODE, [], "Milliseconds a broker tries to register.";
            i64 = "server.max.startup.time.ms", "9223372036854775807", Any, ONE_KIND_OF_NODE, [], "Milliseconds a start may take.";
            Option<String> = "inter.broker.listener.name", "", Any, ONE_KIND_OF_NODE, [], "Listener that brokers use among themselves.";
            String = "security.inter.broker.protocol", "PLAINTEXT", Any, ONE_KIND_OF_NODE, [], "Protocol that brokers use among themselves.";
            List = "early.start.listeners", "", Any, ONE_KIND_OF_NODE, [], "Listeners opened before the authorizer is ready.";
            // Replication, which is not built yet.
            i32 = "replica.fetch.max.bytes", "1048576", Any, NO_REPLICATION_YET, [], "Bytes a follower fetches per partition.";
            i32 = "replica.fetch.response.max.bytes", "10485760", Any, NO_REPLICATION_YET, [], "Bytes a follower fetches at once.";
            i32 = "replica.fetch.min.bytes", "1", Any, NO_REPLICATION_YET, [], "Bytes a follower waits for.";
            i32 = "replica.fetch.wait.max.ms", "500", Any, NO_REPLICATION_YET, [], "Milliseconds a follower waits.";
            i32 = "replica.fetch.backoff.ms", "1000", Any, NO_REPLICATION_YET, [], "Milliseconds after a failed fetch.";
            i32 = "replica.socket.timeout.ms", "30000", Any, NO_REPLICATION_YET, [], "Socket timeout of replication.";
            i32 = "leader.imbalance.per.broker.percentage", "10", Any, NO_REPLICATION_YET, [], "Imbalance that starts a rebalance of leaders.";
            i64 = "leader.imbalance.check.interval.seconds", "300", Any, NO_REPLICATION_YET, [], "Seconds between looks at the imbalance.";
            i64 = "unclean.leader.election.interval.ms", "300000", Any, NO_REPLICATION_YET, [], "Milliseconds between looks for unclean elections.";
            bool = "controlled.shutdown.enable", "true", Any, NO_REPLICATION_YET, [], "Whether leadership is handed over before a stop.";
            i32 = "controlled.shutdown.max.retries", "3", Any, NO_REPLICATION_YET, [], "Tries of that.";
            i64 = "controlled.shutdown.retry.backoff.ms", "5000", Any, NO_REPLICATION_YET, [], "Milliseconds between them.";
            i32 = "request.timeout.ms", "30000", Any, NO_REPLICATION_YET, [], "Milliseconds a request between brokers may take.";
            i64 = "socket.connection.setup.timeout.ms", "10000", Any, NO_REPLICATION_YET, [], "Milliseconds a connection between brokers may take.";
            i64 = "socket.connection.setup.timeout.max.ms", "30000", Any, NO_REPLICATION_YET, [], "The most that grows to.";
            Option<Class> = "replica.selector.class", "", Any, Nothing("Java classes cannot be loaded"), [], "Chooses the replica a consumer reads from.";
            // Purgatories: a waiter costs nothing until it is woken or late.
            i32 = "fetch.purgatory.purge.interval.requests", "1000", Any, Nothing("there are no purgatories to purge"), [], "Requests between purges.";
            i32 = "producer.purgatory.purge.interval.requests", "1000", Any, Nothing("there are no purgatories to purge"), [], "Requests between purges.";
            i32 = "delete.records.purgatory.purge.interval.requests", "1", Any, Nothing("there are no purgatories to purge"), [], "Requests between purges.";
            i32 = "share.fetch.purgatory.purge.interval.requests", "1000", Any, Nothing("there are no purgatories to purge"), [], "Requests between purges.";
            // Coordinators.
            i32 = "group.coordinator.append.linger.ms", "-1", Any, Nothing("every commit joins the core's next flush; nothing lingers"), [], "Milliseconds that the coordinator gathers records.";
            i32 = "group.coordinator.cached.buffer.max.bytes", "1048588", Any, Nothing("there is no such buffer"), [], "Bytes of buffer that the coordinator keeps.";
            List = "group.coordinator.rebalance.protocols", "classic,consumer,streams", Any, Nothing("what is built is served"), [], "Group protocols.";
            String = "group.consumer.migration.policy", "bidirectional", Any, Nothing("not built yet"), [], "Whether groups change protocol while they run.";
            i32 = "offsets.load.buffer.size", "5242880", Any, Nothing("coordinators load through the ordinary read path"), [], "Bytes per read when offsets are loaded.";
            i32 = "offsets.topic.compression.codec", "0", Any, Nothing("commits are kept uncompressed"), [], "Compression of __consumer_offsets.";
            i32 = "transaction.state.log.load.buffer.size", "5242880", Any, Nothing("coordinators load through the ordinary read path"), [], "Bytes per read when transactions are loaded.";
            i32 = "group.share.session.timeout.ms", "45000", Any, NO_SHARE_GROUPS_YET, [], "Of share groups (KIP-932).";
            i32 = "group.share.min.session.timeout.ms", "45000", Any, NO_SHARE_GROUPS_YET, [], "Of share groups (KIP-932).";
            i32 = "group.share.max.session.timeout.ms", "60000", Any, NO_SHARE_GROUPS_YET, [], "Of share groups (KIP-932).";
            i32 = "group.share.heartbeat.interval.ms", "5000", Any, NO_SHARE_GROUPS_YET, [], "Of share groups (KIP-932).";
            i32 = "group.share.min.heartbeat.interval.ms", "5000", Any, NO_SHARE_GROUPS_YET, [], "Of share groups (KIP-932).";
            i32 = "group.share.max.heartbeat.interval.ms", "15000", Any, NO_SHARE_GROUPS_YET, [], "Of share groups (KIP-932).";
            i32 = "group.share.max.size", "200", Any, NO_SHARE_GROUPS_YET, [], "Of share groups (KIP-932).";
            i32 = "group.share.delivery.count.limit", "5", Any, NO_SHARE_GROUPS_YET, [], "Of share groups (KIP-932).";
            i32 = "group.share.record.lock.duration.ms", "30000", Any, NO_SHARE_GROUPS_YET, [], "Of share groups (KIP-932).";
            i32 = "group.share.min.record.lock.duration.ms", "15000", Any, NO_SHARE_GROUPS_YET, [], "Of share groups (KIP-932).";
            i32 = "group.share.max.record.lock.duration.ms", "60000", Any, NO_SHARE_GROUPS_YET, [], "Of share groups (KIP-932).";
            i32 = "group.share.partition.max.record.locks", "2000", Any, NO_SHARE_GROUPS_YET, [], "Of share groups (KIP-932).";
            i32 = "group.share.max.share.sessions", "2000", Any, NO_SHARE_GROUPS_YET, [], "Of share groups (KIP-932).";
            i32 = "share.coordinator.state.topic.num.partitions", "50", Any, NO_SHARE_GROUPS_YET, [], "Of share groups (KIP-932).";
            i32 = "share.coordinator.state.topic.segment.bytes", "104857600", Any, NO_SHARE_GROUPS_YET, [], "Of share groups (KIP-932).";
            i32 = "share.coordinator.snapshot.update.records.per.snapshot", "500", Any, NO_SHARE_GROUPS_YET, [], "Of share groups (KIP-932).";
            i32 = "share.coordinator.write.timeout.ms", "5000", Any, NO_SHARE_GROUPS_YET, [], "Of share groups (KIP-932).";
            i32 = "share.coordinator.load.buffer.size", "5242880", Any, NO_SHARE_GROUPS_YET, [], "Of share groups (KIP-932).";
            i32 = "share.coordinator.append.linger.ms", "-1", Any, NO_SHARE_GROUPS_YET, [], "Of share groups (KIP-932).";
            i16 = "share.coordinator.state.topic.replication.factor", "3", Any, NO_SHARE_GROUPS_YET, [], "Of share groups (KIP-932).";
            i16 = "share.coordinator.state.topic.min.isr", "2", Any, NO_SHARE_GROUPS_YET, [], "Of share groups (KIP-932).";
            i32 = "group.streams.session.timeout.ms", "45000", Any, NO_STREAMS_GROUPS_YET, [], "Of streams groups (KIP-1071).";
            i32 = "group.streams.min.session.timeout.ms", "45000", Any, NO_STREAMS_GROUPS_YET, [], "Of streams groups (KIP-1071).";
            i32 = "group.streams.max.session.timeout.ms", "60000", Any, NO_STREAMS_GROUPS_YET, [], "Of streams groups (KIP-1071).";
            i32 = "group.streams.heartbeat.interval.ms", "5000", Any, NO_STREAMS_GROUPS_YET, [], "Of streams groups (KIP-1071).";
            i32 = "group.streams.min.heartbeat.interval.ms", "5000", Any, NO_STREAMS_GROUPS_YET, [], "Of streams groups (KIP-1071).";
            i32 = "group.streams.max.heartbeat.interval.ms", "15000", Any, NO_STREAMS_GROUPS_YET, [], "Of streams groups (KIP-1071).";
            i32 = "group.streams.max.size", "2147483647", Any, NO_STREAMS_GROUPS_YET, [], "Of streams groups (KIP-1071).";
            i32 = "group.streams.num.standby.replicas", "0", Any, NO_STREAMS_GROUPS_YET, [], "Of streams groups (KIP-1071).";
            i32 = "group.streams.max.standby.replicas", "2", Any, NO_STREAMS_GROUPS_YET, [], "Of streams groups (KIP-1071).";
            i32 = "group.streams.initial.rebalance.delay.ms", "3000", Any, NO_STREAMS_GROUPS_YET, [], "Of streams groups (KIP-1071).";
            // Quotas and metrics.
            i32 = "replication.quota.window.num", "11", Any, NO_REPLICATION_YET, [], "Of replication quotas.";
            i32 = "replication.quota.window.size.seconds", "1", Any, NO_REPLICATION_YET, [], "Of replication quotas.";
            i32 = "alter.log.dirs.replication.quota.window.num", "11", Any, NO_REPLICATION_YET, [], "Of replication quotas.";
            i32 = "alter.log.dirs.replication.quota.window.size.seconds", "1", Any, NO_REPLICATION_YET, [], "Of replication quotas.";
            Option<Class> = "client.quota.callback.class", "", Any, Nothing("Java classes cannot be loaded"), [], "Decides quotas.";
            List = "metric.reporters", "org.apache.kafka.common.metrics.JmxReporter", Any, PROMETHEUS_ONLY, [], "Of metrics.";
            i32 = "metrics.num.samples", "2", Any, PROMETHEUS_ONLY, [], "Of metrics.";
            i64 = "metrics.sample.window.ms", "30000", Any, PROMETHEUS_ONLY, [], "Of metrics.";
            String = "metrics.recording.level", "INFO", Any, PROMETHEUS_ONLY, [], "Of metrics.";
            List = "kafka.metrics.reporters", "", Any, PROMETHEUS_ONLY, [], "Of metrics.";
            i32 = "kafka.metrics.polling.interval.secs", "10", Any, PROMETHEUS_ONLY, [], "Of metrics.";
            i32 = "telemetry.max.bytes", "1048576", Any, PROMETHEUS_ONLY, [], "Of metrics.";
            // Tiered storage, which is not built yet.
            bool = "remote.log.storage.system.enable", "false", Any, DefaultOnly("tiered storage is not built yet"), [], "Whether old segments move to an object store.";
            i64 = "log.local.retention.ms", "-2", AtLeast(-2), NO_TIERED_STORAGE_YET, [], "Milliseconds for which a tiered segment stays local too.";
            i64 = "log.local.retention.bytes", "-2", AtLeast(-2), NO_TIERED_STORAGE_YET, [], "Bytes of tiered segments that stay local too.";
            // Security, which is not built yet. What would open a door by being ignored is refused.
            String = "authorizer.class.name", "", Any, DefaultOnly("authorisation is not built yet; a broker that ignored it would let everybody in"), [], "Decides who may do what.";
            String = "super.users", "", Any, NO_SECURITY_YET, [], "Principals that may do everything.";
            bool = "allow.everyone.if.no.acl.found", "false", Any, NO_SECURITY_YET, [], "Whether no ACL means yes.";
            List = "sasl.enabled.mechanisms", "GSSAPI", Any, NO_SECURITY_YET, [], "SASL mechanisms served.";
            String = "sasl.mechanism.inter.broker.protocol", "GSSAPI", Any, NO_SECURITY_YET, [], "SASL mechanism between brokers.";
            Option<String> = "sasl.mechanism.controller.protocol", "", Any, NO_SECURITY_YET, [], "SASL mechanism towards controllers.";
            Option<Password> = "sasl.jaas.config", "", Any, NO_SECURITY_YET, [], "Credentials.";
            i64 = "connections.max.reauth.ms", "0", Any, NO_SECURITY_YET, [], "Milliseconds after which a client must prove itself again.";
            i32 = "connection.failed.authentication.delay.ms", "100", AtLeast(0), NO_SECURITY_YET, [], "Milliseconds before a failed login is answered.";
            String = "ssl.client.auth", "none", OneOf(&["none", "requested", "required"]), NO_SECURITY_YET, [], "Whether clients must show a certificate.";
            Option<String> = "ssl.keystore.location", "", Any, NO_SECURITY_YET, [], "Of TLS.";
            Option<String> = "ssl.keystore.type", "", Any, NO_SECURITY_YET, [], "Of TLS.";
            Option<String> = "ssl.truststore.location", "", Any, NO_SECURITY_YET, [], "Of TLS.";
            Option<String> = "ssl.truststore.type", "", Any, NO_SECURITY_YET, [], "Of TLS.";
            Option<String> = "ssl.endpoint.identification.algorithm", "", Any, NO_SECURITY_YET, [], "Of TLS.";
            Option<String> = "ssl.protocol", "", Any, NO_SECURITY_YET, [], "Of TLS.";
            Option<String> = "ssl.enabled.protocols", "", Any, NO_SECURITY_YET, [], "Of TLS.";
            Option<String> = "ssl.cipher.suites", "", Any, NO_SECURITY_YET, [], "Of TLS.";
            Option<String> = "ssl.principal.mapping.rules", "", Any, NO_SECURITY_YET, [], "Of TLS.";
            Option<Password> = "ssl.keystore.password", "", Any, NO_SECURITY_YET, [], "Of TLS.";
            Option<Password> = "ssl.key.password", "", Any, NO_SECURITY_YET, [], "Of TLS.";
            Option<Password> = "ssl.truststore.password", "", Any, NO_SECURITY_YET, [], "Of TLS.";
            Option<Password> = "ssl.keystore.key", "", Any, NO_SECURITY_YET, [], "Of TLS.";
            Option<Password> = "ssl.keystore.certificate.chain", "", Any, NO_SECURITY_YET, [], "Of TLS.";
            Option<Password> = "ssl.truststore.certificates", "", Any, NO_SECURITY_YET, [], "Of TLS.";
            Option<Class> = "principal.builder.class", "", Any, Nothing("Java classes cannot be loaded"), [], "Makes principals.";
            Option<Class> = "create.topic.policy.class.name", "", Any, DefaultOnly("Java classes cannot be loaded, and a policy that is ignored is none"), [], "Decides which topics may be created.";
            Option<Class> = "alter.config.policy.class.name", "", Any, DefaultOnly("Java classes cannot be loaded, and a policy that is ignored is none"), [], "Decides which configs may be altered.";
            // The rest of what is not built yet.
            i32 = "add.partitions.to.txn.retry.backoff.max.ms", "100", Any, NO_TRANSACTIONS_YET, [], "Most milliseconds between tries to add partitions to a transaction.";
            i32 = "add.partitions.to.txn.retry.backoff.ms", "20", Any, NO_TRANSACTIONS_YET, [], "Milliseconds between tries to add partitions to a transaction.";
            List = "config.providers", "", Any, DefaultOnly("values are not looked up elsewhere: give them as they are"), [], "Where values like ${file:path:key} are looked up.";
            i32 = "controller.quorum.fetch.max.bytes", "1048576", Any, ONE_KIND_OF_NODE, [], "Bytes that a quorum fetch brings at most.";
            i32 = "controller.quorum.fetch.snapshot.max.bytes", "1048576", Any, ONE_KIND_OF_NODE, [], "Bytes that a fetch of a snapshot brings at most.";
            List = "cordoned.log.dirs", "", Any, DefaultOnly("there is one data directory, and new partitions need it"), [], "Data directories that get no new partitions.";
            i64 = "delegation.token.expiry.check.interval.ms", "3600000", Any, NO_SECURITY_YET, [], "Of delegation tokens.";
            i64 = "delegation.token.expiry.time.ms", "86400000", Any, NO_SECURITY_YET, [], "Of delegation tokens.";
            i64 = "delegation.token.max.lifetime.ms", "604800000", Any, NO_SECURITY_YET, [], "Of delegation tokens.";
            Option<Password> = "delegation.token.secret.key", "", Any, NO_SECURITY_YET, [], "Of delegation tokens.";
            bool = "follower.fetch.last.tiered.offset.enable", "false", Any, NO_TIERED_STORAGE_YET, [], "Of tiered storage.";
            i32 = "group.consumer.assignment.interval.ms", "1000", Any, NO_CONSUMER_GROUPS_YET, [], "Milliseconds between two assignments of a consumer group.";
            i32 = "group.consumer.max.assignment.interval.ms", "15000", Any, NO_CONSUMER_GROUPS_YET, [], "Longest consumer.assignment.interval.ms that a group may have.";
            i32 = "group.consumer.min.assignment.interval.ms", "0", Any, NO_CONSUMER_GROUPS_YET, [], "Shortest consumer.assignment.interval.ms that a group may have.";
            i32 = "group.share.assignment.interval.ms", "1000", Any, NO_SHARE_GROUPS_YET, [], "Of share groups (KIP-932).";
            List = "group.share.assignors", "simple", Any, NO_SHARE_GROUPS_YET, [], "Of share groups (KIP-932).";
            i32 = "group.share.max.assignment.interval.ms", "15000", Any, NO_SHARE_GROUPS_YET, [], "Of share groups (KIP-932).";
            i32 = "group.share.max.delivery.count.limit", "10", Any, NO_SHARE_GROUPS_YET, [], "Of share groups (KIP-932).";
            i32 = "group.share.max.partition.max.record.locks", "4000", Any, NO_SHARE_GROUPS_YET, [], "Of share groups (KIP-932).";
            i32 = "group.share.min.assignment.interval.ms", "0", Any, NO_SHARE_GROUPS_YET, [], "Of share groups (KIP-932).";
            i32 = "group.share.min.delivery.count.limit", "2", Any, NO_SHARE_GROUPS_YET, [], "Of share groups (KIP-932).";
            i32 = "group.share.min.partition.max.record.locks", "100", Any, NO_SHARE_GROUPS_YET, [], "Of share groups (KIP-932).";
            i32 = "group.streams.assignment.interval.ms", "1000", Any, NO_STREAMS_GROUPS_YET, [], "Of streams groups (KIP-1071).";
            i32 = "group.streams.max.assignment.interval.ms", "15000", Any, NO_STREAMS_GROUPS_YET, [], "Of streams groups (KIP-1071).";
            i32 = "group.streams.min.assignment.interval.ms", "0", Any, NO_STREAMS_GROUPS_YET, [], "Of streams groups (KIP-1071).";
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
            Option<Class> = "sasl.client.callback.handler.class", "", Any, NO_SECURITY_YET, [], "Of SASL logins.";
            String = "sasl.kerberos.kinit.cmd", "/usr/bin/kinit", Any, NO_SECURITY_YET, [], "Of Kerberos logins.";
            i64 = "sasl.kerberos.min.time.before.relogin", "60000", Any, NO_SECURITY_YET, [], "Of Kerberos logins.";
            List = "sasl.kerberos.principal.to.local.rules", "DEFAULT", Any, NO_SECURITY_YET, [], "Of Kerberos logins.";
            Option<String> = "sasl.kerberos.service.name", "", Any, NO_SECURITY_YET, [], "Of Kerberos logins.";
            f64 = "sasl.kerberos.ticket.renew.jitter", "0.05", Any, NO_SECURITY_YET, [], "Of Kerberos logins.";
            f64 = "sasl.kerberos.ticket.renew.window.factor", "0.8", Any, NO_SECURITY_YET, [], "Of Kerberos logins.";
            Option<Class> = "sasl.login.callback.handler.class", "", Any, NO_SECURITY_YET, [], "Of SASL logins.";
            Option<Class> = "sasl.login.class", "", Any, NO_SECURITY_YET, [], "Of SASL logins.";
            Option<i32> = "sasl.login.connect.timeout.ms", "", Any, NO_SECURITY_YET, [], "Of SASL logins.";
            Option<i32> = "sasl.login.read.timeout.ms", "", Any, NO_SECURITY_YET, [], "Of SASL logins.";
            i16 = "sasl.login.refresh.buffer.seconds", "300", Any, NO_SECURITY_YET, [], "Of SASL logins.";
            i16 = "sasl.login.refresh.min.period.seconds", "60", Any, NO_SECURITY_YET, [], "Of SASL logins.";
            f64 = "sasl.login.refresh.window.factor", "0.8", Any, NO_SECURITY_YET, [], "Of SASL logins.";
            f64 = "sasl.login.refresh.window.jitter", "0.05", Any, NO_SECURITY_YET, [], "Of SASL logins.";
            i64 = "sasl.login.retry.backoff.max.ms", "10000", Any, NO_SECURITY_YET, [], "Of SASL logins.";
            i64 = "sasl.login.retry.backoff.ms", "100", Any, NO_SECURITY_YET, [], "Of SASL logins.";
            String = "sasl.oauthbearer.assertion.algorithm", "RS256", Any, NO_SECURITY_YET, [], "Of OAuth logins.";
            Option<String> = "sasl.oauthbearer.assertion.claim.aud", "", Any, NO_SECURITY_YET, [], "Of OAuth logins.";
            i32 = "sasl.oauthbearer.assertion.claim.exp.seconds", "300", Any, NO_SECURITY_YET, [], "Of OAuth logins.";
            Option<String> = "sasl.oauthbearer.assertion.claim.iss", "", Any, NO_SECURITY_YET, [], "Of OAuth logins.";
            bool = "sasl.oauthbearer.assertion.claim.jti.include", "false", Any, NO_SECURITY_YET, [], "Of OAuth logins.";
            i32 = "sasl.oauthbearer.assertion.claim.nbf.seconds", "60", Any, NO_SECURITY_YET, [], "Of OAuth logins.";
            Option<String> = "sasl.oauthbearer.assertion.claim.sub", "", Any, NO_SECURITY_YET, [], "Of OAuth logins.";
            Option<String> = "sasl.oauthbearer.assertion.file", "", Any, NO_SECURITY_YET, [], "Of OAuth logins.";
            Option<String> = "sasl.oauthbearer.assertion.private.key.file", "", Any, NO_SECURITY_YET, [], "Of OAuth logins.";
            Option<Password> = "sasl.oauthbearer.assertion.private.key.passphrase", "", Any, NO_SECURITY_YET, [], "Of OAuth logins.";
            Option<String> = "sasl.oauthbearer.assertion.template.file", "", Any, NO_SECURITY_YET, [], "Of OAuth logins.";
            Option<String> = "sasl.oauthbearer.client.credentials.client.id", "", Any, NO_SECURITY_YET, [], "Of OAuth logins.";
            Option<Password> = "sasl.oauthbearer.client.credentials.client.secret", "", Any, NO_SECURITY_YET, [], "Of OAuth logins.";
            i32 = "sasl.oauthbearer.clock.skew.seconds", "30", Any, NO_SECURITY_YET, [], "Of OAuth logins.";
            List = "sasl.oauthbearer.expected.audience", "", Any, NO_SECURITY_YET, [], "Of OAuth logins.";
            Option<String> = "sasl.oauthbearer.expected.issuer", "", Any, NO_SECURITY_YET, [], "Of OAuth logins.";
            i64 = "sasl.oauthbearer.jwks.endpoint.refresh.ms", "3600000", Any, NO_SECURITY_YET, [], "Of OAuth logins.";
            i64 = "sasl.oauthbearer.jwks.endpoint.retry.backoff.max.ms", "10000", Any, NO_SECURITY_YET, [], "Of OAuth logins.";
            i64 = "sasl.oauthbearer.jwks.endpoint.retry.backoff.ms", "100", Any, NO_SECURITY_YET, [], "Of OAuth logins.";
            Option<String> = "sasl.oauthbearer.jwks.endpoint.url", "", Any, NO_SECURITY_YET, [], "Of OAuth logins.";
            Class = "sasl.oauthbearer.jwt.retriever.class", "org.apache.kafka.common.security.oauthbearer.DefaultJwtRetriever", Any, NO_SECURITY_YET, [], "Of OAuth logins.";
            Class = "sasl.oauthbearer.jwt.validator.class", "org.apache.kafka.common.security.oauthbearer.DefaultJwtValidator", Any, NO_SECURITY_YET, [], "Of OAuth logins.";
            Option<String> = "sasl.oauthbearer.scope", "", Any, NO_SECURITY_YET, [], "Of OAuth logins.";
            String = "sasl.oauthbearer.scope.claim.name", "scope", Any, NO_SECURITY_YET, [], "Of OAuth logins.";
            String = "sasl.oauthbearer.sub.claim.name", "sub", Any, NO_SECURITY_YET, [], "Of OAuth logins.";
            Option<String> = "sasl.oauthbearer.token.endpoint.url", "", Any, NO_SECURITY_YET, [], "Of OAuth logins.";
            Option<Class> = "sasl.server.callback.handler.class", "", Any, NO_SECURITY_YET, [], "Of SASL logins.";
            i32 = "sasl.server.max.receive.size", "524288", Any, NO_SECURITY_YET, [], "Of SASL logins.";
            Option<String> = "security.providers", "", Any, NO_SECURITY_YET, [], "Java classes that provide algorithms.";
            i32 = "share.coordinator.cached.buffer.max.bytes", "1048588", Any, NO_SHARE_GROUPS_YET, [], "Of share groups (KIP-932).";
            i32 = "share.coordinator.state.topic.compression.codec", "0", Any, NO_SHARE_GROUPS_YET, [], "Of share groups (KIP-932).";
            bool = "ssl.allow.dn.changes", "false", Any, NO_SECURITY_YET, [], "Of TLS.";
            bool = "ssl.allow.san.changes", "false", Any, NO_SECURITY_YET, [], "Of TLS.";
            Option<Class> = "ssl.engine.factory.class", "", Any, NO_SECURITY_YET, [], "Of TLS.";
            String = "ssl.keymanager.algorithm", "SunX509", Any, NO_SECURITY_YET, [], "Of TLS.";
            Option<String> = "ssl.provider", "", Any, NO_SECURITY_YET, [], "Of TLS.";
            Option<String> = "ssl.secure.random.implementation", "", Any, NO_SECURITY_YET, [], "Of TLS.";
            String = "ssl.trustmanager.algorithm", "PKIX", Any, NO_SECURITY_YET, [], "Of TLS.";
            bool = "transaction.two.phase.commit.enable", "false", Any, NO_TRANSACTIONS_YET, [], "Whether transactions may be prepared by others (KIP-939).";
            // The rest.
            bool = "unstable.api.versions.enable", "false", Any, Nothing("only stable versions are served"), [], "Whether unstable API versions are served.";
            bool = "unstable.feature.versions.enable", "false", Any, Nothing("only stable versions are served"), [], "Whether unstable feature versions may be used.";
        }
    }
}

/// A configuration that may be used, and what the operator should read in the log.
#[derive(Clone, Debug)]
pub struct Loaded {
    pub broker: Broker,
    pub notes: Vec<String>,
    /// What was asked for and cannot be had yet.
    pub warnings: Vec<String>,
}

impl Default for Broker {
    fn default() -> Broker {
        Broker::from_layers(Layers::default()).expect("the defaults of the table are right")
    }
}

impl Broker {
    /// Joins all inputs; on error, every problem is told, each with its place and what would be right.
    pub fn load(inputs: &Inputs) -> Result<Loaded, ConfigError> {
        let (layers, notes, mut problems) = Layers::read(KEYS, inputs);
        let broker = match Broker::from_layers(layers) {
            Ok(broker) => broker,
            Err(problem) => {
                return Err(ConfigError {
                    problems: problems.into_iter().chain([problem]).collect(),
                });
            }
        };
        problems.extend(broker.conflicts());
        if let Err(problem) = broker.listeners(&inputs.hostname) {
            problems.push(problem);
        }
        if problems.is_empty() {
            let warnings = broker.unmet();
            Ok(Loaded {
                broker,
                notes,
                warnings,
            })
        } else {
            Err(ConfigError { problems })
        }
    }

    /// The same with what the cluster was told: for all brokers, and for this one, which wins. What this release cannot use
    /// is left out and told: a newer one may have accepted it, and that must not keep a broker from starting.
    pub fn with_dynamic(
        &self,
        all_brokers: &BTreeMap<String, String>,
        this_broker: &BTreeMap<String, String>,
    ) -> (Broker, Vec<String>) {
        let mut layers = self.layers.clone();
        let mut problems = Vec::new();
        layers.take_dynamic(KEYS, Source::DynamicDefaultBroker, all_brokers, &mut problems);
        layers.take_dynamic(KEYS, Source::DynamicBroker, this_broker, &mut problems);
        let broker = Broker::from_layers(layers).expect("checked values can be read");
        (broker, problems)
    }

    /// What DescribeConfigs says of the default of all brokers: only what it was given.
    pub fn entries_of_all(given: &BTreeMap<String, String>) -> Vec<Entry> {
        let rows = given.iter().filter_map(|(name, value)| Some((key(name)?, value)));
        let entry = |(key, value): (&'static Key, &String)| {
            let value = (!key.sensitive()).then(|| value.clone());
            Entry {
                name: key.name,
                value: value.clone(),
                source: Source::DynamicDefaultBroker,
                synonyms: vec![(key.name, value, Source::DynamicDefaultBroker)],
                kind: key.kind,
                doc: key.doc,
                is_default: false,
                read_only: dynamic::mode(key.name) != Mode::ClusterWide,
                sensitive: key.sensitive(),
            }
        };
        rows.map(entry).collect()
    }

    /// What is legal, but will surprise whoever set it.
    fn unmet(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        if self.log_cleanup_policy.0.iter().any(|policy| policy == "compact") {
            warnings.push(format!("log.cleanup.policy: {NOT_COMPACTED}"));
        }
        let factor = self.default_replication_factor;
        if factor > 1 {
            warnings.push(format!(
                "default.replication.factor = {factor}: this broker is alone until replication is built, so topics that \
                 do not ask for one replica are refused"
            ));
        }
        warnings
    }

    fn from_layers(layers: Layers) -> Result<Broker, String> {
        let texts = layers.clone();
        Broker::read(
            move |name| match texts.given(name) {
                Some(given) => given.value.clone(),
                None => key(name).and_then(|key| key.default).unwrap_or("").to_string(),
            },
            layers,
        )
    }

    /// What no key can see alone.
    fn conflicts(&self) -> Vec<String> {
        let mut problems = Vec::new();
        let mut refuse = |wrong: bool, problem: String| {
            if wrong {
                problems.push(problem);
            }
        };
        let both_ids = self.layers.given("node.id").is_some() && self.broker_id.is_some_and(|id| id != self.node_id);
        refuse(
            both_ids,
            format!(
                "node.id = {} but broker.id = {}: leave one out",
                self.node_id,
                self.broker_id()
            ),
        );
        refuse(
            self.log_dirs.0.len() > 1,
            format!(
                "log.dirs names {} directories: one is served yet; name one",
                self.log_dirs.0.len()
            ),
        );
        for (least, most) in [
            ("group.min.session.timeout.ms", "group.max.session.timeout.ms"),
            (
                "group.consumer.min.session.timeout.ms",
                "group.consumer.session.timeout.ms",
            ),
            (
                "group.consumer.session.timeout.ms",
                "group.consumer.max.session.timeout.ms",
            ),
            (
                "group.consumer.min.heartbeat.interval.ms",
                "group.consumer.heartbeat.interval.ms",
            ),
            (
                "group.consumer.heartbeat.interval.ms",
                "group.consumer.max.heartbeat.interval.ms",
            ),
            ("broker.heartbeat.interval.ms", "broker.session.timeout.ms"),
        ] {
            let (low, high) = (self.number(least), self.number(most));
            refuse(low > high, format!("{least} = {low} must not be above {most} = {high}"));
        }
        problems
    }

    fn number(&self, name: &'static str) -> i64 {
        self.text(name).and_then(|text| text.parse().ok()).unwrap_or(0)
    }

    /// The text in force of a key; `None` if it has none.
    pub fn text(&self, name: &str) -> Option<&str> {
        match self.layers.given(name) {
            Some(given) => Some(given.value.as_str()),
            None => key(name)?.default,
        }
    }

    pub fn broker_id(&self) -> i32 {
        self.broker_id.unwrap_or(self.node_id)
    }

    /// The data directory.
    pub fn data_dir(&self) -> &str {
        self.log_dirs.0.first().unwrap_or(&self.log_dir)
    }

    /// `hostname` is advertised for a listener that names no host.
    pub fn listeners(&self, hostname: &str) -> Result<Vec<ListenerConfig>, String> {
        listeners(
            &self.listeners_text,
            self.advertised_listeners_text.as_deref(),
            self.listener_security_protocol_map.as_deref(),
            &self.controller_listener_names.0,
            hostname,
        )
    }

    /// Where metrics are served; empty: nowhere.
    pub fn metrics_listeners(&self) -> Result<Vec<ListenerConfig>, String> {
        metrics_listeners(self.metrics_listeners_text.as_deref().unwrap_or(""))
    }

    /// What DescribeConfigs says of this broker, in the table's order. Listeners' synonyms are their own family.
    pub fn entries(&self) -> Vec<Entry> {
        KEYS.iter().map(|key| self.entry(key)).collect()
    }

    fn entry(&self, key: &'static Key) -> Entry {
        let synonyms = self.synonyms(key.name);
        let source = synonyms.first().map_or(Source::Default, |(_, _, source)| *source);
        Entry {
            name: key.name,
            value: self.text(key.name).filter(|_| !key.sensitive()).map(str::to_string),
            source,
            synonyms,
            kind: key.kind,
            doc: key.doc,
            is_default: source == Source::Default,
            read_only: dynamic::mode(key.name) != Mode::ClusterWide,
            sensitive: key.sensitive(),
        }
    }

    /// Everything that has a say on a key, strongest first: its own words and those of its family (log.retention.ms
    /// before .minutes before .hours), first all that were given, then the defaults.
    pub(super) fn synonyms(&self, name: &str) -> Vec<(&'static str, Option<String>, Source)> {
        let Some(key) = key(name) else { return Vec::new() };
        // As in Kafka, only the finest unit tells of the others.
        let others = key.synonyms.iter().filter(|_| name.ends_with(".ms"));
        let family: Vec<&'static Key> = std::iter::once(key)
            .chain(others.filter_map(|synonym| self::key(synonym.name)))
            .collect();
        let shown = |key: &Key, text: &str| (!key.sensitive()).then(|| text.to_string());
        let mut synonyms = Vec::new();
        for source in [
            Source::DynamicBroker,
            Source::DynamicDefaultBroker,
            Source::StaticBroker,
        ] {
            for key in &family {
                let given = self
                    .layers
                    .all(key.name)
                    .iter()
                    .filter(|given: &&Given| given.source == source);
                synonyms.extend(given.map(|given| (key.name, shown(key, &given.value), source)));
            }
        }
        let defaults = family
            .iter()
            .filter_map(|key| Some((key.name, shown(key, key.default?), Source::Default)));
        synonyms.extend(defaults);
        synonyms
    }
}

/// The row of a key.
pub fn key(name: &str) -> Option<&'static Key> {
    KEYS.iter().find(|key| key.name == name)
}

/// Whether `value` may be given to a broker key; the error says what would be right, and where the key is unknown, the
/// nearest that is not.
pub fn validate(name: &str, value: &str) -> Result<(), String> {
    match key(name) {
        Some(key) => key
            .validate(value)
            .map_err(|right| format!("{name} = '{value}': {right}")),
        None => Err(super::docs::unknown(KEYS, name)),
    }
}
