//! Records: leaders append and commit, followers copy, members are proposed, states are seen.

use std::collections::BTreeMap;

use super::{Met, cluster::Cluster, replica::Leadership};
use crate::metadata::shard::{AlterPartition, ShardWish};

impl Cluster {
    pub(super) fn produce(&mut self, node: i32) {
        let process = &self.processes[node as usize - 1];
        if let Some(leadership) = &process.leads {
            let log = &mut self.disks.get_mut(&process.storage).expect("its disk").log;
            log.push(leadership.epoch);
        }
    }

    /// The follower takes the leader's log over, unless it took part in a newer epoch.
    pub(super) fn replicate(&mut self, leader: i32, follower: i32) {
        let (from, to) = (
            &self.processes[leader as usize - 1],
            &self.processes[follower as usize - 1],
        );
        let Some(leadership) = from.leads.as_ref().filter(|_| leader != follower) else {
            return;
        };
        let (epoch, log) = (leadership.epoch, self.disks[&from.storage].log.clone());
        let member = (follower, to.storage_id());
        let disk = self.disks.get_mut(&to.storage).expect("its disk");
        if disk.floor > epoch || to.leads.as_ref().is_some_and(|led| led.epoch >= epoch) {
            return;
        }
        disk.floor = epoch;
        disk.log = log;
        let end = disk.log.len();
        let from = &mut self.processes[leader as usize - 1];
        let leadership = from.leads.as_mut().expect("it leads");
        leadership.matched.insert(member, end);
        self.processes[follower as usize - 1].leads = None;
    }

    /// The leader commits what all have who count.
    pub(super) fn advance(&mut self, node: i32, met: &mut Met) {
        let process = &mut self.processes[node as usize - 1];
        let (state, log) = (&self.states[process.seen], &self.disks[&process.storage].log);
        let Some(leadership) = &mut process.leads else {
            return;
        };
        let Some(end) = leadership.committed_end(state, node, log.len()) else {
            return;
        };
        leadership.high_watermark = leadership.high_watermark.max(end);
        let shared = end.min(self.committed.len());
        assert_eq!(
            log[..shared],
            self.committed[..shared],
            "node {node} contradicts what was committed"
        );
        if end > self.committed.len() {
            met.committed += end - self.committed.len();
            self.committed = log[..end].to_vec();
        }
    }

    pub(super) fn see_newer_state(&mut self, node: i32, met: &mut Met) {
        let process = &mut self.processes[node as usize - 1];
        if process.seen + 1 < self.states.len() {
            process.seen += 1;
            self.adopt(node, met);
        }
    }

    /// Leads, follows, or waits, as the state says that it has seen.
    pub(super) fn adopt(&mut self, node: i32, met: &mut Met) {
        let process = &mut self.processes[node as usize - 1];
        let state = &self.states[process.seen];
        let disk = self.disks.get_mut(&process.storage).expect("its disk");
        let goes_on = process
            .leads
            .as_ref()
            .is_some_and(|led| led.epoch == state.leader_epoch);
        if !process.may_lead(state) {
            if state.leader_epoch > disk.floor {
                process.leads = None;
            }
            return;
        }
        if let Some(leadership) = process.leads.as_mut().filter(|_| goes_on) {
            leadership.proposed = None;
            return;
        }
        if state.leader_epoch <= disk.floor {
            return;
        }
        met.elections += 1;
        let is_newest = state.leader_epoch == self.states.last().expect("a state").leader_epoch;
        let held = disk.log.len().min(self.committed.len());
        assert!(
            !is_newest || disk.log[..held] == self.committed[..],
            "node {node} leads without what was committed: {state:?}"
        );
        disk.floor = state.leader_epoch;
        process.leads = Some(Leadership {
            epoch: state.leader_epoch,
            epoch_start: disk.log.len(),
            matched: BTreeMap::new(),
            high_watermark: 0,
            proposed: None,
        });
    }

    pub(super) fn propose(&mut self, leader: i32, node: i32) {
        let disk_of = self.processes[node as usize - 1].storage_id();
        let process = &mut self.processes[leader as usize - 1];
        let (state, me) = (&self.states[process.seen], (leader, process.storage_id()));
        let broker_epoch = process.broker_epoch.unwrap_or(0);
        let Some(leadership) = process.leads.as_mut().filter(|_| leader != node) else {
            return;
        };
        if state.replica(node).is_some() && leadership.epoch == state.leader_epoch {
            let change = leadership.propose(state, node, disk_of, me);
            self.sent.extend(change.map(|change| (leader, broker_epoch, change)));
        }
    }

    /// Any of the wishes arrives, perhaps not for the last time.
    pub(super) fn deliver(&mut self, met: &mut Met) {
        if self.sent.is_empty() {
            return;
        }
        let at = self.random.below(self.sent.len());
        let (node, broker_epoch, change) = match self.random.below(4) {
            0 => self.sent[at].clone(),
            _ => self.sent.swap_remove(at),
        };
        let partitions = vec![change];
        let wish = AlterPartition {
            node,
            broker_epoch,
            partitions,
        };
        self.ask_shard(ShardWish::AlterPartition(wish), met);
    }
}
