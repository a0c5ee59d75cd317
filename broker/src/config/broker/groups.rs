//! Groups and the offsets that they commit (Kafka's `GroupCoordinatorConfig`).

use crate::config::{
    key::{
        Check::*,
        Effect::{self, *},
        table,
    },
    value::List,
};

const NO_CONSUMER_GROUPS_YET: Effect =
    Nothing("the group protocol of KIP-848 is not built yet; clients use the classic one");

table! {
    /// See the module.
    pub struct Groups {
        fields {
            // Groups.
            offsets_topic_num_partitions: i32 = "offsets.topic.num.partitions", "50", AtLeast(1), Restart, [], "Partitions of __consumer_offsets; must not change once it exists.";
            offsets_topic_replication_factor: i16 = "offsets.topic.replication.factor", "3", AtLeast(1), Restart, [], "Replicas of __consumer_offsets, capped by the brokers alive when it is created.";
            offsets_topic_segment_bytes: i32 = "offsets.topic.segment.bytes", "104857600", AtLeast(1_048_576), Restart, [], "segment.bytes of __consumer_offsets.";
            offsets_retention_minutes: i32 = "offsets.retention.minutes", "10080", AtLeast(1), Restart, [], "Minutes for which the offsets of an empty group are kept.";
            offsets_retention_check_interval_ms: i64 = "offsets.retention.check.interval.ms", "600000", AtLeast(1), Restart, [], "Milliseconds between looks for offsets to forget.";
            offsets_commit_timeout_ms: i32 = "offsets.commit.timeout.ms", "5000", AtLeast(1), Restart, [], "Milliseconds after which a commit, a deletion or a fetch of what is being committed that still waits for the disk, where that is full, say, is answered COORDINATOR_NOT_AVAILABLE. What was sent to the disk holds all the same once it is there.";
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
        }
        without_field {
            i32 = "group.coordinator.append.linger.ms", "-1", Any, Nothing("every commit joins the core's next flush; nothing lingers"), [], "Milliseconds that the coordinator gathers records.";
            i32 = "group.coordinator.cached.buffer.max.bytes", "1048588", Any, Nothing("there is no such buffer"), [], "Bytes of buffer that the coordinator keeps.";
            List = "group.coordinator.rebalance.protocols", "classic,consumer,streams", Any, Nothing("what is built is served"), [], "Group protocols.";
            String = "group.consumer.migration.policy", "bidirectional", Any, Nothing("not built yet"), [], "Whether groups change protocol while they run.";
            i32 = "offsets.load.buffer.size", "5242880", Any, Nothing("coordinators load through the ordinary read path"), [], "Bytes per read when offsets are loaded.";
            i32 = "offsets.topic.compression.codec", "0", Any, Nothing("commits are kept uncompressed"), [], "Compression of __consumer_offsets.";
            i32 = "group.consumer.assignment.interval.ms", "1000", Any, NO_CONSUMER_GROUPS_YET, [], "Milliseconds between two assignments of a consumer group.";
            i32 = "group.consumer.max.assignment.interval.ms", "15000", Any, NO_CONSUMER_GROUPS_YET, [], "Longest consumer.assignment.interval.ms that a group may have.";
            i32 = "group.consumer.min.assignment.interval.ms", "0", Any, NO_CONSUMER_GROUPS_YET, [], "Shortest consumer.assignment.interval.ms that a group may have.";
        }
    }
}
