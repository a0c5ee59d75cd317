//! The cluster as of one index of the metadata log: immutable once shared, cheap to copy and to advance.
//!
//! Every node that applied the same entries has an equal image. Nothing in it says anything about this node.

mod apply;

use std::{collections::BTreeMap, sync::Arc};

use uuid::Uuid;

pub use apply::ApplyError;

use super::{
    chunk_map::ChunkMap,
    placement::SHARDS_DEFAULT,
    records::{Endpoint, Leader, PartitionState, Replica, ReplicaSlot},
};

#[derive(Clone, Debug, PartialEq)]
pub struct Image {
    /// Entries applied: the index after the last one. Also the epoch of the finalized features.
    pub applied_end: u64,
    /// Raft's term of the last one.
    pub applied_term: u32,
    /// None before the first record of all.
    pub cluster_id: Option<Uuid>,
    pub shards: u16,
    pub features: Arc<BTreeMap<String, i16>>,
    pub brokers: Arc<BTreeMap<i32, Arc<Broker>>>,
    topics: ChunkMap<Uuid, Arc<Topic>>,
    names: ChunkMap<Arc<str>, Uuid>,
    /// Names that have '.' or '_', with '_' for both: two of them would share their metrics' names in Kafka.
    colliding_names: ChunkMap<Arc<str>, Arc<str>>,
    /// By broker; None is the default of all.
    pub broker_configs: Arc<BTreeMap<Option<i32>, BTreeMap<String, String>>>,
    pub next_producer_id: i64,
    /// Leader of the metadata log, if known. The driver sets it; records do not.
    pub controller: Option<i32>,
    partition_count: usize,
}

impl Default for Image {
    fn default() -> Image {
        Image {
            applied_end: 0,
            applied_term: 0,
            cluster_id: None,
            shards: SHARDS_DEFAULT,
            features: Arc::default(),
            brokers: Arc::default(),
            topics: ChunkMap::default(),
            names: ChunkMap::default(),
            colliding_names: ChunkMap::default(),
            broker_configs: Arc::default(),
            next_producer_id: 0,
            controller: None,
            partition_count: 0,
        }
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct Broker {
    pub node: i32,
    /// Index of the entry that registered this incarnation.
    pub broker_epoch: u64,
    pub incarnation: u64,
    pub storage_id: Uuid,
    pub endpoints: Vec<Endpoint>,
    pub rack: Option<String>,
    pub fenced: bool,
    pub in_controlled_shutdown: bool,
}

impl Broker {
    /// May lead, and may be in a new partition's ISR (`ClusterControlManager.isActive`).
    pub fn is_active(&self) -> bool {
        !self.fenced && !self.in_controlled_shutdown
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct Topic {
    pub topic_id: Uuid,
    pub name: Arc<str>,
    /// Index of the entry that made it.
    pub create_index: u64,
    /// The topic's own values.
    pub configs: BTreeMap<String, String>,
    /// Partition 0 first; dense.
    pub partitions: Vec<Arc<Partition>>,
}

impl Topic {
    pub fn partition(&self, partition: i32) -> Option<&Arc<Partition>> {
        self.partitions.get(usize::try_from(partition).ok()?)
    }
}

/// A partition's state. What the fields mean: [`PartitionState`].
pub type Partition = PartitionState;

impl PartitionState {
    /// The first state of a partition, from nothing but the record that made it: every node computes the same.
    pub fn initial(slots: &[ReplicaSlot], min_isr: u16, create_index: u64) -> PartitionState {
        let leader = slots.iter().find(|slot| slot.in_isr).map(|slot| Leader {
            node: slot.node,
            broker_epoch: slot.broker_epoch,
        });
        let mut isr: Vec<i32> = slots.iter().filter(|slot| slot.in_isr).map(|slot| slot.node).collect();
        isr.sort_unstable();
        PartitionState {
            create_index,
            partition_epoch: 0,
            leader_epoch: 0,
            leader,
            isr,
            elr: Vec::new(),
            last_known_elr: Vec::new(),
            min_isr,
            recovering: false,
            replicas: slots
                .iter()
                .map(|slot| Replica {
                    node: slot.node,
                    storage_id: slot.storage_id,
                })
                .collect(),
            adding: Vec::new(),
            removing: Vec::new(),
        }
    }

    pub fn replica(&self, node: i32) -> Option<&Replica> {
        self.replicas.iter().find(|replica| replica.node == node)
    }

    /// Node ids, preferred leader first.
    pub fn replica_nodes(&self) -> Vec<i32> {
        self.replicas.iter().map(|replica| replica.node).collect()
    }
}

impl Image {
    pub fn topic(&self, topic_id: Uuid) -> Option<&Arc<Topic>> {
        self.topics.get(&topic_id)
    }

    pub fn topic_id(&self, name: &str) -> Option<Uuid> {
        self.names.get(name).copied()
    }

    pub fn topic_named(&self, name: &str) -> Option<&Arc<Topic>> {
        self.topic(self.topic_id(name)?)
    }

    pub fn partition(&self, topic_id: Uuid, partition: i32) -> Option<&Arc<Partition>> {
        self.topic(topic_id)?.partition(partition)
    }

    /// In order of topic ids.
    pub fn topics(&self) -> impl Iterator<Item = &Arc<Topic>> {
        self.topics.iter().map(|(_, topic)| topic)
    }

    /// In order of names.
    pub fn topics_by_name(&self) -> impl Iterator<Item = &Arc<Topic>> {
        self.names.iter().filter_map(|(_, topic_id)| self.topic(*topic_id))
    }

    /// In order of names, from `name` on (inclusive).
    pub fn topics_from_name(&self, name: &str) -> impl Iterator<Item = &Arc<Topic>> {
        self.names
            .iter_from(name)
            .filter_map(|(_, topic_id)| self.topic(*topic_id))
    }

    pub fn topic_count(&self) -> usize {
        self.topics.len()
    }

    pub fn partition_count(&self) -> usize {
        self.partition_count
    }

    pub fn broker(&self, node: i32) -> Option<&Arc<Broker>> {
        self.brokers.get(&node)
    }

    /// A topic whose name would give the same metric names as `name` (`Topic.hasCollision`).
    pub fn colliding_topic(&self, name: &str) -> Option<&str> {
        if !has_collision_chars(name) {
            return None;
        }
        self.colliding_names.get(unified(name).as_str()).map(|name| &**name)
    }

    /// The values given to one broker, over those given to all.
    pub fn broker_config(&self, node: i32) -> BTreeMap<String, String> {
        let mut merged = self.broker_configs.get(&None).cloned().unwrap_or_default();
        merged.extend(self.broker_configs.get(&Some(node)).cloned().unwrap_or_default());
        merged
    }

    pub(super) fn topic_map(&self) -> &ChunkMap<Uuid, Arc<Topic>> {
        &self.topics
    }
}

fn has_collision_chars(name: &str) -> bool {
    name.contains(['.', '_'])
}

fn unified(name: &str) -> String {
    name.replace('.', "_")
}
