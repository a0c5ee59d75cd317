//! Which shard, core and raft group a partition belongs to.
//!
//! A shard is the same on every node and for the cluster's life. A core is this node's affair alone: no record ever names
//! one, so a node may come back with another number of cores (redpanda #12791).

use uuid::Uuid;
use xxhash_rust::xxh3::xxh3_64;

use super::image::RootImage;

/// A partition of a topic, by the id that is never used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PartitionKey {
    pub topic_id: Uuid,
    pub partition: i32,
}

impl PartitionKey {
    /// The partition of a topic that the image has under this name.
    pub fn find(image: &RootImage, topic: &str, partition: i32) -> Option<PartitionKey> {
        let topic = image.topic_named(topic)?;
        topic.has_partition(partition).then_some(PartitionKey {
            topic_id: topic.topic_id,
            partition,
        })
    }
}

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

/// The group whose log holds existence: topics, brokers, configs.
pub const ROOT_GROUP: u32 = 0;

/// The raft group whose log holds a shard's leadership.
pub fn shard_group(shard: u16) -> u32 {
    1 + u32::from(shard)
}

/// The shard whose leadership the group's log holds; None for the root group.
pub fn shard_of_group(group: u32) -> Option<u16> {
    Some(group.checked_sub(1)? as u16)
}

/// The raft group whose log holds the partition's leadership.
pub fn group_of(topic_id: Uuid, partition: i32, shards: u16) -> u32 {
    shard_group(shard_of(topic_id, partition, shards))
}
