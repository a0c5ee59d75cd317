//! Where the logs of root and shards come from: from raft groups (`machines.rs`), or from nowhere (`perfect_logs.rs`).
//! Controllers, brokers and replicas do not see which.

use bytes::Bytes;
use corelane_raft::Input;

use super::{controllers::Images, event_loop::Cluster};

impl Cluster {
    /// Whose controller decides a log's next entry, if anybody's does.
    pub(super) fn controller_of(&self, log: usize) -> Option<usize> {
        if self.plan.has_groups() {
            self.group_leader(log)
        } else {
            Some(self.seats[log].node)
        }
    }

    /// Whom a node takes for it; while it knows nobody, it tries anybody.
    pub(super) fn controller_seen_by(&mut self, n: usize, log: usize) -> usize {
        if !self.plan.has_groups() {
            return self.seats[log].node;
        }
        match self.nodes[n].groups[log].raft.leader() {
            Some(leader) => leader.node as usize,
            None => self.random.below(self.nodes.len() as u64) as usize,
        }
    }

    /// What a node's controller decides on.
    pub(super) fn images_for(&self, n: usize, log: usize) -> Images {
        if !self.plan.has_groups() {
            return self.perfect_images(log);
        }
        let views = &self.nodes[n].views;
        Images {
            root: views.root.clone(),
            shard: log.checked_sub(1).map(|shard| views.shards[shard].clone()),
        }
    }

    /// Index of the entry that a node's controller may propose now.
    pub(super) fn next_entry(&self, n: usize, log: usize) -> Option<u64> {
        if !self.plan.has_groups() {
            return Some(self.history.end(log) as u64);
        }
        let raft = &self.nodes[n].groups[log].raft;
        let end = raft.last().end;
        let is_free = raft.is_ready_leader() && raft.transferring_to().is_none();
        (is_free && self.nodes[n].views.applied(log) as u64 == end).then_some(end)
    }

    /// The entry at `index`, which is the next one.
    pub(super) fn propose(&mut self, n: usize, log: usize, index: u64, value: Bytes) {
        if !self.plan.has_groups() {
            return self.commit_at_once(n, log, &value);
        }
        self.step_group(n, log, Input::Propose(value));
        let end = self.nodes[n].groups[log].raft.last().end;
        assert_eq!(end, index + 1, "a ready leader takes a proposal");
    }
}
