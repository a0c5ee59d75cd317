//! The committed offsets of one coordinator: only what is durable.
//!
//! Order among commits is the order of the log. Each entry keeps the append that wrote it, so that an answer that comes
//! late can never put an older offset over a newer one.

use std::collections::BTreeMap;

use uuid::Uuid;

use super::{GroupId, event::AppendToken};

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct CommittedOffset {
    pub offset: i64,
    /// -1 when the client did not say.
    pub leader_epoch: i32,
    pub metadata: String,
    pub commit_timestamp_ms: i64,
    /// Only from commits that asked for their own retention (OffsetCommit up to version 4).
    pub expire_timestamp_ms: Option<i64>,
    /// Of the topic that it was committed for; nil if unknown. Another topic may have the name by now.
    pub topic_id: Uuid,
    /// Which append wrote it; appends of this coordinator count up from above every loaded one.
    pub written_by: AppendToken,
}

pub(super) type TopicOffsets = BTreeMap<String, BTreeMap<i32, CommittedOffset>>;

#[derive(Default)]
pub(super) struct Offsets {
    by_group: BTreeMap<GroupId, TopicOffsets>,
}

impl Offsets {
    pub fn get(&self, group_id: &str, topic: &str, partition: i32) -> Option<&CommittedOffset> {
        self.by_group.get(group_id)?.get(topic)?.get(&partition)
    }

    pub fn of_group(&self, group_id: &str) -> Option<&TopicOffsets> {
        self.by_group.get(group_id)
    }

    pub fn put(&mut self, group_id: &GroupId, topic: &str, partition: i32, committed: CommittedOffset) {
        if self
            .get(group_id, topic, partition)
            .is_some_and(|current| current.written_by > committed.written_by)
        {
            return;
        }
        let topics = self.by_group.entry(group_id.clone()).or_default();
        match topics.get_mut(topic) {
            Some(partitions) => partitions.insert(partition, committed),
            None => topics
                .entry(topic.to_string())
                .or_default()
                .insert(partition, committed),
        };
    }

    /// Applies the tombstone that `written_by` wrote.
    pub fn remove(&mut self, group_id: &str, topic: &str, partition: i32, written_by: AppendToken) {
        let Some(topics) = self.by_group.get_mut(group_id) else {
            return;
        };
        let Some(partitions) = topics.get_mut(topic) else {
            return;
        };
        if partitions
            .get(&partition)
            .is_some_and(|current| current.written_by <= written_by)
        {
            partitions.remove(&partition);
        }
        if partitions.is_empty() {
            topics.remove(topic);
        }
        if topics.is_empty() {
            self.by_group.remove(group_id);
        }
    }

    pub fn groups(&self) -> impl Iterator<Item = (&GroupId, &TopicOffsets)> {
        self.by_group.iter()
    }
}
