//! Who this broker is, where it listens, and what it runs on: cores, journal, data directory.
//!
//! Threads are Kafka's way to share a machine; here each core does everything on its own.

use crate::config::{
    key::{
        Check::*,
        Effect::{self, *},
        table,
    },
    value::{ClusterId, List},
};

const NO_THREAD_POOLS: Effect = Nothing("there are no thread pools: each core does everything on its own thread");

table! {
    /// See the module.
    pub struct Node {
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
            List = "config.providers", "", Any, DefaultOnly("values are not looked up elsewhere: give them as they are"), [], "Where values like ${file:path:key} are looked up.";
            List = "cordoned.log.dirs", "", Any, DefaultOnly("there is one data directory, and new partitions need it"), [], "Data directories that get no new partitions.";
            bool = "unstable.api.versions.enable", "false", Any, Nothing("only stable versions are served"), [], "Whether unstable API versions are served.";
            bool = "unstable.feature.versions.enable", "false", Any, Nothing("only stable versions are served"), [], "Whether unstable feature versions may be used.";
        }
    }
}
