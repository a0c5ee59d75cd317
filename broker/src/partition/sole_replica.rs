//! What a replica knows of its own standing: epoch, leadership, high watermark. Pure: events in, answers out.
//!
//! What must stay true: the high watermark never passes what is durable on every member of the in-sync set
//! (REPLICATION rule D7; here the set is this replica alone), and readers see only offsets below it.

use corelane_protocol::error_code::ErrorCode;

/// One replica of one partition.
#[derive(Debug)]
pub struct SoleReplica {
    leader_epoch: i32,
    leads: bool,
    high_watermark: i64,
    in_sync_replicas: usize,
    min_in_sync_replicas: usize,
}

impl SoleReplica {
    /// A replica whose log is durable up to `durable_end`; it leads nothing yet.
    pub fn recovered(durable_end: i64) -> SoleReplica {
        SoleReplica {
            leader_epoch: -1,
            leads: false,
            high_watermark: durable_end,
            in_sync_replicas: 0,
            min_in_sync_replicas: 1,
        }
    }

    /// Takes over leadership in `leader_epoch`. An older epoch than the one known is ignored (rule D1).
    pub fn lead(&mut self, leader_epoch: i32, in_sync_replicas: usize, min_in_sync_replicas: usize) {
        if leader_epoch < self.leader_epoch {
            return;
        }
        self.leader_epoch = leader_epoch;
        self.leads = true;
        self.in_sync_replicas = in_sync_replicas;
        self.min_in_sync_replicas = min_in_sync_replicas;
    }

    /// Gives leadership up in favour of nobody or another broker.
    pub fn resign(&mut self, leader_epoch: i32) {
        if leader_epoch >= self.leader_epoch {
            self.leader_epoch = leader_epoch;
            self.leads = false;
        }
    }

    pub fn is_leader(&self) -> bool {
        self.leads
    }

    pub fn leader_epoch(&self) -> i32 {
        self.leader_epoch
    }

    /// The first offset that readers must not see.
    pub fn high_watermark(&self) -> i64 {
        self.high_watermark
    }

    /// The own log is on disk up to `durable_end`. True if the high watermark moved.
    pub fn on_durable(&mut self, durable_end: i64) -> bool {
        let moved = durable_end > self.high_watermark;
        if moved {
            self.high_watermark = durable_end;
        }
        moved
    }

    /// May a record that needs every in-sync replica be appended (Kafka's `min.insync.replicas`)?
    pub fn has_enough_in_sync(&self) -> bool {
        self.in_sync_replicas >= self.min_in_sync_replicas
    }

    /// Compares the epoch that a client believes in (KIP-320); −1 means that it does not say.
    ///
    /// # Errors
    /// `FENCED_LEADER_EPOCH` for an older epoch, `UNKNOWN_LEADER_EPOCH` for one that we have not heard of.
    pub fn check_epoch(&self, current_leader_epoch: i32) -> Result<(), ErrorCode> {
        match current_leader_epoch {
            -1 => Ok(()),
            epoch if epoch < self.leader_epoch => Err(ErrorCode::FENCED_LEADER_EPOCH),
            epoch if epoch > self.leader_epoch => Err(ErrorCode::UNKNOWN_LEADER_EPOCH),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Readers never see what is not durable, and the watermark never goes back.
    #[test]
    fn high_watermark_follows_durability_only() {
        let mut replica = SoleReplica::recovered(10);
        replica.lead(3, 1, 1);
        assert_eq!(replica.high_watermark(), 10);
        assert!(replica.on_durable(12));
        assert!(!replica.on_durable(12));
        assert!(!replica.on_durable(11));
        assert_eq!(replica.high_watermark(), 12);
    }

    /// KIP-320: a client with an old view is fenced, one with a newer view is told to wait.
    #[test]
    fn epochs_are_compared_as_kafka_does() {
        let mut replica = SoleReplica::recovered(0);
        replica.lead(5, 1, 1);
        assert_eq!(replica.check_epoch(-1), Ok(()));
        assert_eq!(replica.check_epoch(5), Ok(()));
        assert_eq!(replica.check_epoch(4), Err(ErrorCode::FENCED_LEADER_EPOCH));
        assert_eq!(replica.check_epoch(6), Err(ErrorCode::UNKNOWN_LEADER_EPOCH));
    }

    /// An older view of the cluster never takes leadership back (rule D1).
    #[test]
    fn older_epochs_are_ignored() {
        let mut replica = SoleReplica::recovered(0);
        replica.lead(5, 1, 2);
        replica.lead(4, 3, 1);
        assert_eq!(replica.leader_epoch(), 5);
        assert!(!replica.has_enough_in_sync());
        replica.resign(4);
        assert!(replica.is_leader());
        replica.resign(6);
        assert!(!replica.is_leader());
    }
}
