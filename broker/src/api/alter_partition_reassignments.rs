//! AlterPartitionReassignments (key 45), versions 0 and 1: moves replicas, or stops to (KIP-455).
//!
//! Version 1 may forbid that the number of replicas changes (KIP-860). The shards decide: on one node there is nowhere to move
//! to, so what is asked for is how it is already, or names brokers that are not registered.

use corelane_protocol::{
    error_code::ErrorCode,
    messages::{
        AlterPartitionReassignmentsRequest, AlterPartitionReassignmentsResponse,
        alter_partition_reassignments::{ReassignablePartitionResponse, ReassignableTopicResponse},
    },
};

use super::{context::RequestContext, pace::Pace, shards::ByShard};
use crate::{
    core::{Core, Message},
    metadata::{
        Image, PartitionKey, WishError,
        shard::{AlterReassignments, ShardAnswer, ShardWish},
    },
    runtime::world::World,
};

pub async fn handle<W: World<Message = Message>>(
    core: Core<W>,
    _context: RequestContext,
    request: AlterPartitionReassignmentsRequest,
) -> AlterPartitionReassignmentsResponse {
    if request.topics.is_empty() {
        return AlterPartitionReassignmentsResponse::default();
    }
    let allow_replication_factor_change = request.allow_replication_factor_change;
    let image = core.image();
    let mut by_shard = ByShard::new(&core);
    let mut response = AlterPartitionReassignmentsResponse {
        allow_replication_factor_change,
        error_message: None,
        ..Default::default()
    };
    let mut pace = Pace::new(&core.world);
    for topic in request.topics {
        let mut results = Vec::with_capacity(topic.partitions.len());
        for partition in topic.partitions {
            pace.spend(1 + partition.replicas.as_ref().map_or(0, Vec::len)).await;
            let place = (response.responses.len(), results.len());
            let partition_index = partition.partition_index;
            let result = match PartitionKey::find(&image, &topic.name, partition_index) {
                Some(key) => {
                    by_shard.push(&key, place, (key, partition.replicas));
                    Ok(())
                }
                None => Err(unknown(&image, &topic.name, partition_index)),
            };
            results.push(partition_response(partition_index, result));
        }
        response.responses.push(ReassignableTopicResponse {
            name: topic.name,
            partitions: results,
        });
    }
    let wish = |partitions| {
        ShardWish::AlterReassignments(AlterReassignments {
            partitions,
            allow_replication_factor_change,
        })
    };
    let results = |answer| match answer {
        ShardAnswer::ReassignmentsAltered(results) => results.into_iter().map(|(_, result)| result).collect(),
        other => unreachable!("the answer of another wish: {other:?}"),
    };
    for ((topic, partition), result) in by_shard.wish(&core, wish, results).await {
        let place = &mut response.responses[topic].partitions[partition];
        *place = partition_response(place.partition_index, result);
    }
    response
}

fn unknown(image: &Image, topic: &str, partition: i32) -> WishError {
    let message = match image.topic_named(topic) {
        Some(_) => format!("Unable to find partition {topic}:{partition}."),
        None => format!("Unable to find a topic named {topic}."),
    };
    WishError::new(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION, message)
}

/// As in Kafka, an error whose code says all has no message.
fn partition_response(partition_index: i32, result: Result<(), WishError>) -> ReassignablePartitionResponse {
    let message = |error: WishError| match error.code {
        ErrorCode::NO_REASSIGNMENT_IN_PROGRESS => None,
        _ => Some(error.message),
    };
    ReassignablePartitionResponse {
        partition_index,
        error_code: result.as_ref().map_or_else(|error| error.code, |()| ErrorCode::NONE),
        error_message: result.err().and_then(message),
    }
}
