//! Connections and requests: how many, how large, for how long (Kafka's `SocketServerConfigs`).

use crate::config::{
    key::{Check::*, Effect::*, table},
    value::{self},
};

table! {
    /// See the module.
    pub struct Connections {
        fields {
            // Connections and requests.
            max_connections: i32 = "max.connections", "2147483647", AtLeast(0), Live, [], "Connections this broker holds at once.";
            max_connections_per_ip: i32 = "max.connections.per.ip", "2147483647", AtLeast(0), Live, [], "Connections from one address at once.";
            max_connections_per_ip_overrides: value::AddressCounts = "max.connections.per.ip.overrides", "", AddressCounts, Live, [], "address:count pairs that win over max.connections.per.ip; addresses only, no names of hosts.";
            max_connection_creation_rate: i32 = "max.connection.creation.rate", "2147483647", AtLeast(0), Live, [], "Connections in a second; beyond, accepting them waits, for a second at most each.";
            connections_max_idle_ms: i64 = "connections.max.idle.ms", "600000", Any, Restart, [], "Milliseconds after which a silent connection is closed; negative is never.";
            socket_request_max_bytes: i32 = "socket.request.max.bytes", "104857600", AtLeast(1), Restart, [], "Largest request in bytes; a connection that announces more is closed.";
            fetch_max_bytes: i32 = "fetch.max.bytes", "57671680", AtLeast(1024), Restart, [], "Most bytes of records in one fetch response, whatever the client asks for.";
            max_incremental_fetch_session_cache_slots: i32 = "max.incremental.fetch.session.cache.slots", "1000", AtLeast(0), Restart, [], "Incremental fetch sessions this broker remembers.";
            max_request_partition_size_limit: i32 = "max.request.partition.size.limit", "2000", AtLeast(1), Restart, [], "Most partitions that one DescribeTopicPartitions response names.";
        }
        without_field {
            // Sockets.
            i32 = "socket.send.buffer.bytes", "102400", Any, Nothing("the kernel sizes socket buffers by itself"), [], "SO_SNDBUF.";
            i32 = "socket.receive.buffer.bytes", "102400", Any, Nothing("the kernel sizes socket buffers by itself"), [], "SO_RCVBUF.";
            i32 = "replica.socket.receive.buffer.bytes", "65536", Any, Nothing("the kernel sizes socket buffers by itself"), [], "SO_RCVBUF of replication.";
            i32 = "socket.listen.backlog.size", "50", AtLeast(1), Nothing("the backlog is the system's largest (net.core.somaxconn)"), [], "Connections that wait to be accepted.";
            // Purgatories: a waiter costs nothing until it is woken or late.
            i32 = "fetch.purgatory.purge.interval.requests", "1000", Any, Nothing("there are no purgatories to purge"), [], "Requests between purges.";
            i32 = "producer.purgatory.purge.interval.requests", "1000", Any, Nothing("there are no purgatories to purge"), [], "Requests between purges.";
            i32 = "delete.records.purgatory.purge.interval.requests", "1", Any, Nothing("there are no purgatories to purge"), [], "Requests between purges.";
            i32 = "share.fetch.purgatory.purge.interval.requests", "1000", Any, Nothing("there are no purgatories to purge"), [], "Requests between purges.";
        }
    }
}
