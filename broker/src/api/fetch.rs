//! Fetch (key 1), versions 4 to 18: read record batches, with long polling and incremental sessions (KIP-227).
//!
//! Version 7 brought sessions; 9 the reader's leader epoch; 12 is flexible and tells divergence (KIP-595); 13 names
//! topics by id (KIP-516); 15 moved the replica id to a tag; 16 tells where other leaders live; 17 and 18 concern
//! replicas of Kafka's own kind. Brokers do not replicate by this API here: who calls itself a follower is nobody's.

use std::{collections::BTreeMap, time::Duration};

use bytes::Bytes;
use corelane_protocol::{
    error_code::ErrorCode,
    messages::fetch::{EpochEndOffset, FetchRequest, FetchResponse, FetchableTopicResponse, PartitionData},
    wire::Reader,
};
use futures_util::future::{join_all, select_all};

use super::context::{Outcome, RequestContext, frame_parts};
use crate::{
    core::{ByOwner, Core, Message, message::CancelFetchCall},
    limits::{FETCH_WAIT_MS_MAX, REQUEST_ITEMS_MAX},
    metadata::Image,
    metrics::{Stage, Timeline},
    partition::{
        FetchAnswer, FetchCall, FetchPart, FetchResult, FetchSpent, PartitionKey,
        lending::{Loan, keep_until_sent},
        session::{Context, SessionRequest, Told, TopicKey, Wanted},
    },
    quota::{self, Charge, Kind},
    runtime::world::{Instant, World},
};

/// A reader of committed transactions is told which were aborted, others get no list at all.
const READ_COMMITTED: i8 = 1;

pub async fn handle<W: World<Message = Message>>(core: Core<W>, context: RequestContext, body: Bytes) -> Outcome {
    let request = match FetchRequest::read(
        Reader::new(&body).with_items_max(REQUEST_ITEMS_MAX),
        context.api_version,
    ) {
        Ok(request) => request,
        Err(error) => return context.malformed(&error),
    };
    let quota_bytes_max = quota::host::fetch_bytes_max(&core, &context).unwrap_or(usize::MAX);
    let demand = Demand {
        max_bytes: (request.max_bytes.max(1) as usize)
            .min(core.config.connections.fetch_max_bytes as usize)
            .min(quota_bytes_max),
        min_bytes: request.min_bytes.max(0) as usize,
        is_follower: request.replica.replica_id >= 0,
        deadline: context.progress.began().after(Duration::from_millis(
            request.max_wait_ms.clamp(0, FETCH_WAIT_MS_MAX) as u64,
        )),
    };
    let session_request = session_request(&request, context.api_version);
    let begun = core
        .fetch_sessions
        .borrow_mut()
        .begin(context.progress.began(), session_request);
    let session = match begun {
        Ok(session) => session,
        Err(error_code) => {
            let response = FetchResponse {
                error_code,
                ..FetchResponse::default()
            };
            return Outcome::Respond(frame_parts(&context, &response).into());
        }
    };
    let image = core.image();
    let (results, loans) = read(&core, &image, &session, demand, &context.progress).await;
    let is_committed = request.isolation_level == READ_COMMITTED;
    let bytes: usize = results.iter().map(FetchResult::bytes).sum();
    let charged = quota::host::charge(&core, &context, Kind::Fetch, Charge::Used(bytes as f64));
    let throttle_time_ms = quota::host::settle(&core, &context, charged).await;
    let response = FetchResponse {
        throttle_time_ms,
        ..response(&core, session, results, is_committed)
    };
    let mut parts = frame_parts(&context, &response);
    keep_until_sent(loans, &mut parts);
    Outcome::Respond(parts.into())
}

/// What the request as a whole asks for.
#[derive(Clone, Copy)]
struct Demand {
    max_bytes: usize,
    min_bytes: usize,
    is_follower: bool,
    deadline: Instant,
}

fn session_request(request: &FetchRequest<'_>, version: i16) -> SessionRequest {
    let topic_key = |name: &str, id| {
        if version >= 13 {
            TopicKey::Id(id)
        } else {
            TopicKey::Name(name.into())
        }
    };
    let mut wanted = Vec::new();
    for topic in request.topics() {
        let key = topic_key(topic.name, topic.topic_id);
        for partition in topic.partitions() {
            wanted.push(Wanted {
                topic: key.clone(),
                partition: partition.partition,
                current_leader_epoch: partition.current_leader_epoch,
                fetch_offset: partition.fetch_offset,
                last_fetched_epoch: partition.last_fetched_epoch,
                partition_max_bytes: partition.partition_max_bytes,
            });
        }
    }
    let mut forgotten = Vec::new();
    for topic in request.forgotten() {
        let key = topic_key(topic.name, topic.topic_id);
        forgotten.extend(topic.partitions().map(|partition| (key.clone(), partition)));
    }
    SessionRequest {
        session_id: request.session_id,
        session_epoch: request.session_epoch,
        wanted,
        forgotten,
    }
}

