//! One replica on one running node: the real core, its log, and the producers that wait for it.

use corelane_broker::partition::replica::{Acks, Replica};

use super::{alarm::Alarm, replica_log::ReplicaLog};

#[derive(Debug)]
pub struct ReplicaHost {
    pub replica: Replica,
    pub log: ReplicaLog,
    pub alarm: Alarm,
    /// The partition epoch that the core was told last; −1 for none.
    pub told: i32,
    /// The highest high watermark of this life.
    pub committed_max: i64,
    /// In order of offsets.
    pub producers: Vec<Producer>,
}

/// A producer that waits for its records.
#[derive(Clone, Copy, Debug)]
pub struct Producer {
    pub acks: Acks,
    pub leader_epoch: i32,
    /// Its records are `base..end`.
    pub base: i64,
    pub end: i64,
}
