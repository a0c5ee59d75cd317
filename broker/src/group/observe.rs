//! What there is of groups on this core, for metrics: the numbers of all, and the names of the first.

use super::{Coordinator, host::Groups};
use crate::{
    limits::{METRIC_GROUPS_MAX, METRIC_OFFSETS_MAX},
    metadata::PartitionKey,
    metrics::{CommittedOffset, GroupSnapshot, GroupsSnapshot},
};

impl Groups {
    pub fn observe(&self) -> GroupsSnapshot {
        let mut groups = GroupsSnapshot::default();
        for coordinator in self.coordinators() {
            coordinator.observe(&mut groups);
        }
        groups
    }
}

impl Coordinator {
    fn observe(&self, into: &mut GroupsSnapshot) {
        into.count += self.groups.len() as u64;
        let room = METRIC_GROUPS_MAX - into.named.len();
        into.named
            .extend(self.groups.values().take(room).map(|group| GroupSnapshot {
                group_id: group.id.to_string(),
                members: group.members.len() as u64,
                generation: group.generation,
            }));
        for (group_id, topics) in self.offsets.groups() {
            for (topic, partitions) in topics {
                into.offsets_count += partitions.len() as u64;
                let room = METRIC_OFFSETS_MAX - into.offsets.len();
                into.offsets.extend(
                    partitions
                        .iter()
                        .take(room)
                        .map(|(partition, committed)| CommittedOffset {
                            group_id: group_id.to_string(),
                            topic: topic.clone(),
                            partition: PartitionKey {
                                topic_id: committed.topic_id,
                                partition: *partition,
                            },
                            offset: committed.offset,
                        }),
                );
            }
        }
    }
}
