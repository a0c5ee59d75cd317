//! Which shards have to look at their partitions when root changed.

use std::{collections::BTreeSet, sync::Arc};

use super::super::{chunk_map::Difference, image::RootImage, placement::shard_of};

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Concerned {
    All,
    Shards(BTreeSet<u16>),
}

impl Concerned {
    /// By the step from one root image to a newer one: brokers and their configs are everybody's, a topic is the affair of its partitions'
    /// shards. What is removed is nobody's affair any more.
    pub fn by(old: &RootImage, new: &RootImage) -> Concerned {
        // Topics that do not say otherwise take their min.insync.replicas and unclean elections from what brokers were told.
        if old.brokers != new.brokers || old.broker_configs != new.broker_configs {
            return Concerned::All;
        }
        let mut shards = BTreeSet::new();
        for difference in old.topic_map().differences(new.topic_map(), Arc::ptr_eq) {
            let (Difference::Added(_, topic) | Difference::Changed(_, _, topic)) = difference else {
                continue;
            };
            // Neighbours are in neighbouring shards, so the first ones name them all.
            let named = topic.partition_count().min(i32::from(new.shard_count));
            shards.extend((0..named).map(|partition| shard_of(topic.topic_id, partition, new.shard_count)));
        }
        Concerned::Shards(shards)
    }

    pub fn contains(&self, shard: u16) -> bool {
        match self {
            Concerned::All => true,
            Concerned::Shards(shards) => shards.contains(&shard),
        }
    }
}
