//! For tests: one log that holds the records of root and of all shards, so that a story needs no second one.

use std::sync::Arc;

use crate::metadata::{Image, Record, image::ApplyError, placement::shard_of};

impl Image {
    /// The view after the entry at `index` of a log that holds the records of root and of all shards. The shards' own
    /// indexes stay, since the entry is none of their logs.
    pub fn after_entry(mut self, index: u64, term: u32, records: &[Record]) -> Result<Image, ApplyError> {
        let (of_shards, of_root): (Vec<Record>, Vec<Record>) = records
            .iter()
            .cloned()
            .partition(|record| matches!(record, Record::PartitionRecord(_)));
        self.root = Arc::new(Arc::unwrap_or_clone(self.root).after_entry(index, term, &of_root)?);
        for record in &of_shards {
            self.apply(index, record)?;
        }
        Ok(self)
    }

    /// One record of root or of any shard.
    pub fn apply(&mut self, index: u64, record: &Record) -> Result<(), ApplyError> {
        let Record::PartitionRecord(partition) = record else {
            return Arc::make_mut(&mut self.root).apply(index, record);
        };
        let shard = shard_of(partition.topic_id, partition.partition, self.shard_count);
        if self.shard(shard).is_none() {
            self.set_shard(shard, Arc::default());
        }
        let shards = Arc::make_mut(&mut self.shards);
        Arc::make_mut(&mut shards[usize::from(shard)]).apply(index, record)
    }
}
