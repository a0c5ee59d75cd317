//! What a core says of itself when it is asked: a copy, made piece by piece, so that nobody waits for it.

use std::collections::HashMap;

use super::{Core, Message};
use crate::{
    limits::LENT_BYTES_MAX,
    metadata::PartitionKey,
    metrics::{CoreSnapshot, PartitionCounts, Readiness},
    runtime::world::World,
};

/// Partitions that are looked at before others have their turn.
const PARTITIONS_PER_TURN: usize = 256;

impl<W: World<Message = Message>> Core<W> {
    /// Everything of this core but the lags of its groups, which need other cores' high watermarks.
    pub async fn snapshot(&self) -> CoreSnapshot {
        let (connections, connections_opened) = self.metrics.connections();
        let mut snapshot = CoreSnapshot {
            connections,
            connections_opened,
            requests_under_way: self.requests_under_way() as u64,
            requests_refused: self.metrics.requests_refused(),
            slow_requests: self.metrics.slow_requests(),
            store: self.store.get().map(corelane_storage::Store::stats),
            partitions: self.count_partitions().await,
            lent_bytes: self.partitions.borrow().lent_bytes() as u64,
            lent_bytes_max: LENT_BYTES_MAX as u64,
            large_frames_bytes: self.large_frames.arrived_bytes() as u64,
            topics: self.image().topic_count() as u64,
            groups: self.groups.borrow().observe(),
            readiness: self.readiness(),
            ..CoreSnapshot::default()
        };
        for api in self.metrics.apis() {
            snapshot.apis.extend(self.metrics.api(api));
            self.world.yield_now().await;
        }
        snapshot
    }

    async fn count_partitions(&self) -> PartitionCounts {
        let keys = self.partitions.borrow().keys();
        let mut counts = PartitionCounts::default();
        for some in keys.chunks(PARTITIONS_PER_TURN) {
            self.partitions.borrow().count(self.store(), some, &mut counts);
            self.world.yield_now().await;
        }
        self.partitions.borrow().count_waiting(&mut counts);
        counts
    }

    /// Of the partitions among these that this core leads.
    pub fn high_watermarks(&self, keys: &[PartitionKey]) -> HashMap<PartitionKey, i64> {
        let partitions = self.partitions.borrow();
        let led = keys.iter().filter_map(|key| {
            let partition = partitions.leader(key).ok()?;
            Some((*key, partition.replica.high_watermark()))
        });
        led.collect()
    }

    /// Clients are let in when every log is recovered and every shard leads again.
    pub fn readiness(&self) -> Readiness {
        match (self.is_stopping(), self.serves.get()) {
            (true, _) => Readiness::Stopping,
            (false, true) => Readiness::Ready,
            (false, false) => Readiness::Starting,
        }
    }
}
