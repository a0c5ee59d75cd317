//! Offsets nobody needs any more (KIP-211; Kafka: `ClassicGroup.offsetExpirationCondition`, `cleanupGroupMetadata`).
//!
//! | group | its offsets expire |
//! |---|---|
//! | without protocol type (only simple commits) | retention after their commit |
//! | Empty | retention after it became empty |
//! | Stable consumer group, topic not subscribed | retention after their commit |
//! | other | never |
//!
//! An Empty group without offsets goes too. The search runs in slices of a bounded number of groups, each with its own
//! append, so that a partition with many groups does not hold up the core.

use std::ops::Bound;

use super::{
    GroupId,
    classic::{CONSUMER, Group, State},
    coordinator::Coordinator,
    event::GroupRecord,
    offsets::CommittedOffset,
    outbox::Purpose,
    records,
    timers::TimerKey,
};

/// Groups looked at in one step.
const GROUPS_PER_STEP: usize = 64;
/// A step stops early at this many tombstones.
const TOMBSTONES_PER_STEP: usize = 1_000;

impl Coordinator {
    pub(super) fn schedule_expiry(&mut self) {
        let interval_ms = self.out.config.offsets_retention_check_interval_ms;
        self.out
            .timers
            .schedule(TimerKey::Expiry, self.out.now.instant, interval_ms);
    }

    pub(super) fn on_expiry_timer(&mut self) {
        let start = self.expiry_after.take().map_or(Bound::Unbounded, Bound::Excluded);
        let (mut records, mut offsets, mut dead) = (Vec::new(), Vec::new(), Vec::new());
        let mut last = None;
        for (looked_at, (id, group)) in self.groups.range((start, Bound::Unbounded)).enumerate() {
            if looked_at == GROUPS_PER_STEP || records.len() >= TOMBSTONES_PER_STEP {
                self.expiry_after = last;
                break;
            }
            last = Some(id.clone());
            let nothing_left = self.expire_offsets(group, &mut records, &mut offsets);
            if nothing_left && group.state == State::Empty && group.durable && group.pending_join.is_empty() {
                records.push(records::group_tombstone(id));
                dead.push(id.clone());
            }
        }
        for id in &dead {
            self.groups.get_mut(id).expect("found above").state = State::Dead;
        }
        if !records.is_empty() {
            self.out.append(records, Purpose::Removal { offsets, groups: dead });
        }
        if self.expiry_after.is_some() {
            self.out.timers.schedule(TimerKey::Expiry, self.out.now.instant, 0);
        } else {
            self.schedule_expiry();
        }
    }

    /// Tombstones for the group's expired offsets; true if none other are left.
    fn expire_offsets(
        &self,
        group: &Group,
        records: &mut Vec<GroupRecord>,
        offsets: &mut Vec<(GroupId, String, i32)>,
    ) -> bool {
        let in_flight: Vec<(&str, i32)> = self.out.commits_in_flight(&group.id).collect();
        let mut nothing_left = in_flight.is_empty();
        for (topic, partitions) in self.offsets.of_group(&group.id).into_iter().flatten() {
            for (&partition, committed) in partitions {
                let is_being_committed = in_flight.contains(&(topic.as_str(), partition));
                if is_being_committed || !self.is_expired(group, topic, committed) {
                    nothing_left = false;
                    continue;
                }
                records.push(records::offset_tombstone(&group.id, topic, partition));
                offsets.push((group.id.clone(), topic.clone(), partition));
            }
        }
        nothing_left
    }

    fn is_expired(&self, group: &Group, topic: &str, committed: &CommittedOffset) -> bool {
        if group.is_subscribed_to(topic) {
            return false;
        }
        let since_ms = match (&group.protocol_type, group.state) {
            (None, State::Empty) => committed.commit_timestamp_ms,
            (Some(_), State::Empty) => group.state_timestamp_ms.unwrap_or(committed.commit_timestamp_ms),
            (Some(name), State::Stable) if name == CONSUMER && group.subscribed_topics.is_some() => {
                committed.commit_timestamp_ms
            }
            _ => return false,
        };
        let wall_ms = self.out.now.wall_ms;
        match committed.expire_timestamp_ms {
            Some(expire_ms) => wall_ms >= expire_ms,
            None => wall_ms.saturating_sub(since_ms) >= self.out.config.offsets_retention_ms,
        }
    }

    /// Offsets of a topic that does not exist mean nothing, and would be wrong if it were created again.
    pub(super) fn on_topics_deleted(&mut self, topics: &[String]) {
        let mut offsets = Vec::new();
        for (id, by_topic) in self.offsets.groups() {
            for topic in topics {
                let partitions = by_topic.get(topic).into_iter().flatten();
                offsets.extend(partitions.map(|(&partition, _)| (id.clone(), topic.clone(), partition)));
            }
        }
        for slice in offsets.chunks(TOMBSTONES_PER_STEP) {
            let records = slice
                .iter()
                .map(|(id, topic, partition)| records::offset_tombstone(id, topic, *partition));
            self.out.append(
                records.collect(),
                Purpose::Removal {
                    offsets: slice.to_vec(),
                    groups: Vec::new(),
                },
            );
        }
    }
}
