//! Leadership of one shard's partitions: wishes and changes of root become Partition records. Pure.
//!
//! Safety is local to the shard's log: every decision is made from the partition's own newest state, and names replicas
//! with their disks and leaders with their incarnation. Root says who lives; a root image that is old costs time only.

mod alter_partition;
mod build;
mod concerned;
mod elect_leaders;
mod reassign;
mod reconcile;
mod view;
mod wish;

use super::{
    decide::{ConfigRules, WishError},
    image::{ApplyError, Partition, ShardImage},
    placement::PartitionKey,
    records::{PartitionRecord, Record},
};

pub use build::{Assignment, Election, Target, build};
pub use concerned::Concerned;
pub use elect_leaders::balance;
pub use reconcile::reconcile;
pub use view::{ShardView, keys_of, keys_of_shard};
pub use wish::{AlterPartition, AlterReassignments, ElectLeaders, ElectionType, IsrChange, ShardAnswer, ShardWish};

/// Records to commit, and what to answer once they are. `index` is the next one of the shard's log.
pub fn decide(
    view: &ShardView<'_>,
    wish: &ShardWish,
    index: u64,
    config_rules: &dyn ConfigRules,
) -> Result<(Vec<Record>, ShardAnswer), WishError> {
    let mut items = Items::new(view, index);
    let answer = match wish {
        ShardWish::AlterPartition(wish) => {
            alter_partition::check_sender(view, wish)?;
            let alter = |change: &IsrChange| {
                let (record, answer) = alter_partition::alter(&items.view(), wish, change, config_rules);
                items.records.extend(record);
                (change.key, answer)
            };
            ShardAnswer::PartitionsAltered(wish.partitions.iter().map(alter).collect())
        }
        ShardWish::ElectLeaders(wish) => {
            let elect = |key: &PartitionKey| {
                let elected = elect_leaders::elect(&items.view(), key, wish.election);
                (*key, elected.map(|record| items.records.push(record)))
            };
            ShardAnswer::LeadersElected(wish.partitions.iter().map(elect).collect())
        }
        ShardWish::AlterReassignments(wish) => {
            let factor_may_change = wish.allow_replication_factor_change;
            let alter = |(key, nodes): &(PartitionKey, Option<Vec<i32>>)| {
                let altered = reassign::reassign(&items.view(), key, nodes.as_deref(), factor_may_change, config_rules);
                (*key, altered.map(|record| items.records.extend(record)))
            };
            ShardAnswer::ReassignmentsAltered(wish.partitions.iter().map(alter).collect())
        }
    };
    Ok((items.records, answer))
}

/// Items of one wish see each other: a partition that is named twice is changed twice, one change after the other. Most
/// wishes have one item, and need no overlay.
struct Items<'a> {
    on: ShardView<'a>,
    overlay: Option<ShardImage>,
    index: u64,
    records: Vec<Record>,
    /// How many of the records the overlay has.
    applied: usize,
}

impl<'a> Items<'a> {
    fn new(on: &ShardView<'a>, index: u64) -> Items<'a> {
        Items {
            on: *on,
            overlay: None,
            index,
            records: Vec::new(),
            applied: 0,
        }
    }

    fn view(&mut self) -> ShardView<'_> {
        for record in &self.records[self.applied..] {
            let overlay = self.overlay.get_or_insert_with(|| self.on.shard.clone());
            // A record that does not fit is found by whoever puts the round together.
            let _: Result<(), ApplyError> = overlay.apply(self.index, record);
        }
        self.applied = self.records.len();
        self.on.on(self.overlay.as_ref().unwrap_or(self.on.shard))
    }
}

fn record(key: &PartitionKey, state: &Partition) -> Record {
    Record::from(PartitionRecord {
        topic_id: key.topic_id,
        partition: key.partition,
        state: state.clone(),
    })
}
