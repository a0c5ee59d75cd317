//! The cluster as a node knows it: immutable once shared, cheap to copy and to advance.
//!
//! ```text
//!   root log ──> RootImage   existence: topics with their partitions' initial states, brokers, configs, ids
//!                    ▲ read by
//!   shard log ─> ShardImage  leadership: partition states since then, one image for each shard
//!
//!   Image = root + all shards;  a partition's state = its shard's override, else the initial one
//! ```
//!
//! The parts advance each on its own. None waits for another: an override whose topic is not here yet is kept, not seen.

mod partition;
mod root;
mod root_apply;
mod shard;

use std::{ops::Deref, sync::Arc};

use uuid::Uuid;

pub use root::{Broker, QuotaEntity, RootImage, Topic};
pub use shard::{ShardImage, is_garbage};

use super::{
    placement::{PartitionKey, shard_of},
    records::PartitionState,
};

/// A partition's state. What the fields mean: [`PartitionState`].
pub type Partition = PartitionState;

/// The log and the image contradict each other.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("metadata entry {index} does not fit: {what}")]
pub struct ApplyError {
    pub index: u64,
    pub what: String,
}

/// Entries are applied one after the other, each once.
fn check_next(index: u64, applied_end: u64) -> Result<(), ApplyError> {
    if index == applied_end {
        return Ok(());
    }
    Err(ApplyError {
        index,
        what: format!("{applied_end} comes next"),
    })
}

/// What handlers read. Everything of root is read through it as if it were its own.
#[derive(Clone, Debug, PartialEq)]
pub struct Image {
    pub root: Arc<RootImage>,
    /// One for each shard, shard 0 first; fewer if nothing was heard of the last ones yet.
    pub shards: Arc<[Arc<ShardImage>]>,
    /// Leader of the root log, if known. The driver sets it; records do not.
    pub controller: Option<i32>,
}

impl Default for Image {
    fn default() -> Image {
        Image {
            root: Arc::default(),
            shards: Arc::new([]),
            controller: None,
        }
    }
}

impl Deref for Image {
    type Target = RootImage;

    fn deref(&self) -> &RootImage {
        &self.root
    }
}

impl Image {
    /// The partition's newest known state, if its topic exists.
    pub fn partition(&self, topic_id: Uuid, partition: i32) -> Option<&Arc<Partition>> {
        self.partition_of(self.topic(topic_id)?, partition)
    }

    /// The same, for who has the topic at hand already.
    pub fn partition_of<'a>(&'a self, topic: &'a Topic, partition: i32) -> Option<&'a Arc<Partition>> {
        let initial = topic.initial(partition)?;
        let key = PartitionKey {
            topic_id: topic.topic_id,
            partition,
        };
        let held = self.shard(shard_of(key.topic_id, partition, self.shard_count));
        Some(held.and_then(|shard| shard.get(&key)).unwrap_or(initial))
    }

    /// The topic's partitions, partition 0 first.
    pub fn partitions<'a>(&'a self, topic: &'a Topic) -> impl Iterator<Item = (i32, &'a Arc<Partition>)> {
        (0..topic.partition_count()).filter_map(|number| Some((number, self.partition_of(topic, number)?)))
    }

    pub fn shard(&self, shard: u16) -> Option<&Arc<ShardImage>> {
        self.shards.get(usize::from(shard))
    }

    /// The same view with one shard's image replaced.
    pub fn set_shard(&mut self, shard: u16, image: Arc<ShardImage>) {
        let count = usize::from(self.root.shard_count).max(usize::from(shard) + 1);
        if self.shards.len() < count {
            let mut grown = self.shards.to_vec();
            grown.resize_with(count, Arc::default);
            self.shards = grown.into();
        }
        Arc::make_mut(&mut self.shards)[usize::from(shard)] = image;
    }
}
