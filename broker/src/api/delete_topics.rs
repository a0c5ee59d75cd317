//! DeleteTopics (key 20), versions 1 to 6.
//!
//! Version 4 is flexible; 5 answers a message; 6 takes topic ids beside names (KIP-516).

use corelane_protocol::{
    error_code::ErrorCode,
    messages::{DeleteTopicsRequest, DeleteTopicsResponse, delete_topics::DeletableTopicResult},
};

use super::{context::RequestContext, refusals::Refusals};
use crate::{
    core::{Core, Message},
    metadata::decide::{Answer, DeletedTopic, TopicRef, Wish, WishError},
    quota,
    runtime::world::World,
};

pub async fn handle<W: World<Message = Message>>(
    core: Core<W>,
    context: RequestContext,
    request: DeleteTopicsRequest,
) -> DeleteTopicsResponse {
    let mut topics: Vec<TopicRef> = request.topic_names.into_iter().map(TopicRef::Name).collect();
    let mut ambiguous = Vec::new();
    for topic in request.topics {
        match topic.name {
            None => topics.push(TopicRef::Id(topic.topic_id)),
            Some(name) if topic.topic_id.is_nil() => topics.push(TopicRef::Name(name)),
            Some(name) => ambiguous.push(DeletableTopicResult {
                name: Some(name),
                topic_id: topic.topic_id,
                error_code: ErrorCode::INVALID_REQUEST,
                error_message: Some("You may not specify both topic name and topic id.".to_owned()),
            }),
        }
    }
    let refused_all = |code: ErrorCode, message: &str, topics: Vec<TopicRef>| {
        topics
            .into_iter()
            .map(|topic| {
                let (name, topic_id) = match topic {
                    TopicRef::Name(name) => (Some(name), uuid::Uuid::nil()),
                    TopicRef::Id(id) => (None, id),
                };
                DeletableTopicResult {
                    name,
                    topic_id,
                    error_code: code,
                    error_message: Some(message.to_owned()),
                }
            })
            .collect()
    };
    let mut refusals = Refusals::of(&core, &context);
    let mut responses: Vec<_> = if core.config.log.delete_topic_enable {
        let image = core.image();
        let deleted = || {
            let held = topics.iter().filter_map(|topic| match topic {
                TopicRef::Name(name) => image.topic_named(name),
                TopicRef::Id(id) => image.topic(*id),
            });
            held.map(|topic| topic.partition_count() as usize).sum()
        };
        let answer_of_wish = match quota::host::may_mutate(&core, &context, 5, deleted).await {
            true => core.wish(Wish::DeleteTopics(topics.clone())).await,
            false => Err(WishError::throttled()),
        };
        match answer_of_wish {
            Ok(Answer::TopicsDeleted(deleted)) => {
                for topic in deleted.iter().filter(|topic| topic.result.is_ok()) {
                    log_deleted(&context, topic);
                }
                deleted.into_iter().map(|topic| answer(&mut refusals, topic)).collect()
            }
            Ok(other) => unreachable!("the answer of another wish: {other:?}"),
            Err(error) => refused_all(error.code, &error.message, topics),
        }
    } else if context.api_version < 3 {
        refused_all(ErrorCode::INVALID_REQUEST, "Topic deletion is disabled.", topics)
    } else {
        refused_all(
            ErrorCode::TOPIC_DELETION_DISABLED,
            "Topic deletion is disabled.",
            topics,
        )
    };
    responses.append(&mut ambiguous);
    DeleteTopicsResponse {
        responses,
        ..Default::default()
    }
}

fn log_deleted(context: &RequestContext, topic: &DeletedTopic) {
    tracing::info!(
        peer = %context.peer,
        client_id = context.client_id(),
        topic = topic.name.as_deref(),
        topic_id = %topic.topic_id,
        "topic deleted"
    );
}

fn answer(refusals: &mut Refusals<'_>, topic: DeletedTopic) -> DeletableTopicResult {
    let (error_code, error_message) = match topic.result {
        Ok(()) => (ErrorCode::NONE, None),
        Err(error) => {
            refusals.add(topic.name.as_deref().unwrap_or("a topic id"), &error);
            (error.code, Some(error.message))
        }
    };
    DeletableTopicResult {
        name: topic.name,
        topic_id: topic.topic_id,
        error_code,
        error_message,
    }
}
