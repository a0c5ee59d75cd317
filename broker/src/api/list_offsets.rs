//! ListOffsets (key 2), versions 1 to 11: the offset of a timestamp, of the start, of the end.
//!
//! Version 2 brought the isolation level (without transactions both are the high watermark), 4 leader epochs, 5 OFFSET_NOT_AVAILABLE, 6
//! is flexible, 7 the largest timestamp (KIP-734), 8 to 11 positions in tiered storage, of which there is none.

use std::collections::BTreeSet;

use corelane_protocol::{
    error_code::ErrorCode,
    messages::{
        ListOffsetsRequest, ListOffsetsResponse,
        list_offsets::{ListOffsetsPartition, ListOffsetsPartitionResponse, ListOffsetsTopicResponse},
    },
};
use futures_util::future::join_all;

use super::{context::RequestContext, pace::Pace};
use crate::{
    core::{ByOwner, Core, Message},
    metadata::Image,
    partition::{ListOffsetsCall, ListOffsetsPart, PartitionKey, offsets::timestamp},
    runtime::world::World,
};

/// The lowest version that knows each special timestamp.
fn is_known(timestamp: i64, version: i16) -> bool {
    match timestamp {
        timestamp::MAX => version >= 7,
        timestamp::EARLIEST_LOCAL => version >= 8,
        timestamp::LATEST_TIERED => version >= 9,
        timestamp::EARLIEST_PENDING_UPLOAD => version >= 11,
        other => other >= timestamp::EARLIEST,
    }
}

/// Partitions that are asked about more than once: refused, as in Kafka (`ListOffsetsRequest.duplicatePartitions`).
fn named_twice(image: &Image, request: &ListOffsetsRequest) -> BTreeSet<PartitionKey> {
    let mut seen = BTreeSet::new();
    let all = request.topics.iter().flat_map(|topic| {
        let key = |partition: &ListOffsetsPartition| PartitionKey::find(image, &topic.name, partition.partition_index);
        topic.partitions.iter().filter_map(key)
    });
    all.filter(|key| !seen.insert(*key)).collect()
}

pub async fn handle<W: World<Message = Message>>(
    core: Core<W>,
    context: RequestContext,
    request: ListOffsetsRequest,
) -> ListOffsetsResponse {
    let image = core.image();
    let mut response = ListOffsetsResponse::default();
    let mut calls = ByOwner::default();
    let mut pace = Pace::new(&core.world);
    let named_twice = named_twice(&image, &request);
    for topic in request.topics {
        let mut answers = Vec::with_capacity(topic.partitions.len());
        for partition in topic.partitions {
            pace.step().await;
            let place = (response.topics.len(), answers.len());
            let mut answer = ListOffsetsPartitionResponse {
                partition_index: partition.partition_index,
                ..Default::default()
            };
            match PartitionKey::find(&image, &topic.name, partition.partition_index) {
                _ if !is_known(partition.timestamp, context.api_version) => {
                    answer.error_code = ErrorCode::UNSUPPORTED_VERSION;
                }
                Some(key) if named_twice.contains(&key) => answer.error_code = ErrorCode::INVALID_REQUEST,
                Some(key) => {
                    calls.push(
                        core.owner(&key),
                        place,
                        ListOffsetsPart {
                            key,
                            current_leader_epoch: partition.current_leader_epoch,
                            timestamp: partition.timestamp,
                        },
                    );
                }
                None => answer.error_code = ErrorCode::UNKNOWN_TOPIC_OR_PARTITION,
            }
            answers.push(answer);
        }
        response.topics.push(ListOffsetsTopicResponse {
            name: topic.name,
            partitions: answers,
        });
    }
    let (places, asked): (Vec<_>, Vec<_>) = calls
        .into_calls()
        .map(|(owner, places, parts)| (places, core.call(owner, ListOffsetsCall(parts))))
        .unzip();
    for (places, answer) in places.into_iter().zip(join_all(asked).await) {
        for ((topic, partition), (error_code, offset, timestamp, leader_epoch)) in places.into_iter().zip(answer.0) {
            let answer = &mut response.topics[topic].partitions[partition];
            answer.error_code = match error_code {
                // Clients of before KIP-207 do not know the code.
                ErrorCode::OFFSET_NOT_AVAILABLE if context.api_version < 5 => ErrorCode::LEADER_NOT_AVAILABLE,
                other => other,
            };
            answer.offset = offset;
            answer.timestamp = timestamp;
            answer.leader_epoch = leader_epoch;
        }
    }
    response
}