/// One result per wanted partition, in order, and the loans of their records.
async fn read<W: World<Message = Message>>(
    core: &Core<W>,
    image: &Image,
    session: &Context,
    demand: Demand,
    timeline: &Timeline,
) -> (Vec<FetchResult>, Vec<Loan>) {
    let mut results: Vec<FetchResult> = Vec::with_capacity(session.wanted().len());
    let mut calls = ByOwner::<usize, FetchPart>::default();
    let mut urgent = false;
    for (index, wanted) in session.wanted().iter().enumerate() {
        let resolved = resolve(image, wanted);
        let resolved = resolved.and_then(|key| {
            if demand.is_follower {
                return Err(ErrorCode::NOT_LEADER_OR_FOLLOWER);
            }
            Ok(key)
        });
        match resolved {
            Ok(key) => {
                let part = FetchPart {
                    key,
                    fetch_offset: wanted.fetch_offset,
                    max_bytes: wanted.partition_max_bytes.max(0) as usize,
                    current_leader_epoch: wanted.current_leader_epoch,
                    last_fetched_epoch: wanted.last_fetched_epoch,
                };
                calls.push(core.owner(&key), index, part);
                results.push(FetchResult::failed(ErrorCode::NONE));
            }
            Err(code) => {
                urgent = true;
                results.push(FetchResult::failed(code));
            }
        }
    }
    let (places, owners): (Vec<_>, Vec<_>) = calls
        .into_calls()
        .map(|(owner, places, parts)| (places, (owner, parts)))
        .unzip();
    let demand = if urgent {
        Demand {
            deadline: Instant(0),
            ..demand
        }
    } else {
        demand
    };
    let answers = ask(core, owners, demand, timeline).await;
    let mut loans = Vec::with_capacity(answers.len());
    for (places, answer) in places.into_iter().zip(answers) {
        for (place, result) in places.into_iter().zip(answer.results) {
            results[place] = result;
        }
        loans.push(answer.loan);
    }
    (results, loans)
}

fn resolve(image: &Image, wanted: &Wanted) -> Result<PartitionKey, ErrorCode> {
    let topic = match &wanted.topic {
        TopicKey::Name(name) => image.topic_named(name).ok_or(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION)?,
        TopicKey::Id(id) => image.topic(*id).ok_or(ErrorCode::UNKNOWN_TOPIC_ID)?,
    };
    if !topic.has_partition(wanted.partition) {
        return Err(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION);
    }
    Ok(PartitionKey {
        topic_id: topic.topic_id,
        partition: wanted.partition,
    })
}

/// Asks the owning cores, and waits until they have enough together or time is over.
///
/// One owner waits by itself. Several are asked at once without waiting; if they have too little, all are asked to wait
/// for any news, the first that has some ends the wait of all, and then all are asked again.
async fn ask<W: World<Message = Message>>(
    core: &Core<W>,
    mut owners: Vec<(usize, Vec<FetchPart>)>,
    mut demand: Demand,
    timeline: &Timeline,
) -> Vec<FetchAnswer> {
    if owners.is_empty() {
        // Nothing can come; it waits for its time to be over where all others wait.
        owners.push((core.world.core(), Vec::new()));
        demand.min_bytes = demand.min_bytes.max(1);
    }
    if let [(owner, _)] = owners[..] {
        let (_, parts) = owners.into_iter().next().expect("there is one owner");
        let hop_began = (owner != core.world.core()).then(|| core.world.now());
        let call = FetchCall {
            parts,
            max_bytes: demand.max_bytes,
            min_bytes: demand.min_bytes,
            deadline: Some(demand.deadline),
            waiter: core.next_waiter(),
            spent: FetchSpent::default(),
        };
        let answers = vec![core.call(owner, call).await];
        note(timeline, &answers, hop_began.map(|began| core.world.now().since(began)));
        return answers;
    }
    let mut asked = core.world.now();
    loop {
        let answers = ask_at_once(core, &owners, demand.max_bytes).await;
        let answered = core.world.now();
        note(timeline, &answers, Some(answered.since(asked)));
        let bytes: usize = answers.iter().map(FetchAnswer::bytes).sum();
        let enough = bytes >= demand.min_bytes || answers.iter().any(FetchAnswer::is_urgent);
        if enough || answered >= demand.deadline || core.is_stopping() {
            return answers;
        }
        // What is too little is not kept meanwhile: it is asked for again.
        let had: Vec<usize> = answers.iter().map(FetchAnswer::bytes).collect();
        drop(answers);
        wait_for_news(core, &owners, &had, demand).await;
        asked = core.world.now();
        timeline.note(Stage::Wait, asked.since(answered));
    }
}

