//! The metadata quorum (Kafka's `QuorumConfig` and `KRaftConfigs`): every node is both broker and controller.

use crate::config::{
    key::{
        Check::*,
        Effect::{self, *},
        rows,
    },
    value::List,
};

const ONE_KIND_OF_NODE: Effect = Nothing("every node is broker and controller in one");

rows! {
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
    i32 = "controller.quorum.fetch.max.bytes", "1048576", Any, ONE_KIND_OF_NODE, [], "Bytes that a quorum fetch brings at most.";
    i32 = "controller.quorum.fetch.snapshot.max.bytes", "1048576", Any, ONE_KIND_OF_NODE, [], "Bytes that a fetch of a snapshot brings at most.";
}
