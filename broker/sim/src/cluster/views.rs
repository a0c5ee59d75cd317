//! What a node sees of root and shards, and how its replicas follow.

use std::sync::Arc;

use corelane_broker::{
    metadata::{RootImage, ShardImage, records::PartitionState},
    partition::replica::Input,
};

use super::{event_loop::Cluster, history::state_at, marks::Mark, replica_log::Batch};

/// The images that a node made of what it applied of each log.
#[derive(Clone, Debug)]
pub struct Views {
    pub root: Arc<RootImage>,
    pub shards: Vec<Arc<ShardImage>>,
}

impl Views {
    pub fn new(shards: usize) -> Views {
        Views {
            root: Arc::default(),
            shards: vec![Arc::default(); shards],
        }
    }

    /// Entries applied of log 0 (root) or `1 + shard`.
    pub fn applied(&self, log: usize) -> usize {
        match log {
            0 => self.root.applied_end as usize,
            _ => self.shards[log - 1].applied_end as usize,
        }
    }
}

impl Cluster {
    /// What this node sees of a partition; None if its topic is not here.
    pub(super) fn seen_state(&self, n: usize, p: usize) -> Option<&Arc<PartitionState>> {
        let info = &self.topics.partitions[p];
        let views = &self.nodes[n].views;
        state_at(&views.root, &views.shards[info.shard], info)
    }

    /// The node applied the entries `from..to` of a log.
    pub(super) fn tell_changes(&mut self, n: usize, log: usize, from: usize, to: usize) {
        let Some(shard) = log.checked_sub(1) else {
            return self.tell_all(n);
        };
        for entry in from..to {
            for place in 0..self.history.shards[shard].changed[entry].len() {
                let p = self.history.shards[shard].changed[entry][place];
                self.tell_state(n, p);
            }
        }
    }

    pub(super) fn tell_all(&mut self, n: usize) {
        for p in 0..self.topics.len() {
            self.tell_state(n, p);
        }
    }

    /// Tells the node's replica of a partition what it sees, if that is new; opens and drops replicas as it says.
    pub(super) fn tell_state(&mut self, n: usize, p: usize) {
        let Some(state) = self.seen_state(n, p).cloned() else {
            self.drop_if_deleted(n, p);
            return;
        };
        if state.replica(n as i32).is_none() {
            self.drop_if_unassigned(n, p, &state);
            return;
        }
        if self.nodes[n].replicas[p].is_none() {
            self.open_replica(n, p);
        }
        let host = self.nodes[n].replicas[p].as_mut().expect("just opened");
        if host.told == state.partition_epoch {
            return;
        }
        host.told = state.partition_epoch;
        self.step_replica(n, p, Input::State(&state), &Batch::default());
    }

    /// A topic that is not in root's image is gone, or is not here yet.
    fn drop_if_deleted(&mut self, n: usize, p: usize) {
        let created = self.topics.partitions[p].create_index;
        if self.nodes[n].views.root.applied_end > created {
            self.drop_replica(n, p, Mark::DeletedReplicaDropped);
        }
    }

    /// The state says that this node is no replica any more: its log goes, unless the disk took part in a newer epoch than
    /// that state's. An old view must not destroy what a newer one asked for.
    fn drop_if_unassigned(&mut self, n: usize, p: usize, state: &PartitionState) {
        let floor = match &self.nodes[n].replicas[p] {
            Some(host) => host.replica.epoch_floor(),
            None => self.nodes[n].disk.replicas[p].as_ref().map_or(-1, |disk| disk.floor),
        };
        if state.leader_epoch < floor && self.plan.rules.host.old_views_drop_nothing {
            self.marks.hit(Mark::OldViewDropsNothing);
            return;
        }
        self.drop_replica(n, p, Mark::UnassignedReplicaDropped);
    }

    fn drop_replica(&mut self, n: usize, p: usize, mark: Mark) {
        if self.nodes[n].replicas[p].take().is_some() {
            self.marks.hit(mark);
        }
        self.nodes[n].disk.replicas[p] = None;
    }
}
