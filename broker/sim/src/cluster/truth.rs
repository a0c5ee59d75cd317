//! What was committed, partition by partition: set when any leader's high watermark passes a record, and compared with
//! everything that anybody says later (by the invariants I15, I16 and I18).

use super::replica_log::{Record, ReplicaLog};

#[derive(Clone, Debug)]
pub struct Truth {
    /// From offset 0 on.
    pub records: Vec<Record>,
    /// (offset, value) of what producers were promised with acks=all.
    pub acked: Vec<(i64, u32)>,
    /// The newest leader epoch that began uncleanly: what leaders of older epochs say does not count any more.
    pub unclean_epoch: i32,
    /// The unclean leader has not begun yet; its log becomes the truth when it does.
    pub unclean_pending: bool,
}

impl Truth {
    pub fn new() -> Truth {
        Truth {
            records: Vec::new(),
            acked: Vec::new(),
            unclean_epoch: -1,
            unclean_pending: false,
        }
    }

    pub fn end(&self) -> i64 {
        self.records.len() as i64
    }

    /// Somebody who may be in a partition with losses that were accepted.
    pub fn is_void_for(&self, leader_epoch: i32) -> bool {
        leader_epoch < self.unclean_epoch || self.unclean_pending
    }

    /// An unclean leader begins: what it knows to be committed is what is left.
    pub fn restart_from(&mut self, log: &ReplicaLog, high_watermark: i64) {
        self.unclean_pending = false;
        self.records.resize(high_watermark as usize, Record::UNKNOWN);
        for (record, offset) in self.records.iter_mut().zip(0i64..) {
            *record = log.get(offset).unwrap_or(Record::UNKNOWN);
        }
        let records = &self.records;
        let is_kept =
            |offset: i64, value: u32| records.get(offset as usize).is_some_and(|record| record.value == value);
        self.acked.retain(|(offset, value)| is_kept(*offset, *value));
    }
}
