//! Produce (key 0), versions 3 to 13: append record batches.
//!
//! Version 5 answers the log start offset; 7 knows zstd; 8 record errors; 9 is flexible; 10 tells the current leader
//! (KIP-951); 12 is for the second transaction protocol; 13 names topics by id (KIP-516). Transactional batches are refused until there
//! is a transaction coordinator. Each partition carries exactly one batch, as in Kafka since version 3.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use corelane_protocol::{
    error_code::ErrorCode,
    messages::produce::{
        BatchIndexAndErrorMessage, PartitionProduceResponse, ProduceRequest, ProduceResponse, TopicProduceResponse,
    },
    records::{self, BatchError, BatchHeader, Compression, Limits, Recompression, Target, Verification, Verified},
    wire::Reader,
};
use smallvec::SmallVec;
use uuid::Uuid;

use super::{
    context::{Outcome, RequestContext, respond},
    pace::Pace,
    refusals::Refusals,
};
use crate::{
    config::TopicConfig,
    core::{ByOwner, Core, Message},
    limits::{EXPANSION_RATIO_MAX, REQUEST_ITEMS_MAX},
    metadata::{Image, Topic, decide::is_internal},
    partition::{PartitionKey, ProduceCall, ProducePart, ProduceResult},
    quota::{self, Charge, Kind},
    runtime::world::World,
};

/// First version whose clients may send zstd.
const ZSTD_SINCE: i16 = 7;
/// First version that names topics by id.
const TOPIC_IDS_SINCE: i16 = 13;

/// Where the result of a part belongs in the answer: (topic, partition) by position.
type Place = (usize, usize);

