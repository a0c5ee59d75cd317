//! After the heal, fault-free: what must come about (L1 to L5), and whether it has.

use super::{event_loop::Cluster, group::Group, invariants::shard_log_alone, timeline::Micros};

impl Cluster {
    /// How long a follower that holds nothing may take to copy the longest log: in the smallest plans appends are one
    /// record, round trips long, and the load was more than that carries.
    pub(super) fn backlog_takes(&self) -> Micros {
        let hosts = self.nodes.iter().flat_map(|node| node.replicas.iter().flatten());
        // A node that just started has not opened its logs yet.
        let disks = self.nodes.iter().flat_map(|node| node.disk.replicas.iter().flatten());
        let logs = hosts.map(|host| &host.log).chain(disks);
        let records = logs.map(|log| log.end() - log.start).max().unwrap_or(0);
        let round_trip = 2 * self.plan.network.delay_max + self.plan.disk.write_max;
        records as u64 / self.plan.replica.append_max as u64 * round_trip
    }

    /// What is still missing; None when the cluster is as a healthy one is.
    pub(super) fn unrest(&self) -> Option<String> {
        let groups = (0..self.plan.groups()).find_map(|g| self.group_unrest(g));
        groups
            .or_else(|| self.broker_unrest())
            .or_else(|| (0..self.topics.len()).find_map(|p| self.partition_unrest(p)))
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
            let has_all = |group: &Group| group.raft.commit() >= commit && group.raft.durable_end() >= commit;
            !node.groups.get(g).is_some_and(has_all)
        });
        behind.map(|node| format!("L5: node {} is behind in group {g}", node.id))
    }

    /// Every broker serves, and sees all that was committed.
    fn broker_unrest(&self) -> Option<String> {
        if !self.plan.replicates() {
            return None;
        }
        for node in &self.nodes {
            if !node.up {
                return Some(format!("L4: node {} is still shutting down", node.id));
            }
            let broker = self.history.root().broker(node.id as i32);
            if !broker.is_some_and(|broker| broker.is_active() && Some(broker.broker_epoch) == node.broker.epoch) {
                return Some(format!("L5: node {} is not in service: {broker:?}", node.id));
            }
            if (0..self.plan.logs()).any(|log| node.views.applied(log) < self.history.end(log)) {
                return Some(format!("L5: node {} does not see all that was committed", node.id));
            }
        }
        None
    }

    /// L2: who could lead does. L3: the ISR is full. L4: reassignments and deletions are done.
    fn partition_unrest(&self, p: usize) -> Option<String> {
        let Some(state) = self.history.state(&self.topics.partitions[p]) else {
            let left = self.nodes.iter().find(|node| node.replicas[p].is_some());
            return left.map(|node| format!("L4: node {} still has the deleted partition {p}", node.id));
        };
        let Some(leader) = state.leader else {
            let could = state.isr.len() + state.elr.len();
            // With nobody left who is complete, only an unclean election helps, and that is the operator's decision.
            return (could > 0).then(|| format!("L2: partition {p} has no leader: {state:?}"));
        };
        if state.is_reassigning() {
            return Some(format!("L4: partition {p} is still being reassigned: {state:?}"));
        }
        if state.isr.len() < state.replicas.len() || state.recovering {
            return Some(format!("L3: the ISR of partition {p} is not full: {state:?}"));
        }
        let host = self.nodes[leader.node as usize].replicas[p].as_ref();
        let Some(host) =
            host.filter(|host| host.replica.is_leader() && host.replica.leader_epoch() == state.leader_epoch)
        else {
            return Some(format!("L2: node {} does not lead partition {p}", leader.node));
        };
        if host.replica.high_watermark() < host.log.end() {
            let (high_watermark, end) = (host.replica.high_watermark(), host.log.end());
            return Some(format!("L3: partition {p} has committed {high_watermark} of {end}"));
        }
        if !host.producers.is_empty() {
            return Some(format!("L3: producers of partition {p} wait for an answer"));
        }
        let behind = state.replicas.iter().map(|slot| slot.node as usize).find(|n| {
            let other = self.nodes[*n].replicas[p].as_ref();
            // A tail of an older epoch, and a high watermark that is late, stay until the next append: nobody reads there.
            other.is_none_or(|other| other.log.end() < host.log.end())
        });
        behind.map(|n| format!("L5: node {n} is behind in partition {p}"))
    }

    /// What can only be judged when all is at rest.
    pub(super) fn check_at_rest(&mut self) {
        for p in 0..self.topics.len() {
            let state = self.history.state(&self.topics.partitions[p]);
            let leader = state.and_then(|state| state.leader).map(|leader| leader.node as usize);
            let Some(host) = leader.and_then(|n| self.nodes[n].replicas[p].as_ref()) else {
                continue;
            };
            let truth = &self.truths[p];
            let verdict = truth.is_held_by(&host.log);
            let acked = truth.are_acked_readable(&host.log, host.replica.high_watermark());
            let equal = self
                .nodes
                .iter()
                .filter_map(|node| node.replicas[p].as_ref())
                .all(|other| {
                    let start = other.log.start.max(host.log.start);
                    (start..host.log.end()).all(|offset| other.log.get(offset) == host.log.get(offset))
                });
            self.judge("I16", verdict.map_err(|what| format!("partition {p}: {what}")));
            self.judge("I18", acked.map_err(|what| format!("partition {p}: {what}")));
            let differ = || format!("the replicas of partition {p} differ at rest");
            self.judge("I15", if equal { Ok(()) } else { Err(differ()) });
        }
        let verdict = shard_log_alone(&self.history, &self.topics);
        self.judge("I11/I12", verdict);
    }
}
