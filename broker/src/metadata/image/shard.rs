//! Leadership: of each partition of one shard the newest state, where it is not the initial one any more. As of one index
//! of the shard's log.
//!
//! A state comes from the shard's own records alone, never from root, so that a node whose root image is old or new has
//! the same states. Root only says which of them are to be seen: an override may be here before its topic is (kept, not
//! visible), and after it was removed (garbage).

use std::sync::Arc;

use super::{
    super::{
        chunk_map::ChunkMap,
        placement::PartitionKey,
        records::{PartitionRecord, Record},
    },
    ApplyError, Partition, check_next,
    partition::{check_state, check_successor},
    root::RootImage,
};

#[derive(Clone, Debug, Default, PartialEq)]
pub struct ShardImage {
    /// Entries applied: the index after the last one.
    pub applied_end: u64,
    /// Raft's term of the last one.
    pub applied_term: u32,
    /// As far as root was known to who made any of these states.
    pub root_end: u64,
    overrides: ChunkMap<PartitionKey, Arc<Partition>>,
}

impl ShardImage {
    /// The image after the entry at `index` of the shard's own log.
    pub fn after_entry(mut self, index: u64, term: u32, records: &[Record]) -> Result<ShardImage, ApplyError> {
        check_next(index, self.applied_end)?;
        for record in records {
            self.apply(index, record)?;
        }
        self.applied_end = index + 1;
        self.applied_term = term;
        Ok(self)
    }

    /// One record of the entry at `index`. Also builds the overlay on which a round of wishes is decided.
    pub fn apply(&mut self, index: u64, record: &Record) -> Result<(), ApplyError> {
        let applied = match record {
            Record::PartitionRecord(record) => self.set_partition(record),
            Record::RootSeen(seen) if seen.end > self.root_end => {
                self.root_end = seen.end;
                Ok(())
            }
            Record::RootSeen(seen) => Err(format!(
                "root was known to {} before, now to {}",
                self.root_end, seen.end
            )),
            other => Err(format!("{other:?} belongs to the root log")),
        };
        applied.map_err(|what| ApplyError { index, what })
    }

    pub fn get(&self, key: &PartitionKey) -> Option<&Arc<Partition>> {
        self.overrides.get(key)
    }

    pub fn len(&self) -> usize {
        self.overrides.len()
    }

    pub fn is_empty(&self) -> bool {
        self.overrides.is_empty()
    }

    /// In order of keys, the invisible ones too.
    pub fn iter(&self) -> impl Iterator<Item = (&PartitionKey, &Arc<Partition>)> {
        self.overrides.iter()
    }

    /// Whether who made these states knew that much of root. What such an image lacks may be missing in a snapshot: from
    /// there on a leader decides on a partition without a state of this log only when it knows as much itself.
    pub fn has_seen(&self, root: &RootImage) -> bool {
        root.applied_end <= self.root_end
    }

    /// Without what root says is gone for good: nobody asks for such an override any more.
    #[must_use]
    pub fn without_garbage(&self, root: &RootImage) -> ShardImage {
        let mut kept = self.clone();
        for (key, state) in self.iter() {
            if is_garbage(root, key, state.create_index) {
                kept.overrides.remove(key);
            }
        }
        kept
    }

    pub(in super::super) fn overrides(&self) -> &ChunkMap<PartitionKey, Arc<Partition>> {
        &self.overrides
    }

    fn set_partition(&mut self, record: &PartitionRecord) -> Result<(), String> {
        let key = PartitionKey {
            topic_id: record.topic_id,
            partition: record.partition,
        };
        let checked = match self.overrides.get(&key) {
            Some(held) => check_successor(held, &record.state),
            // The predecessor is the initial state, or was dropped with its topic: a leader that had not heard of the
            // removal may still write a successor.
            None => check_state(&record.state),
        };
        checked.map_err(|what| format!("{} {}: {what}", key.topic_id, key.partition))?;
        self.overrides.insert(key, Arc::new(record.state.clone()));
        Ok(())
    }
}

/// Whether a partition that was made by the root entry at `create_index` is gone for good. One that is absent from an
/// image that does not reach that entry is merely early. Topic ids are never used twice, so a topic made anew under the
/// old name is another.
pub fn is_garbage(root: &RootImage, key: &PartitionKey, create_index: u64) -> bool {
    let exists = root
        .topic(key.topic_id)
        .is_some_and(|topic| topic.has_partition(key.partition));
    root.applied_end > create_index && !exists
}
