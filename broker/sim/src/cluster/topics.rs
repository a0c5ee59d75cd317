//! The partitions of a run under small numbers: every partition that ever was, also of topics that are deleted.

use corelane_broker::metadata::{PartitionKey, RootImage, placement::shard_of};

#[derive(Clone, Copy, Debug)]
pub struct PartitionInfo {
    pub key: PartitionKey,
    pub shard: usize,
    /// Index of the root entry that made it.
    pub create_index: u64,
}

#[derive(Debug, Default)]
pub struct Topics {
    pub partitions: Vec<PartitionInfo>,
}

impl Topics {
    /// Takes in what the newest root image has and we have not.
    pub fn learn(&mut self, root: &RootImage) -> usize {
        let known = self.partitions.len();
        for topic in root.topics() {
            for (partition, initial) in (0..).zip(&topic.initial) {
                let key = PartitionKey {
                    topic_id: topic.topic_id,
                    partition,
                };
                if self.number(&key).is_none() {
                    self.partitions.push(PartitionInfo {
                        key,
                        shard: usize::from(shard_of(key.topic_id, partition, root.shard_count)),
                        create_index: initial.create_index,
                    });
                }
            }
        }
        self.partitions.len() - known
    }

    /// There are a handful.
    pub fn number(&self, key: &PartitionKey) -> Option<usize> {
        self.partitions.iter().position(|partition| partition.key == *key)
    }

    pub fn len(&self) -> usize {
        self.partitions.len()
    }
}
