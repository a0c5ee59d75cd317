//! What decisions about one shard's partitions are made from: the shard's own states, and root as far as it is here.

use super::super::{
    image::{Broker, Partition, RootImage, ShardImage, Topic},
    placement::{PartitionKey, shard_of},
    rules::Rules,
};
use std::sync::Arc;

#[derive(Clone, Copy)]
pub struct ShardView<'a> {
    pub root: &'a RootImage,
    pub shard: &'a ShardImage,
    /// Its number.
    pub number: u16,
    pub rules: &'a Rules,
}

impl<'a> ShardView<'a> {
    /// The same, with other states of the shard.
    pub fn on<'b>(&self, shard: &'b ShardImage) -> ShardView<'b>
    where
        'a: 'b,
    {
        ShardView { shard, ..*self }
    }

    /// The partition's newest state, if its topic is here and it is of this shard. By an older root image a partition
    /// without a state of the shard's own may be one whose topic is gone, and its state with it: none is the safe answer.
    pub fn partition(&self, key: &PartitionKey) -> Option<&'a Arc<Partition>> {
        let initial = self.root.topic(key.topic_id)?.initial(key.partition)?;
        let is_own = shard_of(key.topic_id, key.partition, self.root.shard_count) == self.number;
        let state = self.shard.get(key).or((!self.is_root_older()).then_some(initial));
        state.filter(|_| is_own)
    }

    /// Some state of this shard was made by who knew more of root than is known here: what is not as this root has it may
    /// be newer, not older.
    pub fn is_root_older(&self) -> bool {
        self.root.applied_end < self.shard.root_end
    }

    /// Root does not know yet who leads: this image is older than the one that the state was made from, and what it says
    /// of brokers would take back what is newer.
    pub fn is_root_behind(&self, state: &Partition) -> bool {
        state
            .leader
            .is_some_and(|leader| leader.broker_epoch >= self.root.applied_end)
    }

    /// The node's broker, if it may lead and be in an ISR, with the disk that the partition knows.
    pub fn active(&self, state: &Partition, node: i32) -> Option<&'a Broker> {
        self.serving(state, node).filter(|broker| broker.is_active())
    }

    /// The node's broker, if it is not fenced and has the disk that the partition knows: it may be shutting down.
    pub fn serving(&self, state: &Partition, node: i32) -> Option<&'a Broker> {
        let broker = self.root.broker(node)?;
        let is_slot = state
            .replica(node)
            .is_some_and(|replica| replica.storage_id == broker.storage_id);
        (is_slot && !broker.fenced).then_some(broker)
    }
}

/// All partitions of one shard that root knows of.
pub fn keys_of_shard(root: &RootImage, shard: u16) -> impl Iterator<Item = PartitionKey> {
    root.topics().flat_map(move |topic| keys_of(root, shard, topic))
}

/// The topic's partitions in one shard, without a look at the others: neighbours are in neighbouring shards.
pub fn keys_of<'a>(root: &RootImage, shard: u16, topic: &'a Topic) -> impl Iterator<Item = PartitionKey> + use<'a> {
    let shards = i32::from(root.shard_count);
    let start = i32::from(shard_of(topic.topic_id, 0, root.shard_count));
    let first = (i32::from(shard) - start).rem_euclid(shards);
    (first..topic.partition_count())
        .step_by(shards as usize)
        .map(|partition| PartitionKey {
            topic_id: topic.topic_id,
            partition,
        })
}
