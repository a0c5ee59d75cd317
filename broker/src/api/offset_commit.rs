//! OffsetCommit (key 8), versions 2 to 10.
//!
//! Version 5 leaves the retention to the broker, 6 brought leader epochs, 7 static members, 8 is flexible, 9 may answer
//! GROUP_ID_NOT_FOUND, 10 names topics by id. Offsets of topics that do not exist are refused one by one; the rest goes
//! to the coordinator.

use std::collections::{BTreeMap, btree_map::Entry};

use corelane_protocol::{
    error_code::ErrorCode,
    messages::{
        OffsetCommitRequest, OffsetCommitResponse,
        offset_commit::{OffsetCommitRequestTopic, OffsetCommitResponsePartition, OffsetCommitResponseTopic},
    },
};

use super::{context::RequestContext, coordinator::ask, pace::Pace};
use crate::{
    core::{Core, Message},
    group::{Request, Response},
    metadata::Image,
    runtime::world::World,
};

/// First version with topic ids instead of names.
const TOPIC_IDS_SINCE: i16 = 10;

pub async fn handle<W: World<Message = Message>>(
    core: Core<W>,
    context: RequestContext,
    mut request: OffsetCommitRequest,
) -> OffsetCommitResponse {
    let image = core.image();
    let by_id = context.api_version >= TOPIC_IDS_SINCE;
    let mut refused = Vec::new();
    let mut pace = Pace::new(&core.world);
    for topic in &mut request.topics {
        pace.spend(1 + topic.partitions.len()).await;
        // The coordinator is told both, so that the record says which topic was meant.
        if by_id {
            topic.name = image
                .topic(topic.topic_id)
                .map(|known| known.name.to_string())
                .unwrap_or_default();
        } else {
            topic.topic_id = image.topic_id(&topic.name).unwrap_or_default();
        }
        refused.extend(take_unknown(&image, topic, by_id));
    }
    request.topics.retain(|topic| !topic.partitions.is_empty());
    let mut response = OffsetCommitResponse::default();
    if !request.topics.is_empty() {
        let group_id = request.group_id.clone();
        response = match ask(&core, &context, &group_id, Request::OffsetCommit(request)).await {
            Response::OffsetCommit(response) => response,
            other => unreachable!("the answer of another request: {other:?}"),
        };
    }
    add(&mut response.topics, refused);
    response
}

/// Adds what was refused to what the coordinator answered, each topic once.
fn add(topics: &mut Vec<OffsetCommitResponseTopic>, refused: Vec<OffsetCommitResponseTopic>) {
    let key = |topic: &OffsetCommitResponseTopic| (topic.topic_id, topic.name.clone());
    let mut places: BTreeMap<_, usize> = topics.iter().map(key).zip(0..).collect();
    for topic in refused {
        match places.entry(key(&topic)) {
            Entry::Occupied(place) => topics[*place.get()].partitions.extend(topic.partitions),
            Entry::Vacant(place) => {
                place.insert(topics.len());
                topics.push(topic);
            }
        }
    }
}

/// Takes the partitions that do not exist out of the request, as the answer has them.
fn take_unknown(image: &Image, topic: &mut OffsetCommitRequestTopic, by_id: bool) -> Option<OffsetCommitResponseTopic> {
    let known = image.topic_named(&topic.name);
    let error_code = match known {
        None if by_id => ErrorCode::UNKNOWN_TOPIC_ID,
        _ => ErrorCode::UNKNOWN_TOPIC_OR_PARTITION,
    };
    let mut partitions = Vec::new();
    topic.partitions.retain(|partition| {
        let exists = known.is_some_and(|known| known.has_partition(partition.partition_index));
        if !exists {
            partitions.push(OffsetCommitResponsePartition {
                partition_index: partition.partition_index,
                error_code,
            });
        }
        exists
    });
    (!partitions.is_empty()).then(|| OffsetCommitResponseTopic {
        name: topic.name.clone(),
        topic_id: topic.topic_id,
        partitions,
    })
}
