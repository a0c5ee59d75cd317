//! I8 and I9: what a shard's log may say of a partition. Checked here once more than by the images themselves, from the
//! design's text: partition epochs are dense, leader epochs never decrease and grow with every other leader, incarnation
//! or disk; ISR and ELR are disjoint replicas, a full ISR leaves no ELR, and a leader is in the ISR.

use corelane_broker::metadata::records::PartitionState;

use super::Verdict;

#[derive(Debug)]
pub struct PartitionRecords;

impl PartitionRecords {
    pub fn on_record(&self, partition: usize, before: &PartitionState, after: &PartitionState) -> Verdict {
        let replica = |node: &i32| after.replicas.iter().any(|replica| replica.node == *node);
        let disks_moved = after.replicas.iter().any(|slot| {
            before
                .replica(slot.node)
                .is_some_and(|held| held.storage_id != slot.storage_id)
        });
        let bumps = after.leader != before.leader || disks_moved;
        let broken = if after.partition_epoch != before.partition_epoch + 1 {
            "partition epochs are dense"
        } else if after.leader_epoch < before.leader_epoch {
            "leader epochs never decrease"
        } else if bumps && after.leader_epoch == before.leader_epoch {
            "another leader or disk has another leader epoch"
        } else if !after.isr.iter().chain(&after.elr).all(replica) {
            "ISR and ELR are replicas"
        } else if after.elr.iter().any(|node| after.isr.contains(node)) {
            "ISR and ELR are disjoint"
        } else if after.isr.len() >= usize::from(after.min_isr) && !after.elr.is_empty() {
            "a full ISR leaves no ELR"
        } else if after.leader.is_some_and(|leader| !after.isr.contains(&leader.node)) {
            "the leader is in the ISR"
        } else {
            return Ok(());
        };
        Err(format!("partition {partition}: {broken}: {before:?}, then {after:?}"))
    }
}
