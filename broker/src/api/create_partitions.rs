//! CreatePartitions (key 37), versions 0 to 3: more partitions for topics that exist. Version 2 is flexible, 3 may answer
//! THROTTLING_QUOTA_EXCEEDED.

use std::collections::BTreeMap;

use corelane_protocol::{
    error_code::ErrorCode,
    messages::{
        CreatePartitionsRequest, CreatePartitionsResponse,
        create_partitions::{CreatePartitionsTopic, CreatePartitionsTopicResult},
    },
};

use super::{context::RequestContext, refusals::Refusals};
use crate::{
    core::{Core, Message},
    metadata::decide::{Answer, CreatePartitions, MorePartitions, Wish, WishError},
    quota,
    runtime::world::World,
};

pub async fn handle<W: World<Message = Message>>(
    core: Core<W>,
    context: RequestContext,
    request: CreatePartitionsRequest,
) -> CreatePartitionsResponse {
    let names: Vec<String> = request.topics.iter().map(|topic| topic.name.clone()).collect();
    let counts: BTreeMap<String, i32> = request
        .topics
        .iter()
        .filter(|_| !request.validate_only)
        .map(|topic| (topic.name.clone(), topic.count))
        .collect();
    let image = core.image();
    let added = || {
        let added = |topic: &CreatePartitionsTopic| {
            let held = image
                .topic_named(&topic.name)
                .map_or(0, |topic| topic.partition_count());
            (topic.count - held).max(0) as usize
        };
        request.topics.iter().map(added).sum()
    };
    let may_mutate = quota::host::may_mutate(&core, &context, 3, added).await;
    let wish = Wish::CreatePartitions(CreatePartitions {
        topics: request.topics.into_iter().map(more_partitions).collect(),
        validate_only: request.validate_only,
    });
    let mut refusals = Refusals::of(&core, &context);
    let answer_of_wish = match may_mutate {
        true => core.wish(wish).await,
        false => Err(WishError::throttled()),
    };
    let results = match answer_of_wish {
        Ok(Answer::PartitionsCreated(topics)) => topics
            .into_iter()
            .map(|(name, result)| {
                if let (Some(partitions), Ok(())) = (counts.get(&name), &result) {
                    let client_id = context.client_id();
                    tracing::info!(peer = %context.peer, client_id, topic = name, partitions, "partitions added");
                }
                answer(&mut refusals, name, result)
            })
            .collect(),
        Ok(other) => unreachable!("the answer of another wish: {other:?}"),
        Err(error) => names
            .into_iter()
            .map(|name| answer(&mut refusals, name, Err(error.clone())))
            .collect(),
    };
    CreatePartitionsResponse {
        results,
        ..Default::default()
    }
}

fn more_partitions(topic: CreatePartitionsTopic) -> MorePartitions {
    MorePartitions {
        name: topic.name,
        count: topic.count,
        assignments: topic
            .assignments
            .map(|all| all.into_iter().map(|assignment| assignment.broker_ids).collect()),
    }
}

fn answer(refusals: &mut Refusals<'_>, name: String, result: Result<(), WishError>) -> CreatePartitionsTopicResult {
    match result {
        Ok(()) => CreatePartitionsTopicResult {
            name,
            error_code: ErrorCode::NONE,
            error_message: None,
        },
        Err(error) => {
            refusals.add(&name, &error);
            CreatePartitionsTopicResult {
                name,
                error_code: error.code,
                error_message: Some(error.message),
            }
        }
    }
}
