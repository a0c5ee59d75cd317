//! The committed logs grow: each entry once, when it is heard of first.

use std::sync::Arc;

use corelane_broker::metadata::{
    PartitionKey,
    records::{PartitionState, Record},
};

use super::{event_loop::Cluster, marks::Mark, truth::Truth};

impl Cluster {
    pub(super) fn commit(&mut self, log: usize, index: u64, term: u32, made: &[Record]) -> Result<(), String> {
        match log.checked_sub(1) {
            None => self.commit_root(index, term, made),
            Some(shard) => self.commit_shard(shard, index, term, made),
        }
    }

    fn commit_root(&mut self, index: u64, term: u32, made: &[Record]) -> Result<(), String> {
        let root = (**self.history.root()).clone();
        let root = root.after_entry(index, term, made).map_err(|error| error.to_string())?;
        self.topics.learn(&root);
        self.history.roots.push(Arc::new(root));
        let partitions = self.topics.len();
        self.truths.resize_with(partitions, Truth::new);
        self.latest.resize(partitions, None);
        self.invariants.resize_partitions(partitions);
        for node in &mut self.nodes {
            node.replicas.resize_with(partitions, || None);
            node.disk.replicas.resize(partitions, None);
        }
        Ok(())
    }

    fn commit_shard(&mut self, shard: usize, index: u64, term: u32, made: &[Record]) -> Result<(), String> {
        let held = self.history.shard(shard).clone();
        let mut changed = Vec::new();
        for record in made {
            let record = match record {
                Record::PartitionRecord(record) => record,
                // How far the shard's leaders know root: of no partition.
                Record::RootSeen(_) => continue,
                other => return Err(format!("{other:?} in the log of shard {shard}")),
            };
            let key = PartitionKey {
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