/// The connection begins its next request only when the calls of the owning cores are made, so that pipelined requests append
/// in their order. Until then this gives way only where there is much to check.
pub async fn handle<W: World<Message = Message>>(core: Core<W>, context: RequestContext, body: Bytes) -> Outcome {
    let request = match ProduceRequest::read(
        Reader::new(&body).with_items_max(REQUEST_ITEMS_MAX),
        context.api_version,
    ) {
        Ok(request) => request,
        Err(error) => return context.malformed(&error),
    };
    let acks = request.acks;
    let mut response = ProduceResponse {
        responses: Vec::with_capacity(request.topics().len()),
        ..Default::default()
    };
    let mut calls = ByOwner::<Place, ProducePart>::default();
    let image = core.image();
    let refusal = whole_request_refusal(&request);
    let mut refusals = Refusals::of(&core, &context);
    let mut expansion_bytes_left = expansion_bytes_max(&core);
    let mut pace = Pace::new(&core.world);
    for topic in request.topics() {
        let known = find_topic(&image, context.api_version, topic.name, topic.topic_id);
        let mut answers = Vec::with_capacity(topic.partitions().len());
        for partition in topic.partitions() {
            pace.step().await;
            let place = (response.responses.len(), answers.len());
            let prepared = match (&refusal, &known) {
                (Some(code), _) => Err(Refused::from(*code)),
                (None, Err(code)) => Err(Refused::from(*code)),
                (None, Ok(topic)) => {
                    let records = body.slice_ref(partition.records.unwrap_or_default());
                    if context.api_version < ZSTD_SINCE && is_zstd(&records) {
                        Err(Refused::from(ErrorCode::UNSUPPORTED_COMPRESSION_TYPE))
                    } else {
                        prepare(&core, topic, partition.index, records, &mut expansion_bytes_left).await
                    }
                }
            };
            if let Err(refused) = &prepared {
                let reason = refused.message.as_deref().unwrap_or_default();
                refusals.add(
                    format_args!("{} {} partition {}", topic.name, topic.topic_id, partition.index),
                    format_args!("{}: {reason}", refused.code),
                );
            }
            let mut answer = PartitionProduceResponse {
                index: partition.index,
                ..Default::default()
            };
            match prepared {
                Ok((owner, part)) => calls.push(owner, place, part),
                Err(refused) => refused.fill(&mut answer),
            }
            answers.push(answer);
        }
        if answers.is_empty() {
            continue;
        }
        response.responses.push(TopicProduceResponse {
            name: topic.name.to_owned(),
            topic_id: topic.topic_id,
            partition_responses: answers,
        });
    }
    let asked: SmallVec<[_; 1]> = calls
        .into_small_calls()
        .map(|(owner, places, parts)| {
            let hop_began = (owner != core.world.core()).then(|| core.world.now());
            let call = ProduceCall {
                required_acks: acks,
                parts,
            };
            (places, hop_began, core.call(owner, call))
        })
        .collect();
    context.progress.set_appends_made();
    let charged = quota::host::charge(
        &core,
        &context,
        Kind::Produce,
        Charge::Used(context.request_bytes as f64),
    );
    drop(refusals);
    // The records are in the journal's frame: nothing holds the request's memory while the disk has its turn.
    drop(body);
    // The owner that was last is the one that was waited for. All calls are on their way, so their order does not matter here.
    let mut last = None;
    for (places, hop_began, call) in asked {
        let answer = call.await;
        last = last.max(Some((answer.marks.durable, answer.marks, hop_began)));
        for ((topic, partition), result) in places.into_iter().zip(answer.results) {
            fill(&mut response.responses[topic].partition_responses[partition], result);
        }
    }
    if let Some((_, marks, hop_began)) = last {
        let hop = hop_began.map(|began| (began, core.world.now()));
        context.progress.note_journal(marks, hop);
    }
    response.throttle_time_ms = quota::host::settle(&core, &context, charged).await;
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

/// A batch that never comes to its owner, and why.
struct Refused {
    code: ErrorCode,
    message: Option<String>,
    records: Vec<BatchIndexAndErrorMessage>,
}

impl From<ErrorCode> for Refused {
    fn from(code: ErrorCode) -> Refused {
        Refused {
            code,
            message: None,
            records: Vec::new(),
        }
    }
}

impl From<BatchError> for Refused {
    fn from(error: BatchError) -> Refused {
        let records = error
            .unwanted()
            .iter()
            .map(|(batch_index, fault)| BatchIndexAndErrorMessage {
                batch_index: *batch_index,
                batch_index_error_message: Some(fault.to_string()),
            });
        Refused {
            code: error.error_code(),
            message: Some(error.to_string()),
            records: records.collect(),
        }
    }
}

impl Refused {
    fn fill(self, answer: &mut PartitionProduceResponse) {
        fill(answer, ProduceResult::refused(self.code, self.message));
        answer.record_errors = self.records;
    }
}

/// What is wrong with the request as a whole.
fn whole_request_refusal(request: &ProduceRequest<'_>) -> Option<ErrorCode> {
    if !(-1..=1).contains(&request.acks) {
        return Some(ErrorCode::INVALID_REQUIRED_ACKS);
    }
    // One batch of a transaction makes the whole request one, as in Kafka (`KafkaApis.handleProduceRequest`), which answers
    // this also when no transactional id is given. Nobody may have one as long as there are no transactions.
    let is_transactional = request.transactional_id.is_some()
        || request.topics().any(|topic| {
            let mut partitions = topic.partitions();
            partitions.any(|partition| {
                let header = BatchHeader::parse(partition.records.unwrap_or_default());
                header.is_ok_and(|header| header.is_transactional())
            })
        });
    is_transactional.then_some(ErrorCode::TRANSACTIONAL_ID_AUTHORIZATION_FAILED)
}

/// A client that speaks an older version than zstd might not be able to read what it asks others to write (KIP-110).
fn is_zstd(batch: &[u8]) -> bool {
    BatchHeader::parse(batch).is_ok_and(|header| header.compression() == Ok(Compression::Zstd))
}

fn find_topic<'a>(image: &'a Image, version: i16, name: &str, topic_id: Uuid) -> Result<&'a Arc<Topic>, ErrorCode> {
    if version < TOPIC_IDS_SINCE {
        image.topic_named(name).ok_or(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION)
    } else {
        image.topic(topic_id).ok_or(ErrorCode::UNKNOWN_TOPIC_ID)
    }
}

