//! What the text is made from: plain copies of what each core and the process say of themselves at one moment.

use std::{collections::HashMap, time::Duration};

use corelane_protocol::{api_key::ApiKey, error_code::ErrorCode};
use corelane_storage::StoreStats;

use super::{Latency, Stage};
use crate::metadata::PartitionKey;

/// A whole node.
#[derive(Clone, Debug, Default)]
pub struct NodeSnapshot {
    /// None: the core did not answer in time.
    pub cores: Vec<Option<CoreSnapshot>>,
    /// What the system tells of the cores' threads.
    pub times: Vec<Option<CoreTimes>>,
    pub lags: Vec<Lag>,
    pub process: ProcessSnapshot,
    pub build: Build,
    pub readiness: Readiness,
}

/// One core, by itself.
#[derive(Clone, Debug, Default)]
pub struct CoreSnapshot {
    pub apis: Vec<ApiSnapshot>,
    pub connections: u64,
    pub connections_opened: u64,
    pub requests_under_way: u64,
    pub requests_refused: u64,
    pub slow_requests: u64,
    /// None before the store is open.
    pub store: Option<StoreStats>,
    pub partitions: PartitionCounts,
    pub lent_bytes: u64,
    pub lent_bytes_max: u64,
    pub large_frames_bytes: u64,
    pub topics: u64,
    pub groups: GroupsSnapshot,
    pub readiness: Readiness,
}

/// Whether clients may be sent here.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Readiness {
    Ready,
    #[default]
    Starting,
    Stopping,
}

#[derive(Clone, Debug)]
pub struct ApiSnapshot {
    pub api: ApiKey,
    pub requests: u64,
    pub request_bytes: u64,
    pub response_bytes: u64,
    pub errors: Vec<(ErrorCode, u64)>,
    pub total: Latency,
    pub stages: Vec<(Stage, Latency)>,
}

/// Of the replicas on one core.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PartitionCounts {
    pub replicas: u64,
    pub leaders: u64,
    pub under_min_isr: u64,
    pub damaged: u64,
    /// Fetches that wait for records.
    pub fetches_waiting: u64,
    /// Produce requests that wait for room in memory or journal.
    pub produces_waiting: u64,
}

/// The groups whose coordinators are on one core; only the first of them, and of their offsets, are named.
#[derive(Clone, Debug, Default)]
pub struct GroupsSnapshot {
    pub count: u64,
    pub offsets_count: u64,
    pub named: Vec<GroupSnapshot>,
    pub offsets: Vec<CommittedOffset>,
}

#[derive(Clone, Debug)]
pub struct GroupSnapshot {
    pub group_id: String,
    pub members: u64,
    pub generation: i32,
}

#[derive(Clone, Debug)]
pub struct CommittedOffset {
    pub group_id: String,
    pub topic: String,
    pub partition: PartitionKey,
    pub offset: i64,
}

/// How far a group is behind on a partition.
#[derive(Clone, Debug)]
pub struct Lag {
    pub group_id: String,
    pub topic: String,
    pub partition: i32,
    pub records: i64,
}

/// Lags of the offsets whose partitions' high watermarks are known.
pub fn lags(offsets: Vec<CommittedOffset>, high_watermarks: &HashMap<PartitionKey, i64>) -> Vec<Lag> {
    let known = offsets.into_iter().filter_map(|committed| {
        let high_watermark = *high_watermarks.get(&committed.partition)?;
        Some(Lag {
            group_id: committed.group_id,
            topic: committed.topic,
            partition: committed.partition.partition,
            records: (high_watermark - committed.offset).max(0),
        })
    });
    known.collect()
}

/// Of a core's thread since it started.
#[derive(Clone, Copy, Debug, Default)]
pub struct CoreTimes {
    /// On a CPU.
    pub busy: Duration,
    /// Ready to run, while others had the CPU.
    pub stalled: Duration,
    /// Neither: nothing to do.
    pub idle: Duration,
    pub turns: u64,
}

#[derive(Clone, Copy, Debug, Default)]
pub struct ProcessSnapshot {
    pub cpu: Duration,
    pub resident_bytes: u64,
    pub virtual_bytes: u64,
    pub open_fds: u64,
    pub max_fds: u64,
    /// Seconds since 1970.
    pub start_time_seconds: f64,
}

/// What the binary says of itself.
#[derive(Clone, Copy, Debug)]
pub struct Build {
    pub version: &'static str,
    pub profile: &'static str,
}

impl Default for Build {
    fn default() -> Build {
        Build {
            version: env!("CARGO_PKG_VERSION"),
            profile: if cfg!(debug_assertions) { "debug" } else { "release" },
        }
    }
}
