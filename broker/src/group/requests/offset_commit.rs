//! OffsetCommit (Kafka: `OffsetMetadataManager.commitOffset`, `ClassicGroup.validateOffsetCommit`).
//!
//! A commit is answered, and seen by OffsetFetch, once its records are durable. Members commit with their generation;
//! anybody may commit with generation -1 while a group has no members, which makes a group if there is none.

use corelane_protocol::{
    error_code::ErrorCode,
    messages::offset_commit::{
        OffsetCommitRequest, OffsetCommitResponse, OffsetCommitResponsePartition, OffsetCommitResponseTopic,
    },
};

use super::super::{
    GroupId,
    classic::{Group, State},
    coordinator::Coordinator,
    event::{AppendToken, Client, Request, RequestToken, Response},
    offsets::CommittedOffset,
    outbox::Purpose,
    records,
};

/// First version that may be told GROUP_ID_NOT_FOUND.
const GROUP_ID_NOT_FOUND_SINCE: i16 = 9;
/// The client leaves the retention to the broker.
const DEFAULT_RETENTION_MS: i64 = -1;

impl Coordinator {
    pub(in super::super) fn on_offset_commit(
        &mut self,
        token: RequestToken,
        client: &Client,
        request: OffsetCommitRequest,
    ) {
        if let Err(error) = self.validate_commit(client, &request) {
            return self.out.respond(token, Request::OffsetCommit(request).failed(error));
        }
        let out = &mut self.out;
        if let Some(group) = self.groups.get(request.group_id.as_str()) {
            group.restart_session(&request.member_id, out);
        }
        let group_id = GroupId::from(request.group_id.as_str());
        let expire_timestamp_ms = (request.retention_time_ms != DEFAULT_RETENTION_MS)
            .then(|| out.now.wall_ms.saturating_add(request.retention_time_ms));
        let mut response = OffsetCommitResponse::default();
        let (mut records, mut offsets) = (Vec::new(), Vec::new());
        for topic in &request.topics {
            let mut partitions = Vec::with_capacity(topic.partitions.len());
            for partition in &topic.partitions {
                let metadata = partition.committed_metadata.clone().unwrap_or_default();
                let mut error_code = ErrorCode::NONE;
                if metadata.encode_utf16().count() > out.config.offset_metadata_max {
                    error_code = ErrorCode::OFFSET_METADATA_TOO_LARGE;
                } else {
                    let committed = CommittedOffset {
                        offset: partition.committed_offset,
                        leader_epoch: partition.committed_leader_epoch,
                        metadata,
                        commit_timestamp_ms: out.now.wall_ms,
                        expire_timestamp_ms,
                        topic_id: topic.topic_id,
                        written_by: out.next_append_token(),
                    };
                    let index = partition.partition_index;
                    records.push(records::offset_commit(&group_id, &topic.name, index, &committed));
                    offsets.push((topic.name.clone(), index, committed));
                }
                partitions.push(OffsetCommitResponsePartition {
                    partition_index: partition.partition_index,
                    error_code,
                });
            }
            response.topics.push(OffsetCommitResponseTopic {
                name: topic.name.clone(),
                topic_id: topic.topic_id,
                partitions,
            });
        }
        let append = (!records.is_empty()).then(|| {
            out.append(
                records,
                Purpose::Commit {
                    group: group_id,
                    offsets,
                },
            )
        });
        out.respond_after(append, token, Response::OffsetCommit(response));
    }

    fn validate_commit(&self, client: &Client, request: &OffsetCommitRequest) -> Result<(), ErrorCode> {
        let generation = request.generation_id_or_member_epoch;
        match self.groups.get(request.group_id.as_str()) {
            Some(group) => validate(group, request),
            None if generation < 0 => Ok(()),
            None if client.api_version >= GROUP_ID_NOT_FOUND_SINCE => Err(ErrorCode::GROUP_ID_NOT_FOUND),
            None => Err(ErrorCode::ILLEGAL_GENERATION),
        }
    }

    /// The commit is durable. Its group may have been unknown until now.
    pub(in super::super) fn apply_commit(&mut self, group_id: GroupId, offsets: Vec<(String, i32, CommittedOffset)>) {
        let wall_ms = self.out.now.wall_ms;
        let group = self
            .groups
            .entry(group_id.clone())
            .or_insert_with(|| Group::new(group_id.clone(), wall_ms));
        group.durable = true;
        for (topic, partition, committed) in offsets {
            self.offsets.put(&group_id, &topic, partition, committed);
        }
    }

    /// Applies tombstones of offsets that `written_by` wrote.
    pub(in super::super) fn apply_removed_offsets(
        &mut self,
        written_by: AppendToken,
        offsets: Vec<(GroupId, String, i32)>,
    ) {
        for (group_id, topic, partition) in offsets {
            self.offsets.remove(&group_id, &topic, partition, written_by);
        }
    }
}

fn validate(group: &Group, request: &OffsetCommitRequest) -> Result<(), ErrorCode> {
    let generation = request.generation_id_or_member_epoch;
    if group.state == State::Dead {
        return Err(ErrorCode::COORDINATOR_NOT_AVAILABLE);
    }
    if generation < 0 && group.state == State::Empty {
        return Ok(());
    }
    if generation < 0 && request.member_id.is_empty() && request.group_instance_id.is_none() {
        // A stranger among members.
        return Err(ErrorCode::UNKNOWN_MEMBER_ID);
    }
    group.validate_member(&request.member_id, request.group_instance_id.as_deref())?;
    if generation != group.generation {
        return Err(ErrorCode::ILLEGAL_GENERATION);
    }
    if group.state == State::CompletingRebalance {
        // It belongs to the generation but has no assignment in it yet.
        return Err(ErrorCode::REBALANCE_IN_PROGRESS);
    }
    Ok(())
}
