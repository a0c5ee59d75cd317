//! The two topic configs that replication goes by; everything else of a topic's configuration means nothing here.

use std::collections::BTreeMap;

use corelane_broker::metadata::decide::{ConfigRules, ResourceKind, WishError};

pub const MIN_ISR: &str = "min.insync.replicas";
pub const UNCLEAN: &str = "unclean.leader.election.enable";

#[derive(Debug)]
pub struct ReplicationConfigs {
    pub min_isr: u16,
}

impl ConfigRules for ReplicationConfigs {
    fn num_partitions(&self) -> i32 {
        1
    }

    fn default_replication_factor(&self) -> i16 {
        1
    }

    fn is_list(&self, _kind: ResourceKind, _key: &str) -> bool {
        false
    }

    fn default_value(&self, _kind: ResourceKind, key: &str) -> Option<String> {
        match key {
            MIN_ISR => Some(self.min_isr.to_string()),
            UNCLEAN => Some("false".into()),
            _ => None,
        }
    }

    fn validate(&self, _kind: ResourceKind, _values: &BTreeMap<String, String>) -> Result<(), WishError> {
        Ok(())
    }

    fn min_insync_replicas(&self, values: &BTreeMap<String, String>) -> u16 {
        let own = values.get(MIN_ISR).and_then(|value| value.parse().ok());
        own.unwrap_or(self.min_isr)
    }

    fn unclean_leader_election(&self, values: &BTreeMap<String, String>) -> bool {
        values.get(UNCLEAN).is_some_and(|value| value == "true")
    }
}
