//! ElectLeaders (key 43), versions 0 to 2: gives leadership to preferred replicas, or to any that lives (KIP-183, KIP-460).
//!
//! Version 1 brought unclean elections and a top-level error, 2 is flexible. Who asks for all partitions is not told of those
//! that need no election. The shards decide; on one node every partition that has a leader is led by its preferred one.

use corelane_protocol::{
    error_code::ErrorCode,
    messages::{
        ElectLeadersRequest, ElectLeadersResponse,
        elect_leaders::{PartitionResult, ReplicaElectionResult, TopicPartitions},
    },
};

use super::{context::RequestContext, pace::Pace, shards::ByShard};
use crate::{
    core::{Core, Message},
    metadata::{
        Image, PartitionKey, WishError,
        shard::{ElectLeaders, ElectionType, ShardAnswer, ShardWish},
    },
    runtime::world::World,
};

pub async fn handle<W: World<Message = Message>>(
    core: Core<W>,
    _context: RequestContext,
    request: ElectLeadersRequest,
) -> ElectLeadersResponse {
    let asks_for_all = request.topic_partitions.is_none();
    if request.topic_partitions.as_ref().is_some_and(Vec::is_empty) {
        return ElectLeadersResponse::default();
    }
    let Some(election) = ElectionType::from_wire(request.election_type) else {
        return refused(request);
    };
    let image = core.image();
    let mut pace = Pace::new(&core.world);
    let topics = match request.topic_partitions {
        Some(topics) => topics,
        None => all(&image, &mut pace).await,
    };
    let mut by_shard = ByShard::new(&core);
    let mut response = ElectLeadersResponse::default();
    for topic in topics {
        let mut results = Vec::with_capacity(topic.partitions.len());
        for partition_id in topic.partitions {
            pace.step().await;
            let place = (response.replica_election_results.len(), results.len());
            let result = match PartitionKey::find(&image, &topic.topic, partition_id) {
                Some(key) => {
                    by_shard.push(&key, place, key);
                    Ok(())
                }
                None => Err(unknown(&image, &topic.topic, partition_id)),
            };
            results.push(partition_result(partition_id, result));
        }
        response.replica_election_results.push(ReplicaElectionResult {
            topic: topic.topic,
            partition_result: results,
        });
    }
    let wish = |partitions| ShardWish::ElectLeaders(ElectLeaders { election, partitions });
    let results = |answer| match answer {
        ShardAnswer::LeadersElected(results) => results.into_iter().map(|(_, result)| result).collect(),
        other => unreachable!("the answer of another wish: {other:?}"),
    };
    for ((topic, partition), result) in by_shard.wish(&core, wish, results).await {
        let place = &mut response.replica_election_results[topic].partition_result[partition];
        *place = partition_result(place.partition_id, result);
    }
    if asks_for_all {
        for topic in &mut response.replica_election_results {
            let is_needed = |result: &PartitionResult| result.error_code != ErrorCode::ELECTION_NOT_NEEDED;
            topic.partition_result.retain(is_needed);
        }
    }
    response
}

/// Every partition there is.
async fn all<W: World>(image: &Image, pace: &mut Pace<W>) -> Vec<TopicPartitions> {
    let mut topics = Vec::with_capacity(image.topic_count());
    for topic in image.topics_by_name() {
        pace.step().await;
        topics.push(TopicPartitions {
            topic: topic.name.to_string(),
            partitions: (0..topic.partition_count()).collect(),
        });
    }
    topics
}

/// There is no such kind of election.
fn refused(request: ElectLeadersRequest) -> ElectLeadersResponse {
    let message = format!("Unknown election type {}", request.election_type);
    let error = WishError::new(ErrorCode::INVALID_REQUEST, message);
    let topic = |topic: TopicPartitions| {
        let partitions = topic.partitions.into_iter();
        ReplicaElectionResult {
            topic: topic.topic,
            partition_result: partitions.map(|id| partition_result(id, Err(error.clone()))).collect(),
        }
    };
    ElectLeadersResponse {
        error_code: error.code,
        replica_election_results: request
            .topic_partitions
            .unwrap_or_default()
            .into_iter()
            .map(topic)
            .collect(),
        ..Default::default()
    }
}

fn unknown(image: &Image, topic: &str, partition: i32) -> WishError {
    let message = match image.topic_named(topic) {
        Some(_) => format!("No such partition as {topic}-{partition}"),
        None => format!("No such topic as {topic}"),
    };
    WishError::new(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION, message)
}

fn partition_result(partition_id: i32, result: Result<(), WishError>) -> PartitionResult {
    PartitionResult {
        partition_id,
        error_code: result.as_ref().map_or_else(|error| error.code, |()| ErrorCode::NONE),
        error_message: result.err().map(message),
    }
}

/// Kafka's texts, which `kafka-leader-election` prints.
fn message(error: WishError) -> String {
    match error.code {
        ErrorCode::ELECTION_NOT_NEEDED => "Leader election not needed for topic partition.".to_owned(),
        ErrorCode::PREFERRED_LEADER_NOT_AVAILABLE => "The preferred leader was not available.".to_owned(),
        ErrorCode::ELIGIBLE_LEADERS_NOT_AVAILABLE => "Eligible topic partition leaders are not available.".to_owned(),
        _ => error.message,
    }
}
