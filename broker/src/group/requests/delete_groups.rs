//! DeleteGroups (Kafka: `GroupCoordinatorShard.deleteGroups`): tombstones for the offsets, last one for the group itself.
//!
//! Until they are durable the group is Dead: nobody joins it or commits to it, so that nothing can be written behind its
//! tombstone and then be removed here.

use std::collections::BTreeSet;

use corelane_protocol::{error_code::ErrorCode, messages::delete_groups::DeletableGroupResult};

use super::super::{
    GroupId,
    classic::State,
    coordinator::Coordinator,
    event::{GroupRecord, RequestToken, Response},
    outbox::Purpose,
    records,
};

impl Coordinator {
    pub(in super::super) fn on_delete_groups(&mut self, token: RequestToken, groups: &[String]) {
        let (mut records, mut offsets, mut deleted) = (Vec::new(), Vec::new(), Vec::new());
        let mut results = Vec::with_capacity(groups.len());
        for group_id in groups {
            let error_code = match self.delete_group(group_id, &mut records, &mut offsets) {
                Ok(id) => {
                    deleted.push(id);
                    ErrorCode::NONE
                }
                Err(error) => error,
            };
            results.push(DeletableGroupResult {
                group_id: group_id.clone(),
                error_code,
            });
        }
        let append = (!records.is_empty()).then(|| {
            self.out.append(
                records,
                Purpose::Removal {
                    offsets,
                    groups: deleted,
                },
            )
        });
        self.out.respond_after(append, token, Response::DeleteGroups(results));
    }

    fn delete_group(
        &mut self,
        group_id: &str,
        records: &mut Vec<GroupRecord>,
        offsets: &mut Vec<(GroupId, String, i32)>,
    ) -> Result<GroupId, ErrorCode> {
        let group = self.groups.get_mut(group_id).ok_or(ErrorCode::GROUP_ID_NOT_FOUND)?;
        match group.state {
            State::Dead => return Err(ErrorCode::GROUP_ID_NOT_FOUND),
            State::Empty => group.state = State::Dead,
            _ => return Err(ErrorCode::NON_EMPTY_GROUP),
        }
        let id = group.id.clone();
        group.pending_join.clear();
        // Also what is still being written: it comes before these tombstones in the log.
        let mut partitions: BTreeSet<(String, i32)> = self
            .out
            .commits_in_flight(group_id)
            .map(|(topic, partition)| (topic.to_string(), partition))
            .collect();
        for (topic, committed) in self.offsets.of_group(group_id).into_iter().flatten() {
            partitions.extend(committed.keys().map(|&partition| (topic.clone(), partition)));
        }
        for (topic, partition) in partitions {
            records.push(records::offset_tombstone(&id, &topic, partition));
            offsets.push((id.clone(), topic, partition));
        }
        records.push(records::group_tombstone(&id));
        Ok(id)
    }
}
