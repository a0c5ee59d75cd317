//! DeleteTopics, by name or id: `ControllerApis.deleteTopics`, without its shuffling of answers.

use std::collections::BTreeSet;

use corelane_protocol::error_code::ErrorCode;
use uuid::Uuid;

use super::{
    super::{
        image::RootImage,
        records::{Record, RemoveTopic},
    },
    Answer, DeletedTopic, TopicRef, WishError,
};

pub fn decide(image: &RootImage, topics: &[TopicRef]) -> (Vec<Record>, Answer) {
    let mut seen = BTreeSet::new();
    let repeated: BTreeSet<&TopicRef> = topics.iter().filter(|topic| !seen.insert(*topic)).collect();
    // A topic that is meant twice, by name and by id, is not deleted; its name gets the error.
    let by_id: BTreeSet<Uuid> = topics.iter().filter_map(TopicRef::id).collect();
    let by_name: BTreeSet<Uuid> = topics
        .iter()
        .filter_map(TopicRef::name)
        .filter_map(|name| image.topic_id(name))
        .collect();
    let mut records = Vec::new();
    let mut answers = Vec::new();
    for topic in topics.iter().filter(|topic| !repeated.contains(topic)) {
        if topic.id().is_some_and(|topic_id| by_name.contains(&topic_id)) {
            continue;
        }
        let (name, topic_id, result) = find(image, topic, &by_id);
        if result.is_ok() {
            records.push(Record::from(RemoveTopic { topic_id }));
        }
        answers.push(DeletedTopic { name, topic_id, result });
    }
    answers.extend(repeated.into_iter().map(duplicate));
    (records, Answer::TopicsDeleted(answers))
}

fn find(image: &RootImage, topic: &TopicRef, by_id: &BTreeSet<Uuid>) -> (Option<String>, Uuid, Result<(), WishError>) {
    match topic {
        TopicRef::Name(name) => match image.topic_id(name) {
            None => {
                let error = unknown_topic();
                (Some(name.clone()), Uuid::nil(), Err(error))
            }
            Some(topic_id) if by_id.contains(&topic_id) => {
                let error = WishError::new(
                    ErrorCode::INVALID_REQUEST,
                    "The provided topic name maps to an ID that was already supplied.",
                );
                (Some(name.clone()), topic_id, Err(error))
            }
            Some(topic_id) => (Some(name.clone()), topic_id, Ok(())),
        },
        TopicRef::Id(topic_id) if topic_id.is_nil() => {
            let error = WishError::new(ErrorCode::INVALID_REQUEST, "Neither topic name nor id were specified.");
            (None, *topic_id, Err(error))
        }
        TopicRef::Id(topic_id) => match image.topic(*topic_id) {
            None => {
                let error = WishError::new(ErrorCode::UNKNOWN_TOPIC_ID, "This server does not host this topic ID.");
                (None, *topic_id, Err(error))
            }
            Some(topic) => (Some(topic.name.to_string()), *topic_id, Ok(())),
        },
    }
}

/// Kafka's words for UNKNOWN_TOPIC_OR_PARTITION.
pub fn unknown_topic() -> WishError {
    WishError::new(
        ErrorCode::UNKNOWN_TOPIC_OR_PARTITION,
        "This server does not host this topic-partition.",
    )
}

fn duplicate(topic: &TopicRef) -> DeletedTopic {
    let refuse = |what: &str| {
        Err(WishError::new(
            ErrorCode::INVALID_REQUEST,
            format!("Duplicate topic {what}."),
        ))
    };
    match topic {
        TopicRef::Name(name) => DeletedTopic {
            name: Some(name.clone()),
            topic_id: Uuid::nil(),
            result: refuse("name"),
        },
        TopicRef::Id(topic_id) => DeletedTopic {
            name: None,
            topic_id: *topic_id,
            result: refuse("id"),
        },
    }
}
