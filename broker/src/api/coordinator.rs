//! From a group id to its coordinator: what all group APIs share.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use corelane_protocol::error_code::ErrorCode;
use futures_util::future::join_all;

use super::{context::RequestContext, pace::Pace};
use crate::{
    core::{CONSUMER_OFFSETS, Core, Message},
    group::{Client, GroupCall, Request, Response, partition_for},
    limits::WORK_PER_TURN,
    metadata::Topic,
    partition::PartitionKey,
    runtime::world::World,
};

/// Asks the coordinator of `group_id`, on whichever core it lives; `NOT_COORDINATOR` if this broker is not the one.
pub async fn ask<W: World<Message = Message>>(
    core: &Core<W>,
    context: &RequestContext,
    group_id: &str,
    request: Request,
) -> Response {
    match coordinator_of(core, group_id) {
        Some(key) => ask_at(core, context, key, request).await,
        None => request.failed(ErrorCode::NOT_COORDINATOR),
    }
}

/// Asks about several groups, each once: every coordinator that some of them belong to at the same time, so many at a time that
/// its core can do other things between.
pub async fn ask_each<W: World<Message = Message>>(
    core: &Core<W>,
    context: &RequestContext,
    groups: impl IntoIterator<Item = String>,
    request: fn(Vec<String>) -> Request,
) -> Vec<Response> {
    let mut pace = Pace::new(&core.world);
    let mut by_coordinator: BTreeMap<_, BTreeSet<String>> = BTreeMap::new();
    for group_id in groups {
        by_coordinator
            .entry(coordinator_of(core, &group_id))
            .or_default()
            .insert(group_id);
        pace.step().await;
    }
    let asked = by_coordinator.into_iter().map(|(coordinator, groups)| async move {
        let mut answers = Vec::new();
        let mut groups = groups.into_iter().peekable();
        while groups.peek().is_some() {
            let request = request(groups.by_ref().take(WORK_PER_TURN).collect());
            answers.push(match coordinator {
                Some(coordinator) => ask_at(core, context, coordinator, request).await,
                None => request.failed(ErrorCode::NOT_COORDINATOR),
            });
            core.world.yield_now().await;
        }
        answers
    });
    join_all(asked).await.into_iter().flatten().collect()
}

/// Asks the coordinator of a partition of `__consumer_offsets`.
pub async fn ask_at<W: World<Message = Message>>(
    core: &Core<W>,
    context: &RequestContext,
    coordinator: PartitionKey,
    request: Request,
) -> Response {
    let client = Client {
        id: context.client_id().to_owned(),
        // As Java prints an address without a name.
        host: format!("/{}", context.peer.ip().to_canonical()),
        api_version: context.api_version,
        random: 0,
    };
    let call = GroupCall {
        coordinator,
        client,
        request,
    };
    core.call(core.owner(&coordinator), call).await
}

/// The partition of `__consumer_offsets` that the group belongs to, if there is that topic.
pub fn coordinator_of<W: World<Message = Message>>(core: &Core<W>, group_id: &str) -> Option<PartitionKey> {
    let topic = offsets_topic(core)?;
    let partition = partition_for(group_id, topic.partition_count());
    Some(PartitionKey {
        topic_id: topic.topic_id,
        partition,
    })
}

/// All partitions of `__consumer_offsets`.
pub fn all_coordinators<W: World<Message = Message>>(core: &Core<W>) -> Vec<PartitionKey> {
    let Some(topic) = offsets_topic(core) else {
        return Vec::new();
    };
    let count = topic.partition_count();
    (0..count)
        .map(|partition| PartitionKey {
            topic_id: topic.topic_id,
            partition,
        })
        .collect()
}

pub fn offsets_topic<W: World<Message = Message>>(core: &Core<W>) -> Option<Arc<Topic>> {
    core.image()
        .topic_named(CONSUMER_OFFSETS)
        .filter(|topic| topic.partition_count() > 0)
        .cloned()
}
