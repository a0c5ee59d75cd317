//! CreateTopics (key 19), versions 2 to 7.
//!
//! Version 4 gave defaults for partitions and replicas (−1); 5 is flexible and answers what was made; 6 may answer
//! THROTTLING_QUOTA_EXCEEDED; 7 answers the topic id.

use corelane_protocol::{
    error_code::ErrorCode,
    messages::{
        CreateTopicsRequest, CreateTopicsResponse,
        create_topics::{CreatableTopic, CreatableTopicConfigs, CreatableTopicResult},
    },
};

use super::{context::RequestContext, refusals::Refusals};
use crate::{
    config::{remark, topic},
    core::{Core, Message},
    metadata::decide::{Answer, CreateTopics, CreatedTopic, NewTopic, Wish, WishError},
    quota,
    runtime::world::World,
};

pub async fn handle<W: World<Message = Message>>(
    core: Core<W>,
    context: RequestContext,
    request: CreateTopicsRequest,
) -> CreateTopicsResponse {
    let names: Vec<String> = request.topics.iter().map(|topic| topic.name.clone()).collect();
    let is_done = !request.validate_only;
    let partitions = || {
        let count = |topic: &CreatableTopic| match topic.num_partitions {
            -1 if topic.assignments.is_empty() => core.config.log.num_partitions,
            -1 => topic.assignments.len() as i32,
            count => count.max(0),
        };
        request.topics.iter().map(|topic| count(topic) as usize).sum()
    };
    let may_mutate = quota::host::may_mutate(&core, &context, 6, partitions).await;
    let wish = Wish::CreateTopics(CreateTopics {
        topics: request.topics.into_iter().map(new_topic).collect(),
        validate_only: request.validate_only,
    });
    let mut refusals = Refusals::of(&core, &context);
    let answer_of_wish = match may_mutate {
        true => core.wish(wish).await,
        false => Err(WishError::throttled()),
    };
    let topics = match answer_of_wish {
        Ok(Answer::TopicsCreated(topics)) => topics
            .into_iter()
            .map(|(name, result)| {
                if let (true, Ok(created)) = (is_done, &result) {
                    log_created(&context, &name, created);
                }
                answer(&core, &mut refusals, name, result)
            })
            .collect(),
        Ok(other) => unreachable!("the answer of another wish: {other:?}"),
        Err(error) => names
            .into_iter()
            .map(|name| refused(&mut refusals, name, error.clone()))
            .collect(),
    };
    CreateTopicsResponse {
        topics,
        ..Default::default()
    }
}

fn log_created(context: &RequestContext, topic: &str, created: &CreatedTopic) {
    tracing::info!(
        peer = %context.peer,
        client_id = context.client_id(),
        topic,
        topic_id = %created.topic_id,
        partitions = created.num_partitions,
        replicas = created.replication_factor,
        "topic created"
    );
    for (key, value) in &created.configs {
        if let Some(remark) = remark(topic::KEYS, key, value) {
            tracing::warn!(topic, "{remark}");
        }
    }
}

fn new_topic(topic: CreatableTopic) -> NewTopic {
    NewTopic {
        name: topic.name,
        num_partitions: topic.num_partitions,
        replication_factor: topic.replication_factor,
        assignments: topic
            .assignments
            .into_iter()
            .map(|a| (a.partition_index, a.broker_ids))
            .collect(),
        configs: topic
            .configs
            .into_iter()
            .map(|config| (config.name, config.value))
            .collect(),
    }
}

fn answer<W: World<Message = Message>>(
    core: &Core<W>,
    refusals: &mut Refusals<'_>,
    name: String,
    result: Result<CreatedTopic, WishError>,
) -> CreatableTopicResult {
    let created = match result {
        Ok(created) => created,
        Err(error) => return refused(refusals, name, error),
    };
    let overrides = created.configs.into_iter().collect();
    let configs = topic::entries(&core.live_config(), &overrides)
        .into_iter()
        .map(|entry| CreatableTopicConfigs {
            name: entry.name.to_owned(),
            value: entry.value,
            read_only: entry.read_only,
            config_source: entry.source.code(),
            is_sensitive: entry.sensitive,
        })
        .collect();
    CreatableTopicResult {
        name,
        topic_id: created.topic_id,
        error_message: None,
        num_partitions: created.num_partitions,
        replication_factor: created.replication_factor,
        configs: Some(configs),
        ..Default::default()
    }
}

fn refused(refusals: &mut Refusals<'_>, name: String, error: WishError) -> CreatableTopicResult {
    if error.code != ErrorCode::TOPIC_ALREADY_EXISTS {
        refusals.add(&name, &error);
    }
    CreatableTopicResult {
        name,
        error_code: error.code,
        error_message: Some(error.message),
        ..Default::default()
    }
}
