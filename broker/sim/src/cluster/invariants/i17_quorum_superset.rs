//! I17 (ReplicationQuorumSuperset of the KIP-966 models): whoever the controller may elect counts for the high watermark of
//! the leader that is in office. Seen on the disks: what such a leader commits is durable on every member of the newest
//! ISR and ELR at that moment, and not only when one of them is elected (I16).

use corelane_broker::metadata::records::PartitionState;

use super::{super::node::Node, Verdict};

#[derive(Debug)]
pub struct QuorumSuperset;

impl QuorumSuperset {
    /// The leader of this newest state committed the records `from..to` of its log.
    pub fn on_commit(
        &self,
        partition: usize,
        state: &PartitionState,
        (from, to): (i64, i64),
        leader: &Node,
        nodes: &[Node],
    ) -> Verdict {
        if state.isr.len() < usize::from(state.min_isr) {
            return Ok(());
        }
        let Some(host) = &leader.replicas[partition] else {
            return Ok(());
        };
        for slot in &state.replicas {
            let node = &nodes[slot.node as usize];
            let counts = state.isr.contains(&slot.node) || state.elr.contains(&slot.node);
            let Some(disk) = &node.disk.replicas[partition] else {
                continue;
            };
            // Another disk under this node id is not the member.
            if !counts || slot.storage_id.as_u128() != node.storage_id {
                continue;
            }
            let missing = (from.max(disk.start)..to).find(|offset| disk.get(*offset) != host.log.get(*offset));
            if let Some(offset) = missing {
                return Err(format!(
                    "partition {partition}: node {} commits offset {offset}, which node {} of ISR {:?} and ELR {:?} has as \
                     {:?} on its disk",
                    leader.id,
                    node.id,
                    state.isr,
                    state.elr,
                    disk.get(offset)
                ));
            }
        }
        Ok(())
    }
}
