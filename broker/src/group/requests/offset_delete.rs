//! OffsetDelete (Kafka: `OffsetMetadataManager.deleteOffsets`, `ClassicGroup.validateOffsetDelete`): tombstones for offsets of
//! topics that no member is subscribed to.
//!
//! A group of others than consumers has to be without members: what those read is not known.

use std::collections::BTreeSet;

use corelane_protocol::{
    error_code::ErrorCode,
    messages::offset_delete::{
        OffsetDeleteRequest, OffsetDeleteRequestTopic, OffsetDeleteResponse, OffsetDeleteResponsePartition,
        OffsetDeleteResponseTopic,
    },
};

use super::super::{
    GroupId,
    classic::{CONSUMER, Group, State},
    coordinator::Coordinator,
    event::{Request, RequestToken, Response},
    outbox::Purpose,
    records,
};

impl Coordinator {
    pub(in super::super) fn on_offset_delete(&mut self, token: RequestToken, request: OffsetDeleteRequest) {
        let group = match self.groups.get(request.group_id.as_str()).map(validate) {
            Some(Ok(group)) => group,
            Some(Err(error)) => return self.out.respond(token, Request::OffsetDelete(request).failed(error)),
            None => {
                let unknown = Request::OffsetDelete(request).failed(ErrorCode::GROUP_ID_NOT_FOUND);
                return self.out.respond(token, unknown);
            }
        };
        let id = group.id.clone();
        // Also what is still being written: it comes before these tombstones in the log.
        let in_flight: BTreeSet<(&str, i32)> = self.out.commits_in_flight(&request.group_id).collect();
        let (mut records, mut offsets, mut topics) = (Vec::new(), Vec::new(), Vec::new());
        for topic in &request.topics {
            if group.is_subscribed_to(&topic.name) {
                topics.push(answered(topic, ErrorCode::GROUP_SUBSCRIBED_TO_TOPIC));
                continue;
            }
            topics.push(answered(topic, ErrorCode::NONE));
            for partition in topic.partitions.iter().map(|partition| partition.partition_index) {
                let is_committed = self.offsets.get(&id, &topic.name, partition).is_some();
                if is_committed || in_flight.contains(&(topic.name.as_str(), partition)) {
                    records.push(records::offset_tombstone(&id, &topic.name, partition));
                    offsets.push((GroupId::clone(&id), topic.name.clone(), partition));
                }
            }
        }
        let append = (!records.is_empty()).then(|| {
            self.out.append(
                records,
                Purpose::Removal {
                    offsets,
                    groups: Vec::new(),
                },
            )
        });
        let response = OffsetDeleteResponse {
            topics,
            ..Default::default()
        };
        self.out.respond_after(append, token, Response::OffsetDelete(response));
    }
}

fn validate(group: &Group) -> Result<&Group, ErrorCode> {
    let is_of_consumers = group.protocol_type.as_deref() == Some(CONSUMER);
    match group.state {
        State::Dead => Err(ErrorCode::GROUP_ID_NOT_FOUND),
        State::Empty => Ok(group),
        _ if is_of_consumers => Ok(group),
        _ => Err(ErrorCode::NON_EMPTY_GROUP),
    }
}

fn answered(topic: &OffsetDeleteRequestTopic, error_code: ErrorCode) -> OffsetDeleteResponseTopic {
    let partitions = topic.partitions.iter().map(|partition| OffsetDeleteResponsePartition {
        partition_index: partition.partition_index,
        error_code,
    });
    OffsetDeleteResponseTopic {
        name: topic.name.clone(),
        partitions: partitions.collect(),
    }
}
