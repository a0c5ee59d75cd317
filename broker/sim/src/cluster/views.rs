//! What a node sees of root and shards, and how its replicas follow: each log with a lag of its own.

use std::sync::Arc;

use corelane_broker::{
    metadata::records::{PartitionState, Record},
    partition::replica::Input,
};

use super::{
    event_loop::{Cluster, Event},
    history::state_at,
    marks::Mark,
    replica_log::Batch,
    spread,
    timeline::Micros,
};

/// How far a node has applied each log.
#[derive(Clone, Debug, Default)]
pub struct Views {
    /// By log: root, then the shards. Entries applied.
    pub applied: Vec<usize>,
    /// A restart may show anything from here to `applied`: commits are learnt anew.
    pub floor: Vec<usize>,
    /// A look is planned.
    pub planned: Vec<bool>,
    /// Nothing is applied before.
    pub blind_until: Micros,
}

impl Views {
    pub fn new(logs: usize) -> Views {
        Views {
            applied: vec![0; logs],
            floor: vec![0; logs],
            planned: vec![false; logs],
            blind_until: 0,
        }
    }
}

impl Cluster {
    pub(super) fn draw_lag(&mut self) -> Micros {
        let broker = &self.plan.broker;
        let (most, long) = (broker.lag_max, broker.long_lag);
        let lag = spread(&mut self.random, 50, most);
        if !self.healed && long > 0 && self.random.chance(long, 1000) {
            lag * 30
        } else {
            lag
        }
    }

    pub(super) fn plan_look(&mut self, n: usize, log: usize) {
        let node = &self.nodes[n];
        if !node.up || node.views.planned[log] {
            return;
        }
        let (life, blind_until) = (node.life, node.views.blind_until);
        let at = (self.now() + self.draw_lag()).max(blind_until);
        self.nodes[n].views.planned[log] = true;
        self.timeline.plan(at, Event::Look { node: n, life, log });
    }

    /// The node applies some more entries of a log.
    pub(super) fn on_look(&mut self, n: usize, log: usize) {
        let (now, end) = (self.now(), self.history.end(log));
        let views = &mut self.nodes[n].views;
        views.planned[log] = false;
        if now < views.blind_until {
            return self.plan_look(n, log);
        }
        let from = views.applied[log];
        if from >= end {
            return;
        }
        let to = from + 1 + self.random.below((end - from) as u64) as usize;
        let keeps = self.random.chance(1, 4);
        let views = &mut self.nodes[n].views;
        views.applied[log] = to;
        if keeps {
            views.floor[log] = to;
        }
        self.steps += 1;
        let now = self.now();
        self.trace
            .event(now, self.steps, n, 6 << 40 | (log as u64) << 32 | to as u64, || {
                format!("applies log {log} up to {to} of {end}")
            });
        if log == 0 {
            for p in 0..self.topics.len() {
                self.tell_state(n, p);
            }
        } else {
            for entry in from..to {
                for place in 0..self.history.shards[log - 1].changed[entry].len() {
                    let p = self.history.shards[log - 1].changed[entry][place];
                    self.tell_state(n, p);
                }
            }
        }
        if to < end {
            self.plan_look(n, log);
        }
    }

    /// What this node sees of a partition; None if its topic is not here.
    pub(super) fn seen_state(&self, n: usize, p: usize) -> Option<&Arc<PartitionState>> {
        let info = &self.topics.partitions[p];
        let views = &self.nodes[n].views;
        let root = &self.history.roots[views.applied[0]];
        let shard = &self.history.shards[info.shard].images[views.applied[1 + info.shard]];
        state_at(root, shard, info)
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
        if self.nodes[n].views.applied[0] as u64 > created {
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

    pub(super) fn commit_root(&mut self, index: u64, term: u32, made: &[Record]) -> Result<(), String> {
        let root = (**self.history.root()).clone();
        let root = root.after_entry(index, term, made).map_err(|error| error.to_string())?;
        self.topics.learn(&root);
        self.history.roots.push(Arc::new(root));
        let partitions = self.topics.len();
        self.truths.resize_with(partitions, super::truth::Truth::new);
        self.latest.resize(partitions, None);
        self.invariants.resize_partitions(partitions);
        for node in &mut self.nodes {
            node.replicas.resize_with(partitions, || None);
            node.disk.replicas.resize(partitions, None);
        }
        Ok(())
    }

    pub(super) fn commit_shard(&mut self, shard: usize, index: u64, term: u32, made: &[Record]) -> Result<(), String> {
        let held = self.history.shard(shard).clone();
        let mut changed = Vec::new();
        for record in made {
            let record = match record {
                Record::PartitionRecord(record) => record,
                // How far the shard's leaders know root: of no partition.
                Record::RootSeen(_) => continue,
                other => return Err(format!("{other:?} in the log of shard {shard}")),
            };
            let key = corelane_broker::metadata::PartitionKey {
                topic_id: record.topic_id,
                partition: record.partition,
            };
            let Some(p) = self.topics.number(&key) else {
                return Err(format!("{key:?} was never created"));
            };
            self.observe_record(p, &record.state);
            changed.push(p);
        }
        let image = (*held).clone();
        let image = image
            .after_entry(index, term, made)
            .map_err(|error| error.to_string())?;
        let history = &mut self.history.shards[shard];
        history.images.push(Arc::new(image));
        history.changed.push(changed);
        Ok(())
    }

    /// A partition's next state, before it is the newest.
    fn observe_record(&mut self, p: usize, after: &PartitionState) {
        let info = self.topics.partitions[p];
        let Some(before) = self.latest[p].clone().or_else(|| self.history.state(&info).cloned()) else {
            return;
        };
        let verdict = self.invariants.partition_records.on_record(p, &before, after);
        self.judge("I8/I9", verdict);
        let chosen = after
            .leader
            .filter(|leader| before.leader.map(|held| held.node) != Some(leader.node));
        if let Some(leader) = chosen {
            self.marks.hit(Mark::LeaderElected);
            if before.elr.contains(&leader.node) {
                self.marks.hit(Mark::ElrElected);
            }
        }
        if after.unclean_epoch > before.unclean_epoch {
            self.marks.hit(Mark::UncleanElection);
            self.truths[p].unclean_pending = true;
            self.truths[p].unclean_epoch = after.unclean_epoch;
        }
        if after.leader.is_none() && before.leader.is_some() {
            self.marks.hit(Mark::LeftWithoutLeader);
        }
        if after.isr.is_empty() && after.elr.len() > 1 {
            self.marks.hit(Mark::ElrOfSeveral);
        }
        if before.replicas != after.replicas {
            self.marks.hit(Mark::SlotsChanged);
        }
        if before.is_reassigning() && !after.is_reassigning() {
            self.marks.hit(Mark::ReassignmentDone);
        }
        self.latest[p] = Some(Arc::new(after.clone()));
    }
}
