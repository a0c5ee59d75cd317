//! Existence: brokers, topics with the first state of their partitions, configs, ids. As of one index of the root log.
//!
//! Every node that applied the same entries has an equal image. Nothing in it says anything about this node, and nothing
//! in it comes from a shard: dependencies run one way, shards read root.

use std::{collections::BTreeMap, sync::Arc};

use uuid::Uuid;

use super::{
    super::{
        chunk_map::ChunkMap,
        placement::SHARDS_DEFAULT,
        records::{Acl, Endpoint, NamedKind, ScramRecord, SupportedFeature, TokenRecord, VotersTarget},
    },
    Partition,
};

/// (type, name), sorted; no name is the default of the type.
pub type QuotaEntity = Vec<(String, Option<String>)>;

#[derive(Clone, Debug, PartialEq)]
pub struct RootImage {
    /// Entries applied: the index after the last one. Also the epoch of the finalized features.
    pub applied_end: u64,
    /// Raft's term of the last one.
    pub applied_term: u32,
    /// None before the first record of all.
    pub cluster_id: Option<Uuid>,
    pub shard_count: u16,
    pub features: Arc<BTreeMap<String, i16>>,
    pub brokers: Arc<BTreeMap<i32, Arc<Broker>>>,
    pub(super) topics: ChunkMap<Uuid, Arc<Topic>>,
    pub(super) names: ChunkMap<Arc<str>, Uuid>,
    /// Names that have '.' or '_', with '_' for both: two of them would share their metrics' names in Kafka.
    pub(super) colliding_names: ChunkMap<Arc<str>, Arc<str>>,
    /// By broker; None is the default of all.
    pub broker_configs: Arc<BTreeMap<Option<i32>, BTreeMap<String, String>>>,
    /// Of groups and subscriptions, by kind and name.
    pub named_configs: Arc<BTreeMap<(NamedKind, String), BTreeMap<String, String>>>,
    pub next_producer_id: i64,
    pub voters: Arc<VotersTarget>,
    pub(super) acls: ChunkMap<Uuid, Arc<Acl>>,
    pub(super) scram: ChunkMap<(String, i8), Arc<ScramRecord>>,
    /// By entity and key.
    pub quotas: Arc<BTreeMap<QuotaEntity, BTreeMap<String, f64>>>,
    pub tokens: Arc<BTreeMap<String, Arc<TokenRecord>>>,
    pub(super) partition_count: usize,
}

impl Default for RootImage {
    fn default() -> RootImage {
        RootImage {
            applied_end: 0,
            applied_term: 0,
            cluster_id: None,
            shard_count: SHARDS_DEFAULT,
            features: Arc::default(),
            brokers: Arc::default(),
            topics: ChunkMap::default(),
            names: ChunkMap::default(),
            colliding_names: ChunkMap::default(),
            broker_configs: Arc::default(),
            named_configs: Arc::default(),
            next_producer_id: 0,
            voters: Arc::default(),
            acls: ChunkMap::default(),
            scram: ChunkMap::default(),
            quotas: Arc::default(),
            tokens: Arc::default(),
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
    pub features: Vec<SupportedFeature>,
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
    /// How partitions were made, partition 0 first; dense. How they are now: [`super::Image::partition`].
    pub initial: Vec<Arc<Partition>>,
}

impl Topic {
    pub fn partition_count(&self) -> i32 {
        self.initial.len() as i32
    }

    pub fn has_partition(&self, partition: i32) -> bool {
        (0..self.partition_count()).contains(&partition)
    }

    /// The state that the partition was made with, which holds until a shard says otherwise.
    pub fn initial(&self, partition: i32) -> Option<&Arc<Partition>> {
        self.initial.get(usize::try_from(partition).ok()?)
    }
}

impl RootImage {
    pub fn topic(&self, topic_id: Uuid) -> Option<&Arc<Topic>> {
        self.topics.get(&topic_id)
    }

    pub fn topic_id(&self, name: &str) -> Option<Uuid> {
        self.names.get(name).copied()
    }

    pub fn topic_named(&self, name: &str) -> Option<&Arc<Topic>> {
        self.topic(self.topic_id(name)?)
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

    pub fn acls(&self) -> impl Iterator<Item = (Uuid, &Acl)> {
        self.acls.iter().map(|(id, acl)| (*id, &**acl))
    }

    pub fn acl(&self, id: Uuid) -> Option<&Acl> {
        self.acls.get(&id).map(|acl| &**acl)
    }

    pub fn scram(&self, user: &str, mechanism: i8) -> Option<&Arc<ScramRecord>> {
        self.scram.get(&(user.to_string(), mechanism))
    }

    /// In order of users.
    pub fn scram_credentials(&self) -> impl Iterator<Item = &Arc<ScramRecord>> {
        self.scram.iter().map(|(_, credential)| credential)
    }

    pub fn quota(&self, entity: &QuotaEntity, key: &str) -> Option<f64> {
        self.quotas.get(entity)?.get(key).copied()
    }

    pub fn token(&self, token_id: &str) -> Option<&Arc<TokenRecord>> {
        self.tokens.get(token_id)
    }

    /// The values given to one broker, over those given to all.
    pub fn broker_config(&self, node: i32) -> BTreeMap<String, String> {
        let mut merged = self.broker_configs.get(&None).cloned().unwrap_or_default();
        merged.extend(self.broker_configs.get(&Some(node)).cloned().unwrap_or_default());
        merged
    }

    /// The values given to a group or subscription.
    pub fn named_config(&self, kind: NamedKind, name: &str) -> Option<&BTreeMap<String, String>> {
        self.named_configs.get(&(kind, name.to_owned()))
    }

    pub(in super::super) fn topic_map(&self) -> &ChunkMap<Uuid, Arc<Topic>> {
        &self.topics
    }
}

pub(super) fn has_collision_chars(name: &str) -> bool {
    name.contains(['.', '_'])
}

pub(super) fn unified(name: &str) -> String {
    name.replace('.', "_")
}
