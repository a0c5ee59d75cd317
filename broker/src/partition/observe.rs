//! What there is of partitions on this core, for metrics.

use corelane_storage::{Store, disk::Disk};

use super::{PartitionKey, Partitions, replica::Acks};
use crate::metrics::PartitionCounts;

impl Partitions {
    pub fn keys(&self) -> Vec<PartitionKey> {
        self.by_key.keys().copied().collect()
    }

    /// Adds those of these partitions that still are here.
    pub fn count<D: Disk>(&self, store: &Store<D>, keys: &[PartitionKey], counts: &mut PartitionCounts) {
        for partition in keys.iter().filter_map(|key| self.get(key)) {
            counts.replicas += 1;
            if partition.replica.is_leader() {
                counts.leaders += 1;
                counts.under_min_isr += u64::from(partition.replica.admit(Acks::All).is_err());
            }
            counts.damaged += u64::from(store.damage_of(partition.log).is_some());
        }
    }

    /// Clients that wait here.
    pub fn count_waiting(&self, counts: &mut PartitionCounts) {
        counts.fetches_waiting = self.fetch_waiters.len() as u64;
        counts.produces_waiting = self.produce_queue.len() as u64;
    }

    /// Records in answers that are being read or sent.
    pub fn lent_bytes(&self) -> usize {
        self.lending.taken()
    }
}
