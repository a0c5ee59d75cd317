//! Makes newer states of the metadata groups true on this core: logs are made, led, configured, given up and deleted.
//!
//! What must stay true: a partition is open before clients can see it, and deleted after they cannot any more.

use std::{rc::Rc, sync::Arc};

use corelane_storage::{LogConfig, LogSpec};

use super::{CONSUMER_OFFSETS, Core, Message};
use crate::{
    config::TopicConfig,
    group,
    metadata::{
        Image,
        reconcile::{self, Action, Me},
    },
    partition::{self, Partition, PartitionKey},
    quota,
    raft_driver::{Change, METADATA_TOPIC_ID},
    runtime::world::World,
};

impl<W: World<Message = Message>> Core<W> {
    /// Makes newer states of groups true on this core: open and close logs, lead, configure.
    pub(super) fn apply(&self, changes: &[Change]) {
        let previous = self.image();
        let mut image = Image::clone(&previous);
        changes.iter().for_each(|change| change.apply_to(&mut image));
        let image = Arc::new(image);
        let me = Me {
            node: self.broker_id(),
            storage_id: self.identity().disk_uuid,
            broker_epoch: self.broker_epoch.get(),
            core: self.world.core(),
            cores: self.world.cores(),
        };
        if previous.broker_configs != image.broker_configs {
            self.reconfigure(&image);
        }
        if !Arc::ptr_eq(&previous.quotas, &image.quotas) {
            *self.quotas.borrow_mut() = Rc::new(quota::Table::new(&image.quotas));
        }
        // Whoever takes a produce request reads its topic's config, whatever core has the partition.
        for topic_id in reconcile::changed_topics(&previous, &image) {
            self.topic_configs.borrow_mut().remove(&topic_id);
        }
        // Logs are opened before clients can see the image, and closed after they cannot any more.
        let actions = reconcile::plan(&previous, &image, &me);
        for action in &actions {
            self.carry_out(action);
        }
        let deleted = reconcile::deleted_topics(&previous, &image);
        *self.image.borrow_mut() = image.clone();
        if !deleted.is_empty() {
            group::host::on_topics_deleted(self, &deleted);
        }
        for action in &actions {
            if let Action::DeleteLog {
                topic_id,
                partition,
                leader_epoch,
            } = action
            {
                let key = PartitionKey {
                    topic_id: *topic_id,
                    partition: *partition,
                };
                self.delete_log(&key, *leader_epoch);
            }
        }
        if !Arc::ptr_eq(&previous.root, &image.root) {
            self.shards().on_root(&image.root);
        }
    }

    pub(super) fn on_registered(&self, broker_epoch: u64) {
        self.broker_epoch.set(Some(broker_epoch));
        // What the cluster told this broker is known by now, and nobody is served yet.
        self.expire_producers();
        partition::host::on_registered(self, broker_epoch);
        self.delete_garbage(&self.image());
    }

    fn carry_out(&self, action: &Action) {
        let store = self.store();
        match action {
            Action::CreateLog { topic, partition } => {
                let key = PartitionKey {
                    topic_id: topic.topic_id,
                    partition: *partition,
                };
                let config = self.topic_config(topic);
                let log = store.find(key.topic_id, key.partition).unwrap_or_else(|| {
                    let topic = topic.name.to_string();
                    let spec = LogSpec {
                        topic_id: key.topic_id,
                        topic,
                        partition: key.partition,
                    };
                    store.create(spec, log_config(&config))
                });
                store.configure(log, log_config(&config));
                // A log that an older view did not let go is open still.
                if self.partitions.borrow().get(&key).is_none() {
                    partition::host::open(self, key, log, self.broker_epoch.get(), config);
                }
            }
            Action::Configure { topic, partition } => {
                let key = PartitionKey {
                    topic_id: topic.topic_id,
                    partition: *partition,
                };
                let config = self.topic_config(topic);
                let mut partitions = self.partitions.borrow_mut();
                let open = partitions
                    .get_mut(&key)
                    .expect("a partition is configured after it was opened");
                store.configure(open.log, log_config(&config));
                open.config = config;
            }
            Action::OpenLeader {
                topic,
                partition,
                leader_epoch,
                state,
            } => {
                let key = PartitionKey {
                    topic_id: topic.topic_id,
                    partition: *partition,
                };
                let leads = partition::host::on_state(self, &key, state);
                if leads && &*topic.name == CONSUMER_OFFSETS {
                    group::host::open(self, key, *leader_epoch);
                }
            }
            Action::CloseLeader {
                topic,
                partition,
                state,
            } => {
                let key = PartitionKey {
                    topic_id: topic.topic_id,
                    partition: *partition,
                };
                group::host::close(self, &key);
                partition::host::on_state(self, &key, state);
            }
            // After clients cannot see the topic any more.
            Action::DeleteLog { .. } => {}
        }
    }

    /// `leader_epoch`: of the state by which this disk keeps no replica; None if the topic is gone.
    fn delete_log(&self, key: &PartitionKey, leader_epoch: Option<i32>) {
        let may_go = |partition: &Partition| leader_epoch.is_none_or(|epoch| partition.replica.may_drop_log(epoch));
        if !self.partitions.borrow().get(key).is_some_and(may_go) {
            return;
        }
        group::host::close(self, key);
        if let Some(log) = partition::close(self, key) {
            self.store().delete(log);
        }
    }

    /// Logs of topics that are gone: the process ended between the removal and the deletion of its logs. The image of
    /// the own registration holds everything that was ever committed, and a log is only made for a committed topic.
    fn delete_garbage(&self, image: &Image) {
        for log in self.store().logs() {
            let is_metadata = log.spec.topic_id == METADATA_TOPIC_ID;
            if !is_metadata && image.partition(log.spec.topic_id, log.spec.partition).is_none() {
                tracing::info!(
                    topic = log.spec.topic,
                    partition = log.spec.partition,
                    "deleting the log of a topic that is gone"
                );
                self.store().delete(log.id);
            }
        }
    }
}

/// The part of a topic's config that storage acts on.
pub(super) fn log_config(config: &TopicConfig) -> LogConfig {
    LogConfig {
        segment_bytes: config.segment_bytes as u32,
        segment_ms: config.segment_ms,
        segment_jitter_ms: config.segment_jitter_ms,
        retention_ms: config.retention_ms,
        retention_bytes: config.retention_bytes,
        delete: config.deletes(),
        index_interval_bytes: config.index_interval_bytes as u32,
    }
}
