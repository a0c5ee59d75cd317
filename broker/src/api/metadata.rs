//! Metadata (key 3), versions 0 to 13: brokers, topics, leaders.
//!
//! Version 1 tells null (all topics) from empty (none); 4 may forbid auto-creation; 5 offline replicas; 7 leader epochs;
//! 8 authorized operations; 9 is flexible; 10 topic ids; 12 look-up by id (of 10 and 11 a request with ids is refused as a
//! whole); 13 a top-level error. A request that has an id is by ids, and names in it are not looked at.

use std::collections::BTreeSet;

use corelane_protocol::{
    error_code::ErrorCode,
    messages::{
        MetadataRequest, MetadataResponse,
        metadata::{MetadataRequestTopic, MetadataResponseBroker, MetadataResponsePartition, MetadataResponseTopic},
    },
};

use super::{context::RequestContext, operations, pace::Pace};
use crate::{
    core::{Core, Message},
    metadata::{
        Image, Topic,
        decide::{NewTopic, is_internal, validate_topic_name},
    },
    runtime::world::World,
};

pub async fn handle<W: World<Message = Message>>(
    core: Core<W>,
    context: RequestContext,
    request: MetadataRequest,
) -> MetadataResponse {
    let version = context.api_version;
    let asked = request.topics.as_deref().unwrap_or_default();
    let has_ids = asked.iter().any(|topic| !topic.topic_id.is_nil());
    if version < 12 && (has_ids || asked.iter().any(|topic| topic.name.is_none())) {
        return refused(asked);
    }
    let all = match &request.topics {
        None => true,
        Some(topics) => version == 0 && topics.is_empty(),
    };
    let mut pace = Pace::new(&core.world);
    let mut topics = if all {
        let image = core.image();
        let mut topics = Vec::new();
        for topic in image.topics_by_name() {
            let found = known(&core, topic);
            pace.spend(1 + found.partitions.len()).await;
            topics.push(found);
        }
        topics
    } else {
        let may_create =
            (version < 4 || request.allow_auto_topic_creation) && core.config.log.auto_create_topics_enable;
        // Each topic once, as in Kafka: an answer may be thousands of times as long as a name.
        let mut seen = BTreeSet::new();
        let mut asked = request.topics.unwrap_or_default();
        asked.retain(|topic| seen.insert((topic.name.clone(), topic.topic_id)));
        if may_create && !has_ids {
            create_missing(&core, &asked).await;
        }
        let image = core.image();
        let mut topics = Vec::with_capacity(asked.len());
        for topic in &asked {
            let found = find(&core, &image, topic, has_ids);
            pace.spend(1 + found.partitions.len()).await;
            topics.push(found);
        }
        topics
    };
    if request.include_topic_authorized_operations {
        for topic in topics
            .iter_mut()
            .filter(|topic| topic.error_code != ErrorCode::UNKNOWN_TOPIC_ID)
        {
            topic.topic_authorized_operations = operations::OF_TOPIC;
        }
    }
    let endpoint = core.advertised();
    MetadataResponse {
        brokers: vec![MetadataResponseBroker {
            node_id: core.broker_id(),
            host: endpoint.host.clone(),
            port: i32::from(endpoint.port),
            ..Default::default()
        }],
        cluster_id: Some(core.cluster_id()),
        controller_id: core.broker_id(),
        topics,
        cluster_authorized_operations: operations::if_asked(
            request.include_cluster_authorized_operations,
            operations::OF_CLUSTER,
        ),
        ..Default::default()
    }
}

/// These versions know topics by name alone; the answer names no broker either.
fn refused(asked: &[MetadataRequestTopic]) -> MetadataResponse {
    let topics = asked.iter().map(|topic| MetadataResponseTopic {
        error_code: ErrorCode::INVALID_REQUEST,
        name: Some(topic.name.clone().unwrap_or_default()),
        topic_id: topic.topic_id,
        ..Default::default()
    });
    MetadataResponse {
        topics: topics.collect(),
        controller_id: -1,
        ..Default::default()
    }
}

fn find<W: World<Message = Message>>(
    core: &Core<W>,
    image: &Image,
    asked: &MetadataRequestTopic,
    has_ids: bool,
) -> MetadataResponseTopic {
    let found = match &asked.name {
        Some(name) if !has_ids => image.topic_named(name).ok_or_else(|| match validate_topic_name(name) {
            Ok(()) => ErrorCode::UNKNOWN_TOPIC_OR_PARTITION,
            Err(_) => ErrorCode::INVALID_TOPIC_EXCEPTION,
        }),
        _ => image.topic(asked.topic_id).ok_or(ErrorCode::UNKNOWN_TOPIC_ID),
    };
    match found {
        Ok(topic) => known(core, topic),
        Err(error_code) => MetadataResponseTopic {
            error_code,
            name: asked.name.clone().filter(|_| !has_ids),
            topic_id: asked.topic_id,
            ..Default::default()
        },
    }
}

fn known<W: World<Message = Message>>(core: &Core<W>, topic: &Topic) -> MetadataResponseTopic {
    let image = core.image();
    let alive = |node: &i32| image.broker(*node).is_some_and(|broker| !broker.fenced);
    let partitions = image
        .partitions(topic)
        .map(|(partition_index, partition)| {
            let replicas = partition.replica_nodes();
            MetadataResponsePartition {
                error_code: if partition.leader.is_none() {
                    ErrorCode::LEADER_NOT_AVAILABLE
                } else {
                    ErrorCode::NONE
                },
                partition_index,
                leader_id: partition.leader.map_or(-1, |leader| leader.node),
                leader_epoch: partition.leader_epoch,
                isr_nodes: partition.isr.to_vec(),
                offline_replicas: replicas.iter().copied().filter(|node| !alive(node)).collect(),
                replica_nodes: replicas,
            }
        })
        .collect();
    MetadataResponseTopic {
        name: Some(topic.name.to_string()),
        topic_id: topic.topic_id,
        is_internal: is_internal(&topic.name),
        partitions,
        ..Default::default()
    }
}

/// Makes the named topics that do not exist, with the broker's defaults. Who asks then gets the answer of a topic that is
/// there, not LEADER_NOT_AVAILABLE and a retry.
async fn create_missing<W: World<Message = Message>>(core: &Core<W>, asked: &[MetadataRequestTopic]) {
    let image = core.image();
    let missing: Vec<NewTopic> = asked
        .iter()
        .filter_map(|topic| topic.name.as_deref())
        .filter(|name| image.topic_named(name).is_none() && validate_topic_name(name).is_ok())
        .map(|name| core.new_topic(name))
        .collect();
    if !missing.is_empty() {
        core.create_topics(missing).await;
    }
}
