//! Committed records of the root log become the next root image. The same records give the same image on every node,
//! whatever node it is.
//!
//! A record that does not fit is a broken invariant, not a client's mistake: `decide` made it from the image that it is
//! applied to. The caller ends the process.

use std::{collections::BTreeMap, sync::Arc};

use uuid::Uuid;

use super::{
    super::records::{
        BrokerChange, ConfigOwner, ConfigRecord, NamedConfig, PartitionState, PartitionsAdded, QuotaRecord, Record,
        RegisterBroker, TopicRecord, UnregisterBroker,
    },
    ApplyError, check_next,
    root::{Broker, RootImage, Topic, has_collision_chars, unified},
};

impl RootImage {
    /// The image after the entry at `index`. Cheap when nobody else holds this image's parts, as in a replay.
    pub fn after_entry(mut self, index: u64, term: u32, records: &[Record]) -> Result<RootImage, ApplyError> {
        check_next(index, self.applied_end)?;
        for record in records {
            self.apply(index, record)?;
        }
        self.applied_end = index + 1;
        self.applied_term = term;
        Ok(self)
    }

    /// One record of the entry at `index`. Also builds the overlay on which a round of wishes is decided.
    pub fn apply(&mut self, index: u64, record: &Record) -> Result<(), ApplyError> {
        self.apply_record(index, record)
            .map_err(|what| ApplyError { index, what })
    }

    fn apply_record(&mut self, index: u64, record: &Record) -> Result<(), String> {
        match record {
            Record::Format(format) => {
                if self.cluster_id.is_some() {
                    return Err("a second Format".into());
                }
                if format.shards == 0 {
                    return Err("no shards".into());
                }
                self.cluster_id = Some(format.cluster_id);
                self.shard_count = format.shards;
            }
            Record::FeatureLevel(feature) => {
                let features = Arc::make_mut(&mut self.features);
                match feature.level {
                    0 => features.remove(&feature.name),
                    level => features.insert(feature.name.clone(), level),
                };
            }
            Record::RegisterBroker(broker) => self.register(index, broker),
            Record::BrokerChange(change) => self.change_broker(change)?,
            Record::UnregisterBroker(record) => self.unregister(record)?,
            Record::TopicRecord(topic) => self.add_topic(index, topic)?,
            Record::PartitionsAdded(added) => self.add_partitions(index, added)?,
            Record::RemoveTopic(removed) => self.remove_topic(removed.topic_id)?,
            Record::ConfigRecord(config) => self.set_config(config)?,
            Record::NamedConfig(config) => self.set_named_config(config),
            Record::ProducerIds(ids) => {
                if ids.next < self.next_producer_id {
                    return Err(format!(
                        "producer ids go back from {} to {}",
                        self.next_producer_id, ids.next
                    ));
                }
                self.next_producer_id = ids.next;
            }
            Record::VotersTarget(target) => self.voters = Arc::new(target.clone()),
            Record::AclRecord(acl) => drop(self.acls.insert(acl.id, Arc::new(acl.acl.clone()))),
            Record::RemoveAcl(removed) => {
                let held = self.acls.remove(&removed.id);
                held.ok_or_else(|| format!("no ACL {}", removed.id))?;
            }
            Record::ScramRecord(credential) => {
                let key = (credential.user.clone(), credential.mechanism);
                self.scram.insert(key, Arc::new(credential.clone()));
            }
            Record::RemoveScram(removed) => {
                let held = self.scram.remove(&(removed.user.clone(), removed.mechanism));
                held.ok_or_else(|| format!("no credential of {}", removed.user))?;
            }
            Record::QuotaRecord(quota) => self.set_quota(quota),
            Record::TokenRecord(token) => {
                Arc::make_mut(&mut self.tokens).insert(token.token_id.clone(), Arc::new(token.clone()));
            }
            Record::RemoveToken(removed) => {
                let held = Arc::make_mut(&mut self.tokens).remove(&removed.token_id);
                held.ok_or_else(|| format!("no token {}", removed.token_id))?;
            }
            Record::PartitionRecord(_) | Record::RootSeen(_) => {
                return Err("a partition's state belongs to its shard's log".into());
            }
        }
        Ok(())
    }

    fn register(&mut self, index: u64, record: &RegisterBroker) {
        let broker = Broker {
            node: record.node,
            broker_epoch: record.broker_epoch.unwrap_or(index),
            incarnation: record.incarnation,
            storage_id: record.storage_id,
            endpoints: record.endpoints.clone(),
            rack: record.rack.clone(),
            features: record.features.clone(),
            fenced: record.fenced,
            in_controlled_shutdown: record.broker_epoch.is_some() && self.is_shutting_down(record.node),
        };
        Arc::make_mut(&mut self.brokers).insert(record.node, Arc::new(broker));
    }

    fn is_shutting_down(&self, node: i32) -> bool {
        self.broker(node).is_some_and(|broker| broker.in_controlled_shutdown)
    }

