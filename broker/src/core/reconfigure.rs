//! What the cluster told brokers while they run, made true on this core: the config that is in force, topics that take their
//! values from it, the controllers' rules and the limits of connections.

use std::{
    collections::{BTreeMap, HashMap},
    rc::Rc,
    sync::Arc,
};

use super::{CONTROLLER_CORE, Core, Message, apply::log_config};
use crate::{
    config::{self, TopicConfig},
    metadata::{Image, decide::TableRules},
    net,
    runtime::world::World,
};

impl<W: World<Message = Message>> Core<W> {
    /// The config in force: what this broker was started with, and over it what the cluster was told. Keys that are read at
    /// start only are in [`super::State::config`] as well.
    pub fn live_config(&self) -> Rc<config::Broker> {
        self.live_config.borrow().clone()
    }

    /// Takes over what `image` says of this broker, and of all.
    pub(super) fn reconfigure(&self, image: &Image) {
        let told = |node| image.broker_configs.get(&node).cloned().unwrap_or_default();
        let (broker, unusable) = self.config.with_dynamic(&told(None), &told(Some(self.broker_id())));
        if self.world.core() == CONTROLLER_CORE {
            for problem in unusable {
                tracing::warn!(problem, "a config of this broker is left out");
            }
        }
        let rules = self
            .config_rules
            .get()
            .expect("groups run before anything is published");
        *rules.borrow_mut() = Rc::new(TableRules { broker: broker.clone() });
        let limits = net::quota::Limits::of(&broker);
        let verdicts = self.connections.borrow_mut().set_limits(limits);
        net::tell(self, verdicts);
        *self.live_config.borrow_mut() = Rc::new(broker);
        // Before, an older word of the metadata log may be on its way here.
        if self.broker_epoch.get().is_some() {
            self.expire_producers();
        }
        self.topic_configs.borrow_mut().clear();
        self.configure_partitions(image);
    }

    /// `producer.id.expiration.ms`, as it is now.
    pub(super) fn expire_producers(&self) {
        let expiration_ms = self.live_config().transactions.producer_id_expiration_ms;
        self.store().expire_producers_after(i64::from(expiration_ms));
    }

    /// Every open log again: most topics have no values of their own, and share what they have.
    fn configure_partitions(&self, image: &Image) {
        let broker = self.live_config();
        let inherited = Arc::new(TopicConfig::effective(&broker, &BTreeMap::new()));
        let mut of_topics = HashMap::new();
        let keys = self.partitions.borrow().keys();
        let mut partitions = self.partitions.borrow_mut();
        for key in keys {
            let (Some(topic), Some(open)) = (image.topic(key.topic_id), partitions.get_mut(&key)) else {
                continue;
            };
            let config = of_topics.entry(key.topic_id).or_insert_with(|| {
                if topic.configs.is_empty() {
                    inherited.clone()
                } else {
                    Arc::new(TopicConfig::effective(&broker, &topic.configs))
                }
            });
            self.store().configure(open.log, log_config(config));
            open.config = config.clone();
        }
        self.topic_configs.borrow_mut().extend(of_topics);
    }
}
