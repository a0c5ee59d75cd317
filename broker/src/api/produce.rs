//! Produce (key 0), versions 3 to 13: append record batches.
//!
//! Version 5 answers the log start offset; 8 record errors; 9 is flexible; 10 tells the current leader (KIP-951); 12 is
//! for the second transaction protocol; 13 names topics by id (KIP-516). Transactional batches are refused until there
//! is a transaction coordinator. Each partition carries exactly one batch, as in Kafka since version 3.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use corelane_protocol::{
    error_code::ErrorCode,
    messages::produce::{PartitionProduceResponse, ProduceRequest, ProduceResponse, TopicProduceResponse},
    records,
};
use futures_util::future::join_all;
use uuid::Uuid;

use super::context::{Outcome, RequestContext, respond};
use crate::{
    config::TopicConfig,
    core::{ByOwner, Core, Message},
    metadata::{Image, Topic},
    partition::{PartitionKey, ProduceCall, ProducePart, ProduceResult},
    runtime::world::World,
};

/// Where the result of a part belongs in the answer: (topic, partition) by position.
type Place = (usize, usize);

/// Everything up to the calls of the owning cores happens before the first `await`, so that pipelined requests append in
/// their order.
pub async fn handle<W: World<Message = Message>>(core: Core<W>, context: RequestContext, body: Bytes) -> Outcome {
    let request = match ProduceRequest::parse(&body, context.api_version) {
        Ok(request) => request,
        Err(error) => return context.malformed(&error),
    };
    let acks = request.acks;
    let mut response = ProduceResponse::default();
    let mut calls = ByOwner::<Place, ProducePart>::default();
    let image = core.image();
    let refusal = whole_request_refusal(acks, request.transactional_id);
    for topic in request.topics() {
        let known = find_topic(&image, topic.name, topic.topic_id);
        let mut answers = Vec::new();
        for partition in topic.partitions() {
            let place = (response.responses.len(), answers.len());
            let prepared = match (&refusal, &known) {
                (Some(code), _) => Err(ProduceResult::refused(*code, None)),
                (None, Err(code)) => Err(ProduceResult::refused(*code, None)),
                (None, Ok(topic)) => prepare(&core, &context, topic, partition.index, partition.records, &body),
            };
            let mut answer = PartitionProduceResponse {
                index: partition.index,
                ..Default::default()
            };
            match prepared {
                Ok((owner, part)) => calls.push(owner, place, part),
                Err(result) => fill(&mut answer, result),
            }
            answers.push(answer);
        }
        response.responses.push(TopicProduceResponse {
            name: topic.name.to_owned(),
            topic_id: topic.topic_id,
            partition_responses: answers,
        });
    }
    let (places, asked): (Vec<_>, Vec<_>) = calls
        .into_calls()
        .map(|(owner, places, parts)| {
            (
                places,
                core.call(
                    owner,
                    ProduceCall {
                        required_acks: acks,
                        parts,
                    },
                ),
            )
        })
        .unzip();
    for (places, answer) in places.into_iter().zip(join_all(asked).await) {
        for ((topic, partition), result) in places.into_iter().zip(answer.0) {
            fill(&mut response.responses[topic].partition_responses[partition], result);
        }
    }
    if acks == 0 {
        return outcome_without_answer(&response);
    }
    respond(&context, &response)
}

/// With acks=0 a client hears of an error only by losing its connection, and then asks for metadata anew.
fn outcome_without_answer(response: &ProduceResponse) -> Outcome {
    let failed = response
        .responses
        .iter()
        .flat_map(|topic| {
            topic
                .partition_responses
                .iter()
                .map(move |partition| (topic, partition))
        })
        .find(|(_, partition)| partition.error_code != ErrorCode::NONE);
    match failed {
        Some((topic, partition)) => Outcome::Close(format!(
            "a produce request with acks=0 failed for {} {} partition {}: {}",
            topic.name, topic.topic_id, partition.index, partition.error_code
        )),
        None => Outcome::Silent,
    }
}

/// What is wrong with the request as a whole.
fn whole_request_refusal(acks: i16, transactional_id: Option<&str>) -> Option<ErrorCode> {
    if !(-1..=1).contains(&acks) {
        return Some(ErrorCode::INVALID_REQUIRED_ACKS);
    }
    transactional_id.map(|id| {
        tracing::warn!(transactional_id = id, "transactions are not there yet");
        ErrorCode::TRANSACTIONAL_ID_AUTHORIZATION_FAILED
    })
}

fn find_topic<'a>(image: &'a Image, name: &str, topic_id: Uuid) -> Result<&'a Arc<Topic>, ErrorCode> {
    if topic_id.is_nil() {
        image.topic_named(name).ok_or(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION)
    } else {
        image.topic(topic_id).ok_or(ErrorCode::UNKNOWN_TOPIC_ID)
    }
}

/// Verifies a partition's batch and names the core that owns it.
fn prepare<W: World<Message = Message>>(
    core: &Core<W>,
    context: &RequestContext,
    topic: &Topic,
    index: i32,
    records: Option<&[u8]>,
    body: &Bytes,
) -> Result<(usize, ProducePart), ProduceResult> {
    if !topic.has_partition(index) {
        return Err(ProduceResult::refused(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION, None));
    }
    let records = records.unwrap_or_default();
    let config = core.topic_config(topic);
    let refuse = |error_code: ErrorCode, message: String| {
        tracing::warn!(
            peer = %context.peer, client_id = context.client_id(), topic = %topic.name, partition = index,
            error = %error_code, reason = message, "refused a batch"
        );
        ProduceResult::refused(error_code, Some(message))
    };
    let limits = limits(&config, core.world.wall_ms());
    let verified = records::verify(records, &limits).map_err(|error| refuse(error.error_code(), error.to_string()))?;
    let key = PartitionKey {
        topic_id: topic.topic_id,
        partition: index,
    };
    let mut batch = body.slice_ref(records);
    let mut header = verified.header;
    if verified.needs_max_timestamp() {
        // As Kafka, which does not trust the header's copy of it.
        let mut repaired = BytesMut::from(records);
        records::set_max_timestamp(&mut repaired, verified.max_timestamp);
        batch = repaired.freeze();
        header.max_timestamp = verified.max_timestamp;
    }
    Ok((core.owner(&key), ProducePart { key, header, batch }))
}

fn limits(config: &TopicConfig, now_ms: i64) -> records::Limits {
    let limits = records::Limits {
        keys_required: config.compacts(),
        ..records::Limits::client(config.max_message_bytes as usize)
    };
    if config.log_append_time() {
        return limits;
    }
    records::Limits {
        timestamp_min_ms: now_ms.saturating_sub(config.message_timestamp_before_max_ms),
        timestamp_max_ms: now_ms.saturating_add(config.message_timestamp_after_max_ms),
        ..limits
    }
}

fn fill(answer: &mut PartitionProduceResponse, result: ProduceResult) {
    answer.error_code = result.error_code;
    answer.error_message = result.error_message;
    answer.base_offset = result.base_offset;
    answer.log_append_time_ms = result.log_append_time_ms;
    answer.log_start_offset = result.log_start_offset;
}
