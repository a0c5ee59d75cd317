//! After the heal, fault-free: what must come about, and whether it has.

use super::event_loop::Cluster;

impl Cluster {
    /// What is still missing; None when the cluster is as a healthy one is.
    pub(super) fn unrest(&self) -> Option<String> {
        (0..self.plan.groups()).find_map(|g| self.group_unrest(g))
    }

    /// L1: every group has a leader. L5: everybody has all that was committed.
    fn group_unrest(&self, g: usize) -> Option<String> {
        let Some(leader) = self.group_leader(g) else {
            return Some(format!("L1: group {g} has no leader"));
        };
        let raft = &self.nodes[leader].groups[g].raft;
        if !raft.is_ready_leader() {
            return Some(format!("L1: the leader of group {g} is not ready"));
        }
        if raft.voters() != &self.voters {
            return Some(format!("L4: group {g} still has the voters {:?}", raft.voters()));
        }
        let commit = raft.commit();
        let behind = self.nodes.iter().find(|node| {
            let group = &node.groups[g];
            group.raft.commit() < commit || group.raft.durable_end() < commit
        });
        behind.map(|node| format!("L5: node {} is behind in group {g}", node.id))
    }
}
