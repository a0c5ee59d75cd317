//! DescribeProducers (key 61), version 0: the producers that partitions know, with their last sequence (KIP-664).

use std::collections::BTreeSet;

use corelane_protocol::{
    error_code::ErrorCode,
    messages::{
        DescribeProducersRequest, DescribeProducersResponse,
        describe_producers::{PartitionResponse, TopicResponse},
    },
};
use futures_util::future::join_all;

use super::{context::RequestContext, pace::Pace};
use crate::{
    core::{ByOwner, Core, Message},
    metadata::decide::validate_topic_name,
    partition::{PartitionKey, ProducersCall},
    runtime::world::World,
};

pub async fn handle<W: World<Message = Message>>(
    core: Core<W>,
    _context: RequestContext,
    request: DescribeProducersRequest,
) -> DescribeProducersResponse {
    let image = core.image();
    let mut response = DescribeProducersResponse::default();
    let mut calls = ByOwner::default();
    let mut pace = Pace::new(&core.world);
    let mut seen = BTreeSet::new();
    for topic in request.topics {
        let known = image.topic_named(&topic.name);
        let topic_error = match (known, validate_topic_name(&topic.name)) {
            (_, Err(message)) => Some((ErrorCode::INVALID_TOPIC_EXCEPTION, message)),
            (None, Ok(())) => {
                let message = "This server does not host this topic-partition.".to_owned();
                Some((ErrorCode::UNKNOWN_TOPIC_OR_PARTITION, message))
            }
            (Some(_), Ok(())) => None,
        };
        let mut answers = Vec::with_capacity(topic.partition_indexes.len());
        for partition_index in topic.partition_indexes {
            pace.step().await;
            // Each once: an answer may be thousands of times as long as its question.
            let key = PartitionKey::find(&image, &topic.name, partition_index);
            if key.is_some_and(|key| !seen.insert(key)) {
                continue;
            }
            let place = (response.topics.len(), answers.len());
            let mut answer = PartitionResponse {
                partition_index,
                ..Default::default()
            };
            match (&topic_error, key) {
                (Some((error_code, message)), _) => {
                    answer.error_code = *error_code;
                    answer.error_message = Some(message.clone());
                }
                (None, Some(key)) => calls.push(core.owner(&key), place, key),
                (None, None) => answer.error_code = ErrorCode::UNKNOWN_TOPIC_OR_PARTITION,
            }
            answers.push(answer);
        }
        response.topics.push(TopicResponse {
            name: topic.name,
            partitions: answers,
        });
    }
    let (places, asked): (Vec<_>, Vec<_>) = calls
        .into_calls()
        .map(|(owner, places, keys)| (places, core.call(owner, ProducersCall(keys))))
        .unzip();
    for (places, answer) in places.into_iter().zip(join_all(asked).await) {
        for ((topic, partition), result) in places.into_iter().zip(answer.0) {
            let answer = &mut response.topics[topic].partitions[partition];
            match result {
                Ok(producers) => answer.active_producers = producers,
                Err(error_code) => answer.error_code = error_code,
            }
        }
    }
    response
}
