//! Brokers among themselves (Kafka's `ReplicationConfigs`).

use crate::config::{
    key::{
        Check::*,
        Effect::{self, *},
        table,
    },
    value::Class,
};

const NO_REPLICATION_YET: Effect = Nothing("replication is not built yet");

table! {
    /// See the module.
    pub struct Replication {
        fields {
            // Replication.
            replica_lag_time_max_ms: i64 = "replica.lag.time.max.ms", "30000", AtLeast(1), NO_REPLICATION_YET, [], "Milliseconds after which a follower that has not caught up leaves the in-sync replicas.";
            broker_session_timeout_ms: i32 = "broker.session.timeout.ms", "9000", AtLeast(1), NO_REPLICATION_YET, [], "Milliseconds after which a silent broker is taken for dead.";
            broker_heartbeat_interval_ms: i32 = "broker.heartbeat.interval.ms", "2000", AtLeast(1), NO_REPLICATION_YET, [], "Milliseconds between a broker's signs of life.";
            auto_leader_rebalance_enable: bool = "auto.leader.rebalance.enable", "true", Any, NO_REPLICATION_YET, [], "Whether leadership goes back to the preferred replicas by itself.";
        }
        without_field {
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
            i32 = "replication.quota.window.num", "11", Any, NO_REPLICATION_YET, [], "Of replication quotas.";
            i32 = "replication.quota.window.size.seconds", "1", Any, NO_REPLICATION_YET, [], "Of replication quotas.";
            i32 = "alter.log.dirs.replication.quota.window.num", "11", Any, NO_REPLICATION_YET, [], "Of replication quotas.";
            i32 = "alter.log.dirs.replication.quota.window.size.seconds", "1", Any, NO_REPLICATION_YET, [], "Of replication quotas.";
        }
    }
}
