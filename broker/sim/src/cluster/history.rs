//! The committed logs of root and shards, as linear histories: what every node sees of them, sooner or later.
//!
//! ```text
//!   root     0──1──2──3──4──5                shards' controllers decide on the newest state of their shard,
//!                ^     ^     ^ newest        and on a root image that may be old
//!               n2    n0    shard 1's view
//!   shard 1  0──1──2
//! ```
//!
//! Every node sees each log with a lag of its own: no order between two logs is ever the same for two readers. (This is
//! what a random walk needs to find holes that no argument about a single log shows.)

use std::sync::Arc;

use corelane_broker::metadata::records::PartitionState;
use corelane_broker::metadata::{RootImage, ShardImage};

use super::topics::PartitionInfo;

#[derive(Debug)]
pub struct History {
    /// After 0, 1, 2, … entries.
    pub roots: Vec<Arc<RootImage>>,
    pub shards: Vec<ShardHistory>,
}

#[derive(Debug)]
pub struct ShardHistory {
    pub images: Vec<Arc<ShardImage>>,
    /// By entry: the partitions that it changed.
    pub changed: Vec<Vec<usize>>,
    /// The root image that the shard's controller has.
    pub root_seen: usize,
}

impl History {
    pub fn new(shards: usize) -> History {
        let shard = || ShardHistory {
            images: vec![Arc::default()],
            changed: Vec::new(),
            root_seen: 0,
        };
        History {
            roots: vec![Arc::default()],
            shards: (0..shards).map(|_| shard()).collect(),
        }
    }

    pub fn root(&self) -> &Arc<RootImage> {
        self.roots.last().expect("there is the empty image")
    }

    pub fn shard(&self, shard: usize) -> &Arc<ShardImage> {
        self.shards[shard].images.last().expect("there is the empty image")
    }

    /// Entries of log 0 (root) or `1 + shard`.
    pub fn end(&self, log: usize) -> usize {
        match log {
            0 => self.roots.len() - 1,
            _ => self.shards[log - 1].images.len() - 1,
        }
    }

    /// The newest committed state of a partition; None if its topic is gone.
    pub fn state(&self, info: &PartitionInfo) -> Option<&Arc<PartitionState>> {
        state_at(self.root(), self.shard(info.shard), info)
    }
}

/// What a reader of these two images sees.
pub fn state_at<'a>(
    root: &'a RootImage,
    shard: &'a ShardImage,
    info: &PartitionInfo,
) -> Option<&'a Arc<PartitionState>> {
    let initial = root.topic(info.key.topic_id)?.initial(info.key.partition)?;
    Some(shard.get(&info.key).unwrap_or(initial))
}
