//! Restart: the log's records make the groups and offsets again (Kafka: `replay` of the two managers, `onLoaded`).
//!
//! Members keep their assignments and get a whole new session, so that a restart of the broker is no rebalance.

use super::{
    GroupId, MemberId,
    classic::{Group, State},
    coordinator::Coordinator,
    event::{AppendToken, GroupRecord},
    offsets::CommittedOffset,
    records::{self, LoadedRecord, OffsetCommitValue},
};

/// Loaded offsets are older than anything this coordinator writes.
const LOADED: AppendToken = AppendToken(0);

impl Coordinator {
    pub(super) fn load(&mut self, record: &GroupRecord) {
        match records::decode(record) {
            Ok(LoadedRecord::Offset {
                group,
                topic,
                partition,
                value: Some(value),
            }) => {
                let id = GroupId::from(group);
                self.groups.entry(id.clone()).or_insert_with(|| {
                    // Committed without members, so no record told of the group.
                    Group {
                        durable: true,
                        ..Group::new(id.clone(), self.out.now.wall_ms)
                    }
                });
                self.offsets.put(&id, &topic, partition, committed(value));
            }
            Ok(LoadedRecord::Offset {
                group,
                topic,
                partition,
                value: None,
            }) => {
                self.offsets.remove(&group, &topic, partition, LOADED);
            }
            Ok(LoadedRecord::Group {
                group,
                value: Some(value),
            }) => {
                let id = GroupId::from(group);
                self.groups.insert(id.clone(), Group::from_record(id, value));
            }
            Ok(LoadedRecord::Group { group, value: None }) => {
                self.groups.remove(group.as_str());
            }
            Err(error) => self.out.skipped(error),
        }
    }

    pub(super) fn on_loaded(&mut self) {
        let size_max = self.out.config.group_size_max;
        for group in self.groups.values_mut() {
            let ids: Vec<MemberId> = group.members.keys().cloned().collect();
            for id in ids {
                group.restart_session(&id, &mut self.out);
            }
            if group.state == State::Stable && group.members.len() > size_max {
                // The limit was lowered: those who rejoin last are turned away.
                group.prepare_rebalance(&mut self.out);
            }
        }
        self.schedule_expiry();
    }
}

fn committed(value: OffsetCommitValue) -> CommittedOffset {
    CommittedOffset {
        offset: value.offset,
        leader_epoch: value.leader_epoch,
        metadata: value.metadata,
        commit_timestamp_ms: value.commit_timestamp,
        expire_timestamp_ms: (value.expire_timestamp != -1).then_some(value.expire_timestamp),
        topic_id: value.topic_id,
        written_by: LOADED,
    }
}