/// What the owners spent their time on; what is left of `asked`, from the question to the last answer, was the way to another core.
fn note(timeline: &Timeline, answers: &[FetchAnswer], asked: Option<Duration>) {
    let longest = answers.iter().map(|answer| answer.spent);
    let FetchSpent { read, waited } = longest
        .max_by_key(|spent| spent.read + spent.waited)
        .unwrap_or_default();
    for (stage, spent) in [(Stage::Read, read), (Stage::Wait, waited)] {
        if !spent.is_zero() {
            timeline.note(stage, spent);
        }
    }
    if let Some(asked) = asked {
        timeline.note(Stage::CoreHop, asked.saturating_sub(read + waited));
    }
}

async fn ask_at_once<W: World<Message = Message>>(
    core: &Core<W>,
    owners: &[(usize, Vec<FetchPart>)],
    max_bytes: usize,
) -> Vec<FetchAnswer> {
    // Each owner gets its share, so that all together stay below the whole; what a busy owner could give beyond its
    // share comes with the next fetch.
    let share = max_bytes.div_ceil(owners.len());
    let calls = owners.iter().map(|(owner, parts)| {
        let call = FetchCall {
            parts: parts.clone(),
            max_bytes: share,
            min_bytes: 0,
            deadline: None,
            waiter: 0,
            spent: FetchSpent::default(),
        };
        core.call(*owner, call)
    });
    join_all(calls.collect::<Vec<_>>()).await
}

/// Returns when any owner has more bytes than it had, or at the deadline.
async fn wait_for_news<W: World<Message = Message>>(
    core: &Core<W>,
    owners: &[(usize, Vec<FetchPart>)],
    had: &[usize],
    demand: Demand,
) {
    let mut waits = Vec::new();
    let mut names = Vec::new();
    for ((owner, parts), bytes) in owners.iter().zip(had) {
        let waiter = core.next_waiter();
        names.push((*owner, waiter));
        let call = FetchCall {
            parts: parts.clone(),
            max_bytes: demand.max_bytes,
            min_bytes: bytes + 1,
            deadline: Some(demand.deadline),
            waiter,
            spent: FetchSpent::default(),
        };
        waits.push(core.call(*owner, call));
    }
    let (_, first, rest) = select_all(waits.into_iter().map(Box::pin)).await;
    names.remove(first);
    for (owner, waiter) in names {
        drop(core.call(owner, CancelFetchCall(waiter)));
    }
    drop(rest);
}

fn response<W: World<Message = Message>>(
    core: &Core<W>,
    session: Context,
    results: Vec<FetchResult>,
    is_committed: bool,
) -> FetchResponse {
    let mut response = FetchResponse {
        session_id: session.session_id(),
        ..FetchResponse::default()
    };
    let incremental = matches!(session, Context::Incremental { .. });
    let mut topics: BTreeMap<TopicKey, usize> = BTreeMap::new();
    let mut sessions = core.fetch_sessions.borrow_mut();
    for (wanted, result) in session.wanted().iter().zip(results) {
        let told = Told {
            high_watermark: result.high_watermark,
            log_start_offset: result.log_start_offset,
        };
        let key = (wanted.topic.clone(), wanted.partition);
        let failed = result.error_code != ErrorCode::NONE || result.diverging_epoch.is_some();
        let news = sessions.should_tell(session.session_id(), &key, told, result.bytes(), failed);
        if incremental && !news {
            continue;
        }
        let topic = *topics.entry(key.0).or_insert_with_key(|key| {
            response.responses.push(match key {
                TopicKey::Name(name) => FetchableTopicResponse {
                    topic: name.to_string(),
                    ..Default::default()
                },
                TopicKey::Id(id) => FetchableTopicResponse {
                    topic_id: *id,
                    ..Default::default()
                },
            });
            response.responses.len() - 1
        });
        response.responses[topic]
            .partitions
            .push(partition_data(wanted.partition, result, is_committed));
    }
    response
}

fn partition_data(partition_index: i32, result: FetchResult, is_committed: bool) -> PartitionData {
    // Kafka has none for what it did not find, and null for what it found and could not read.
    let is_unknown = matches!(
        result.error_code,
        ErrorCode::UNKNOWN_TOPIC_OR_PARTITION | ErrorCode::UNKNOWN_TOPIC_ID
    );
    PartitionData {
        partition_index,
        error_code: result.error_code,
        high_watermark: result.high_watermark,
        last_stable_offset: result.high_watermark,
        log_start_offset: result.log_start_offset,
        diverging_epoch: result
            .diverging_epoch
            .map(|(epoch, end_offset)| EpochEndOffset { epoch, end_offset })
            .unwrap_or_default(),
        aborted_transactions: (is_unknown || is_committed && result.error_code == ErrorCode::NONE).then(Vec::new),
        records: result.records,
        ..PartitionData::default()
    }
}
