//! What the controller must know of configs: handed in, so that decisions do not depend on where they are kept.

use std::collections::BTreeMap;

use corelane_protocol::error_code::ErrorCode;

use super::WishError;
use crate::config::{self, client_metrics::Refusal};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResourceKind {
    Topic,
    Broker,
    /// The default of all brokers.
    AllBrokers,
    Group,
    ClientMetrics,
}

pub trait ConfigRules {
    /// For topics that are created with -1 partitions.
    fn num_partitions(&self) -> i32;

    /// For topics that are created with -1 replicas.
    fn default_replication_factor(&self) -> i16;

    /// Whether APPEND and SUBTRACT make sense.
    fn is_list(&self, kind: ResourceKind, key: &str) -> bool;

    /// What the key is worth where the resource has no value of its own.
    fn default_value(&self, kind: ResourceKind, key: &str) -> Option<String>;

    /// All of a resource's own values as they would stand; the error is for the client.
    fn validate(&self, kind: ResourceKind, values: &BTreeMap<String, String>) -> Result<(), WishError>;

    /// `min.insync.replicas` of a topic with these own values.
    fn min_insync_replicas(&self, topic_values: &BTreeMap<String, String>) -> u16;

    /// `unclean.leader.election.enable` of a topic with these own values.
    fn unclean_leader_election(&self, topic_values: &BTreeMap<String, String>) -> bool;
}

/// The rules of the tables in [`crate::config`]; `broker` with what the cluster was told.
pub struct TableRules {
    pub broker: config::Broker,
}

impl ConfigRules for TableRules {
    fn num_partitions(&self) -> i32 {
        self.broker.log.num_partitions
    }

    fn default_replication_factor(&self) -> i16 {
        i16::try_from(self.broker.log.default_replication_factor).unwrap_or(i16::MAX)
    }

    fn is_list(&self, kind: ResourceKind, key: &str) -> bool {
        let row = match kind {
            ResourceKind::Topic => config::topic::key(key),
            ResourceKind::Broker | ResourceKind::AllBrokers => config::broker::key(key),
            // Kafka's schema of these two knows no lists.
            ResourceKind::Group | ResourceKind::ClientMetrics => None,
        };
        row.is_some_and(|row| row.kind == config::value::Kind::List)
    }

    fn default_value(&self, kind: ResourceKind, key: &str) -> Option<String> {
        match kind {
            ResourceKind::Topic => config::topic::entries(&self.broker, &BTreeMap::new())
                .into_iter()
                .find(|entry| entry.name == key)
                .and_then(|entry| entry.value),
            ResourceKind::Broker | ResourceKind::AllBrokers => config::broker::key(key)?.default.map(str::to_string),
            ResourceKind::Group | ResourceKind::ClientMetrics => None,
        }
    }

    fn validate(&self, kind: ResourceKind, values: &BTreeMap<String, String>) -> Result<(), WishError> {
        let request = |reason| WishError::new(ErrorCode::INVALID_REQUEST, reason);
        let config = |reason| WishError::new(ErrorCode::INVALID_CONFIG, reason);
        match kind {
            ResourceKind::Topic => config::topic::validate_all(&self.broker, values).map_err(config),
            // Not INVALID_CONFIG, as Kafka (KAFKA-13609).
            ResourceKind::Broker => config::broker::alter::check(false, values).map_err(request),
            ResourceKind::AllBrokers => config::broker::alter::check(true, values).map_err(request),
            ResourceKind::Group => config::group::validate_all(&self.broker, values).map_err(config),
            ResourceKind::ClientMetrics => {
                config::client_metrics::validate_all(values).map_err(|refusal| match refusal {
                    Refusal::Request(reason) => request(reason),
                    Refusal::Config(reason) => config(reason),
                })
            }
        }
    }

    fn min_insync_replicas(&self, topic_values: &BTreeMap<String, String>) -> u16 {
        let configured = config::TopicConfig::effective(&self.broker, topic_values).min_insync_replicas;
        u16::try_from(configured).unwrap_or(u16::MAX).max(1)
    }

    fn unclean_leader_election(&self, topic_values: &BTreeMap<String, String>) -> bool {
        config::TopicConfig::effective(&self.broker, topic_values).unclean_leader_election_enable
    }
}
