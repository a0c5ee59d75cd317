//! OffsetFetch for one group (Kafka: `OffsetMetadataManager.fetchOffsets`, `fetchAllOffsets`): what is committed and
//! durable; -1 for what is not. With `require_stable` (version 7) the answer also waits for every commit that came before.

use corelane_protocol::error_code::ErrorCode;
use corelane_protocol::messages::offset_fetch::{
    OffsetFetchRequestGroup, OffsetFetchRequestTopics, OffsetFetchResponseGroup, OffsetFetchResponsePartitions,
    OffsetFetchResponseTopics,
};

use super::super::{
    coordinator::Coordinator,
    event::{AppendToken, Request, RequestToken, Response},
    offsets::CommittedOffset,
};
use crate::runtime::world::Instant;

/// No offset, no epoch.
const INVALID: i64 = -1;

/// A fetch that waits until every append up to `after` is settled, as long as a commit would.
pub(in super::super) struct StableFetch {
    after: AppendToken,
    token: RequestToken,
    request: OffsetFetchRequestGroup,
    pub deadline: Instant,
}

impl Coordinator {
    pub(in super::super) fn on_offset_fetch(
        &mut self,
        token: RequestToken,
        request: OffsetFetchRequestGroup,
        require_stable: bool,
    ) {
        match self.out.newest_in_flight() {
            Some(after) if require_stable => self.stable_fetches.push(StableFetch {
                after,
                token,
                request,
                deadline: self.out.commit_deadline(),
            }),
            _ => {
                let response = self.fetch_offsets(&request);
                self.out.respond(token, response);
            }
        }
    }

    /// An append was settled: answers the fetches that waited for it.
    pub(in super::super) fn answer_stable_fetches(&mut self) {
        let oldest = self.out.oldest_in_flight();
        let is_due = |fetch: &StableFetch| oldest.is_none_or(|oldest| fetch.after < oldest);
        if !self.stable_fetches.iter().any(is_due) {
            return;
        }
        for fetch in std::mem::take(&mut self.stable_fetches) {
            if is_due(&fetch) {
                let response = self.fetch_offsets(&fetch.request);
                self.out.respond(fetch.token, response);
            } else {
                self.stable_fetches.push(fetch);
            }
        }
    }

    /// Fails those whose deadline has come, which are the first ones.
    pub(in super::super) fn time_out_stable_fetches(&mut self, error: ErrorCode) {
        let now = self.out.now.instant;
        let late = self.stable_fetches.partition_point(|fetch| fetch.deadline <= now);
        let rest = self.stable_fetches.split_off(late);
        self.fail_stable_fetches(error);
        self.stable_fetches = rest;
    }

    pub(in super::super) fn fail_stable_fetches(&mut self, error: ErrorCode) {
        for fetch in std::mem::take(&mut self.stable_fetches) {
            let request = Request::OffsetFetch {
                group: fetch.request,
                require_stable: true,
            };
            self.out.respond(fetch.token, request.failed(error));
        }
    }

    /// What was committed for this topic; not for an earlier one of its name.
    fn committed_for(
        &self,
        group_id: &str,
        topic: &OffsetFetchRequestTopics,
        partition: i32,
    ) -> Option<&CommittedOffset> {
        let committed = self.offsets.get(group_id, &topic.name, partition)?;
        let both_known = !committed.topic_id.is_nil() && !topic.topic_id.is_nil();
        (!both_known || committed.topic_id == topic.topic_id).then_some(committed)
    }

    fn fetch_offsets(&self, request: &OffsetFetchRequestGroup) -> Response {
        let group_id = request.group_id.as_str();
        let topics = match &request.topics {
            Some(topics) => topics
                .iter()
                .map(|topic| OffsetFetchResponseTopics {
                    name: topic.name.clone(),
                    topic_id: topic.topic_id,
                    partitions: topic
                        .partition_indexes
                        .iter()
                        .map(|&index| partition(index, self.committed_for(group_id, topic, index)))
                        .collect(),
                })
                .collect(),
            None => self
                .offsets
                .of_group(group_id)
                .into_iter()
                .flatten()
                .map(|(topic, partitions)| OffsetFetchResponseTopics {
                    name: topic.clone(),
                    partitions: partitions
                        .iter()
                        .map(|(&index, it)| partition(index, Some(it)))
                        .collect(),
                    ..Default::default()
                })
                .collect(),
        };
        Response::OffsetFetch(OffsetFetchResponseGroup {
            group_id: request.group_id.clone(),
            topics,
            ..Default::default()
        })
    }
}

fn partition(index: i32, committed: Option<&CommittedOffset>) -> OffsetFetchResponsePartitions {
    OffsetFetchResponsePartitions {
        partition_index: index,
        committed_offset: committed.map_or(INVALID, |committed| committed.offset),
        committed_leader_epoch: committed.map_or(-1, |committed| committed.leader_epoch),
        metadata: Some(
            committed
                .map(|committed| committed.metadata.clone())
                .unwrap_or_default(),
        ),
        ..Default::default()
    }
}
