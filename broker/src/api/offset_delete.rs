//! OffsetDelete (key 47), version 0: forgets committed offsets of a group (KIP-496).
//!
//! Partitions that do not exist are answered first, the others as the coordinator does; if the group itself is at fault,
//! nothing is said of any.

use std::collections::{BTreeMap, btree_map::Entry};

use corelane_protocol::{
    error_code::ErrorCode,
    messages::{
        OffsetDeleteRequest, OffsetDeleteResponse,
        offset_delete::{OffsetDeleteRequestTopic, OffsetDeleteResponsePartition, OffsetDeleteResponseTopic},
    },
};

use super::{context::RequestContext, coordinator::ask, pace::Pace};
use crate::{
    core::{Core, Message},
    group::{Request, Response},
    metadata::Image,
    runtime::world::World,
};

pub async fn handle<W: World<Message = Message>>(
    core: Core<W>,
    context: RequestContext,
    mut request: OffsetDeleteRequest,
) -> OffsetDeleteResponse {
    let image = core.image();
    let mut unknown = Vec::new();
    let mut pace = Pace::new(&core.world);
    for topic in &mut request.topics {
        pace.spend(1 + topic.partitions.len()).await;
        unknown.extend(take_unknown(&image, topic));
    }
    request.topics.retain(|topic| !topic.partitions.is_empty());
    let group_id = request.group_id.clone();
    let mut response = match ask(&core, &context, &group_id, Request::OffsetDelete(request)).await {
        Response::OffsetDelete(response) => response,
        other => unreachable!("the answer of another request: {other:?}"),
    };
    if response.error_code.is_none() {
        response.topics = merged(unknown, response.topics);
    }
    response
}

/// Takes the partitions that do not exist out of the request, as the answer has them.
fn take_unknown(image: &Image, topic: &mut OffsetDeleteRequestTopic) -> Option<OffsetDeleteResponseTopic> {
    let known = image.topic_named(&topic.name);
    let mut partitions = Vec::new();
    topic.partitions.retain(|partition| {
        let exists = known.is_some_and(|known| known.has_partition(partition.partition_index));
        if !exists {
            partitions.push(OffsetDeleteResponsePartition {
                partition_index: partition.partition_index,
                error_code: ErrorCode::UNKNOWN_TOPIC_OR_PARTITION,
            });
        }
        exists
    });
    (!partitions.is_empty()).then(|| OffsetDeleteResponseTopic {
        name: topic.name.clone(),
        partitions,
    })
}

/// Topics of both, each once.
fn merged(
    mut topics: Vec<OffsetDeleteResponseTopic>,
    others: Vec<OffsetDeleteResponseTopic>,
) -> Vec<OffsetDeleteResponseTopic> {
    let mut places: BTreeMap<String, usize> = topics.iter().map(|topic| topic.name.clone()).zip(0..).collect();
    for other in others {
        match places.entry(other.name.clone()) {
            Entry::Occupied(place) => topics[*place.get()].partitions.extend(other.partitions),
            Entry::Vacant(place) => {
                place.insert(topics.len());
                topics.push(other);
            }
        }
    }
    topics
}