    fn unregister(&mut self, record: &UnregisterBroker) -> Result<(), String> {
        let is_held = |broker: &Arc<Broker>| broker.broker_epoch == record.broker_epoch;
        if !self.broker(record.node).is_some_and(is_held) {
            return Err(format!("no broker {} of epoch {}", record.node, record.broker_epoch));
        }
        Arc::make_mut(&mut self.brokers).remove(&record.node);
        Ok(())
    }

    fn change_broker(&mut self, change: &BrokerChange) -> Result<(), String> {
        let broker = Arc::make_mut(&mut self.brokers)
            .get_mut(&change.node)
            .filter(|broker| broker.broker_epoch == change.broker_epoch)
            .ok_or_else(|| format!("no broker {} of epoch {}", change.node, change.broker_epoch))?;
        let broker = Arc::make_mut(broker);
        broker.fenced = change.fenced.unwrap_or(broker.fenced);
        broker.in_controlled_shutdown = change.in_controlled_shutdown.unwrap_or(broker.in_controlled_shutdown);
        Ok(())
    }

    fn add_topic(&mut self, index: u64, record: &TopicRecord) -> Result<(), String> {
        if self.topics.contains_key(&record.topic_id) || self.names.contains_key(record.name.as_str()) {
            return Err(format!("topic {} {} exists", record.name, record.topic_id));
        }
        let name: Arc<str> = record.name.as_str().into();
        let initial = record
            .partitions
            .iter()
            .map(|slots| Arc::new(PartitionState::initial(slots, record.min_isr, index)))
            .collect();
        let topic = Topic {
            topic_id: record.topic_id,
            name: name.clone(),
            create_index: index,
            configs: record.configs.iter().cloned().collect(),
            initial,
        };
        self.partition_count += topic.initial.len();
        self.topics.insert(record.topic_id, Arc::new(topic));
        if has_collision_chars(&name) {
            self.colliding_names.insert(unified(&name).into(), name.clone());
        }
        self.names.insert(name, record.topic_id);
        Ok(())
    }

    fn add_partitions(&mut self, index: u64, record: &PartitionsAdded) -> Result<(), String> {
        let topic = self.topic_mut(record.topic_id)?;
        if topic.initial.len() as i32 != record.first {
            return Err(format!(
                "{} has {} partitions, not {}",
                topic.name,
                topic.initial.len(),
                record.first
            ));
        }
        let added = record
            .partitions
            .iter()
            .map(|slots| Arc::new(PartitionState::initial(slots, record.min_isr, index)));
        topic.initial.extend(added);
        self.partition_count += record.partitions.len();
        Ok(())
    }

    fn remove_topic(&mut self, topic_id: Uuid) -> Result<(), String> {
        let topic = self
            .topics
            .remove(&topic_id)
            .ok_or_else(|| format!("no topic {topic_id}"))?;
        self.names.remove(&*topic.name);
        if has_collision_chars(&topic.name) {
            self.colliding_names.remove(unified(&topic.name).as_str());
        }
        self.partition_count -= topic.initial.len();
        Ok(())
    }

    fn set_config(&mut self, record: &ConfigRecord) -> Result<(), String> {
        match record.owner {
            ConfigOwner::Topic(topic_id) => {
                let configs = &mut self.topic_mut(topic_id)?.configs;
                set(configs, &record.key, record.value.as_ref());
            }
            ConfigOwner::Broker(node) => {
                let all = Arc::make_mut(&mut self.broker_configs);
                set(all.entry(node).or_default(), &record.key, record.value.as_ref());
                all.retain(|_, configs| !configs.is_empty());
            }
        }
        Ok(())
    }

    fn set_named_config(&mut self, record: &NamedConfig) {
        let all = Arc::make_mut(&mut self.named_configs);
        let owner = (record.kind, record.name.clone());
        let configs = all.entry(owner.clone()).or_default();
        set(configs, &record.key, record.value.as_ref());
        if configs.is_empty() {
            all.remove(&owner);
        }
    }

    fn set_quota(&mut self, record: &QuotaRecord) {
        let quotas = Arc::make_mut(&mut self.quotas);
        let keys = quotas.entry(record.entity.clone()).or_default();
        match record.value {
            Some(value) => keys.insert(record.key.clone(), value),
            None => keys.remove(&record.key),
        };
        quotas.retain(|_, keys| !keys.is_empty());
    }

    fn topic_mut(&mut self, topic_id: Uuid) -> Result<&mut Topic, String> {
        let topic = self.topics.get_mut(&topic_id);
        topic.map(Arc::make_mut).ok_or_else(|| format!("no topic {topic_id}"))
    }
}

fn set(configs: &mut BTreeMap<String, String>, key: &str, value: Option<&String>) {
    match value {
        Some(value) => configs.insert(key.to_owned(), value.clone()),
        None => configs.remove(key),
    };
}
