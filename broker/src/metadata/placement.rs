//! Which shard, core and raft group a partition belongs to.
//!
//! A shard is the same on every node and for the cluster's life. A core is this node's affair alone: no record ever names
//! one, so a node may come back with another number of cores (redpanda #12791).

use uuid::Uuid;
use xxhash_rust::xxh3::xxh3_64;

/// Shards of a cluster unless it was formatted with another number: highly composite, so that they spread evenly over
/// nearly any number of cores.
pub const SHARDS_DEFAULT: u16 = 120;

/// Partitions of one topic go to neighbouring shards, so that a topic is spread exactly, and topics start anywhere.
pub fn shard_of(topic_id: Uuid, partition: i32, shards: u16) -> u16 {
    let start = xxh3_64(topic_id.as_bytes());
    (start.wrapping_add(partition as u64) % u64::from(shards)) as u16
}

pub fn core_of(shard: u16, cores: usize) -> usize {
    usize::from(shard) % cores
}

/// The raft group whose log holds the partition's leadership. One group holds everything for now.
pub fn group_of(_topic_id: Uuid, _partition: i32) -> u32 {
    0
}
