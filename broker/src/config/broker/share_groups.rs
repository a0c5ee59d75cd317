//! Share groups (KIP-932; Kafka's `ShareGroupConfig` and `ShareCoordinatorConfig`), which are not built yet.

use crate::config::{
    key::{
        Check::*,
        Effect::{self, *},
        rows,
    },
    value::List,
};

const NO_SHARE_GROUPS_YET: Effect = Nothing("share groups are not built yet");

rows! {
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
    i32 = "group.share.assignment.interval.ms", "1000", Any, NO_SHARE_GROUPS_YET, [], "Of share groups (KIP-932).";
    List = "group.share.assignors", "simple", Any, NO_SHARE_GROUPS_YET, [], "Of share groups (KIP-932).";
    i32 = "group.share.max.assignment.interval.ms", "15000", Any, NO_SHARE_GROUPS_YET, [], "Of share groups (KIP-932).";
    i32 = "group.share.max.delivery.count.limit", "10", Any, NO_SHARE_GROUPS_YET, [], "Of share groups (KIP-932).";
    i32 = "group.share.max.partition.max.record.locks", "4000", Any, NO_SHARE_GROUPS_YET, [], "Of share groups (KIP-932).";
    i32 = "group.share.min.assignment.interval.ms", "0", Any, NO_SHARE_GROUPS_YET, [], "Of share groups (KIP-932).";
    i32 = "group.share.min.delivery.count.limit", "2", Any, NO_SHARE_GROUPS_YET, [], "Of share groups (KIP-932).";
    i32 = "group.share.min.partition.max.record.locks", "100", Any, NO_SHARE_GROUPS_YET, [], "Of share groups (KIP-932).";
    i32 = "share.coordinator.cached.buffer.max.bytes", "1048588", Any, NO_SHARE_GROUPS_YET, [], "Of share groups (KIP-932).";
    i32 = "share.coordinator.state.topic.compression.codec", "0", Any, NO_SHARE_GROUPS_YET, [], "Of share groups (KIP-932).";
}
