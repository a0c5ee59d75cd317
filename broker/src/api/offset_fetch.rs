//! OffsetFetch (key 9), versions 1 to 10.
//!
//! Version 2 asks for all topics by null and has a top-level error, 3 to 5 brought throttle time and leader epochs, 6 is
//! flexible, 7 may require stable offsets, 8 asks for several groups, 10 names topics by id.

use corelane_protocol::{
    error_code::ErrorCode,
    messages::{
        OffsetFetchRequest, OffsetFetchResponse,
        offset_fetch::{
            OffsetFetchRequestGroup, OffsetFetchRequestTopics, OffsetFetchResponseGroup, OffsetFetchResponsePartition,
            OffsetFetchResponsePartitions, OffsetFetchResponseTopic, OffsetFetchResponseTopics,
        },
    },
};
use futures_util::future::join_all;

use super::{context::RequestContext, coordinator::ask};
use crate::{
    core::{Core, Message},
    group::{Request, Response},
    limits::WORK_PER_TURN,
    runtime::world::World,
};

/// First version with a top-level error.
const TOP_LEVEL_ERROR_SINCE: i16 = 2;
/// First version with several groups.
const SEVERAL_SINCE: i16 = 8;
/// First version with topic ids instead of names.
const TOPIC_IDS_SINCE: i16 = 10;

pub async fn handle<W: World<Message = Message>>(
    core: Core<W>,
    context: RequestContext,
    request: OffsetFetchRequest,
) -> OffsetFetchResponse {
    let stable = request.require_stable;
    if context.api_version >= SEVERAL_SINCE {
        let mut groups = Vec::with_capacity(request.groups.len());
        let mut asked = request.groups.into_iter().peekable();
        // Many at once, but not all: each is carried out at once if its coordinator is on this core.
        while asked.peek().is_some() {
            let some = asked.by_ref().take(WORK_PER_TURN);
            groups.extend(join_all(some.map(|group| fetch(&core, &context, group, stable))).await);
            core.world.yield_now().await;
        }
        return OffsetFetchResponse {
            groups,
            ..Default::default()
        };
    }
    let group = one_group(request);
    let asked = group.topics.clone().unwrap_or_default();
    let answer = fetch(&core, &context, group, stable).await;
    one_answer(context.api_version, asked, answer)
}

/// One group's offsets. The coordinator is asked by name and id: an offset of an earlier topic of that name is none.
async fn fetch<W: World<Message = Message>>(
    core: &Core<W>,
    context: &RequestContext,
    mut group: OffsetFetchRequestGroup,
    require_stable: bool,
) -> OffsetFetchResponseGroup {
    let by_id = context.api_version >= TOPIC_IDS_SINCE;
    let image = core.image();
    let mut unknown = Vec::new();
    if by_id {
        for topic in group.topics.iter_mut().flatten() {
            match image.topic(topic.topic_id) {
                Some(known) => topic.name = known.name.to_string(),
                None => unknown.push(unknown_topic(topic)),
            }
        }
        if let Some(topics) = &mut group.topics {
            topics.retain(|topic| !topic.name.is_empty());
        }
    } else {
        for topic in group.topics.iter_mut().flatten() {
            topic.topic_id = image.topic_id(&topic.name).unwrap_or_default();
        }
    }
    let group_id = group.group_id.clone();
    let mut answer = match ask(core, context, &group_id, Request::OffsetFetch { group, require_stable }).await {
        Response::OffsetFetch(answer) => answer,
        other => unreachable!("the answer of another request: {other:?}"),
    };
    if by_id {
        for topic in answer.topics.iter_mut().filter(|topic| topic.topic_id.is_nil()) {
            topic.topic_id = image.topic_id(&topic.name).unwrap_or_default();
        }
        // Offsets of a topic that is gone cannot be named.
        answer.topics.retain(|topic| !topic.topic_id.is_nil());
        answer.topics.extend(unknown);
    }
    answer
}

fn unknown_topic(topic: &OffsetFetchRequestTopics) -> OffsetFetchResponseTopics {
    OffsetFetchResponseTopics {
        topic_id: topic.topic_id,
        partitions: topic
            .partition_indexes
            .iter()
            .map(|&partition_index| OffsetFetchResponsePartitions {
                partition_index,
                committed_offset: -1,
                metadata: Some(String::new()),
                error_code: ErrorCode::UNKNOWN_TOPIC_ID,
                ..Default::default()
            })
            .collect(),
        ..Default::default()
    }
}

/// The request of a version that knows one group only, in the later form.
fn one_group(request: OffsetFetchRequest) -> OffsetFetchRequestGroup {
    let topics = request.topics.map(|topics| {
        topics
            .into_iter()
            .map(|topic| OffsetFetchRequestTopics {
                name: topic.name,
                partition_indexes: topic.partition_indexes,
                ..Default::default()
            })
            .collect()
    });
    OffsetFetchRequestGroup {
        group_id: request.group_id,
        topics,
        ..Default::default()
    }
}

/// The answer to it, in the earlier form. Version 1 can tell an error only for each partition.
fn one_answer(
    version: i16,
    asked: Vec<OffsetFetchRequestTopics>,
    answer: OffsetFetchResponseGroup,
) -> OffsetFetchResponse {
    let error_code = answer.error_code;
    if version < TOP_LEVEL_ERROR_SINCE && error_code != ErrorCode::NONE {
        let failed = |partition_index| OffsetFetchResponsePartition {
            partition_index,
            committed_offset: -1,
            metadata: Some(String::new()),
            error_code,
            ..Default::default()
        };
        let topics = asked.into_iter().map(|topic| OffsetFetchResponseTopic {
            name: topic.name,
            partitions: topic.partition_indexes.into_iter().map(failed).collect(),
        });
        return OffsetFetchResponse {
            topics: topics.collect(),
            ..Default::default()
        };
    }
    let topics = answer.topics.into_iter().map(|topic| OffsetFetchResponseTopic {
        name: topic.name,
        partitions: topic
            .partitions
            .into_iter()
            .map(|partition| OffsetFetchResponsePartition {
                partition_index: partition.partition_index,
                committed_offset: partition.committed_offset,
                committed_leader_epoch: partition.committed_leader_epoch,
                metadata: partition.metadata,
                error_code: partition.error_code,
            })
            .collect(),
    });
    OffsetFetchResponse {
        topics: topics.collect(),
        error_code,
        ..Default::default()
    }
}
