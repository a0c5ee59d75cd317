//! Streams groups (KIP-1071), which are not built yet.

use crate::config::key::{
    Check::*,
    Effect::{self, *},
    rows,
};

const NO_STREAMS_GROUPS_YET: Effect = Nothing("streams groups (KIP-1071) are not built yet");

rows! {
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
    i32 = "group.streams.assignment.interval.ms", "1000", Any, NO_STREAMS_GROUPS_YET, [], "Of streams groups (KIP-1071).";
    i32 = "group.streams.max.assignment.interval.ms", "15000", Any, NO_STREAMS_GROUPS_YET, [], "Of streams groups (KIP-1071).";
    i32 = "group.streams.min.assignment.interval.ms", "0", Any, NO_STREAMS_GROUPS_YET, [], "Of streams groups (KIP-1071).";
}
