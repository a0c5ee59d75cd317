//! I20: when an acknowledgement leaves, the disk knows its epoch and everything that it acknowledges; when a leader moves
//! its high watermark, its disk knows the epoch. A restart in the next moment must not forget either.

use super::{super::replica_log::ReplicaLog, Verdict};

#[derive(Debug)]
pub struct DurableFloor;

impl DurableFloor {
    pub fn on_ack(&self, partition: usize, node: usize, leader_epoch: i32, end: i64, disk: &ReplicaLog) -> Verdict {
        // A newer epoch may have truncated since; its floor then forbids everything that the ack could be used for.
        if disk.floor > leader_epoch || (disk.floor == leader_epoch && disk.end() >= end) {
            return Ok(());
        }
        Err(format!(
            "partition {partition}: node {node} acknowledges {end} in epoch {leader_epoch}, while its disk has {} and \
             the floor {}",
            disk.end(),
            disk.floor
        ))
    }

    pub fn on_commit(&self, partition: usize, node: usize, leader_epoch: i32, disk: &ReplicaLog) -> Verdict {
        if disk.floor >= leader_epoch {
            return Ok(());
        }
        Err(format!(
            "partition {partition}: node {node} commits in epoch {leader_epoch}, while its disk has the floor {}",
            disk.floor
        ))
    }
}