/// Verifies a partition's batch and names the core that owns it.
async fn prepare<W: World<Message = Message>>(
    core: &Core<W>,
    topic: &Topic,
    index: i32,
    mut batch: Bytes,
    expansion_bytes_left: &mut usize,
) -> Result<(usize, ProducePart), Refused> {
    if !topic.has_partition(index) {
        return Err(Refused::from(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION));
    }
    // Kafka lets pass who calls itself `__admin_client`; a name that anybody may carry opens nothing here.
    if is_internal(&topic.name) {
        return Err(Refused {
            message: Some(format!("Cannot append to internal topic {}", topic.name)),
            ..Refused::from(ErrorCode::INVALID_TOPIC_EXCEPTION)
        });
    }
    let config = core.topic_config(topic);
    let mut limits = limits(&config, core.world.wall_ms());
    limits.decompressed_bytes_max = limits.decompressed_bytes_max.min(*expansion_bytes_left);
    let verified = verify(core, &batch, &limits, expansion_bytes_left).await?;
    let key = PartitionKey {
        topic_id: topic.topic_id,
        partition: index,
    };
    let mut header = verified.header;
    if verified.needs_max_timestamp() {
        // As Kafka, which does not trust the header's copy of it.
        let mut repaired = BytesMut::from(&batch[..]);
        records::set_max_timestamp(&mut repaired, verified.max_timestamp);
        batch = repaired.freeze();
        header.max_timestamp = verified.max_timestamp;
    }
    let codec = header.compression().expect("it was verified");
    if let Some(target) = config.recompression(codec) {
        // In a box, since it is rare.
        batch = Box::pin(recompress(core, &batch, target, verified.records_bytes)).await;
        header = BatchHeader::parse(&batch).expect("a batch was made");
        if batch.len() > config.max_message_bytes as usize {
            let message = format!("The batch has {} bytes as {}.", batch.len(), target.codec.name());
            return Err(Refused {
                message: Some(message),
                ..Refused::from(ErrorCode::MESSAGE_TOO_LARGE)
            });
        }
    }
    Ok((core.owner(&key), ProducePart { key, header, batch }))
}

/// Most batches are done at the first step. One that is not gives way after each, and is begun anew when the other such batches
/// of this core are done: whoever waits holds no memory for it.
async fn verify<W: World<Message = Message>>(
    core: &Core<W>,
    batch: &[u8],
    limits: &Limits,
    expansion_bytes_left: &mut usize,
) -> Result<Verified, BatchError> {
    let mut verification = Verification::begin(batch, limits)?;
    let mut outcome = verification.step();
    if let Ok(None) = outcome {
        drop(verification);
        let _turn = core.large_batches.lock().await;
        verification = Verification::begin(batch, limits)?;
        outcome = verification.step();
        while let Ok(None) = outcome {
            core.world.yield_now().await;
            outcome = verification.step();
        }
    }
    // Whether it was good or not: both are work.
    *expansion_bytes_left = expansion_bytes_left.saturating_sub(verification.expanded_bytes());
    outcome.map(|verified| verified.expect("a step that is not the last was followed by another"))
}

/// The same batch in the codec that its topic keeps. One at a time on a core, so that what they expand to is held once.
async fn recompress<W: World<Message = Message>>(
    core: &Core<W>,
    batch: &[u8],
    target: Target,
    records_bytes: usize,
) -> Bytes {
    const VERIFIED: &str = "a verified batch expands again";
    let _turn = core.large_batches.lock().await;
    let mut recompression = Recompression::begin(batch, target, records_bytes).expect(VERIFIED);
    loop {
        if let Some(recompressed) = recompression.step().expect(VERIFIED) {
            return recompressed;
        }
        core.world.yield_now().await;
    }
}

/// What the batches of one request may expand to together. Kafka has no such bound; a client that sends batches of a sane size
/// never comes near it.
fn expansion_bytes_max<W: World<Message = Message>>(core: &Core<W>) -> usize {
    EXPANSION_RATIO_MAX.saturating_mul(core.config.connections.socket_request_max_bytes as usize)
}

fn limits(config: &TopicConfig, now_ms: i64) -> Limits {
    let limits = Limits {
        keys_required: config.compacts(),
        ..Limits::client(config.max_message_bytes as usize)
    };
    if config.log_append_time() {
        return limits;
    }
    Limits {
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
