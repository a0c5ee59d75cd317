//! DeleteRecords (key 21), versions 0 to 2: raises the log start of partitions, so that what is before it is gone (KIP-107).
//!
//! Version 2 is flexible. Internal topics keep their records (INVALID_TOPIC_EXCEPTION), as in Kafka.

use std::time::Duration;

use corelane_protocol::{
    error_code::ErrorCode,
    messages::{
        DeleteRecordsRequest, DeleteRecordsResponse,
        delete_records::{DeleteRecordsPartitionResult, DeleteRecordsTopicResult},
    },
};
use futures_util::future::join_all;

use super::{context::RequestContext, pace::Pace};
use crate::{
    core::{ByOwner, Core, Message},
    metadata::decide::is_internal,
    partition::{DeleteRecordsCall, DeleteRecordsPart, PartitionKey},
    runtime::world::World,
};

/// Of a partition that has none, or has an error.
const NO_LOW_WATERMARK: i64 = -1;

pub async fn handle<W: World<Message = Message>>(
    core: Core<W>,
    context: RequestContext,
    request: DeleteRecordsRequest,
) -> DeleteRecordsResponse {
    let image = core.image();
    let mut response = DeleteRecordsResponse::default();
    let mut calls = ByOwner::default();
    let mut pace = Pace::new(&core.world);
    for topic in request.topics {
        let mut answers = Vec::with_capacity(topic.partitions.len());
        for partition in topic.partitions {
            pace.step().await;
            let place = (response.topics.len(), answers.len());
            let mut answer = DeleteRecordsPartitionResult {
                partition_index: partition.partition_index,
                low_watermark: NO_LOW_WATERMARK,
                ..Default::default()
            };
            match PartitionKey::find(&image, &topic.name, partition.partition_index) {
                None => answer.error_code = ErrorCode::UNKNOWN_TOPIC_OR_PARTITION,
                Some(_) if is_internal(&topic.name) => answer.error_code = ErrorCode::INVALID_TOPIC_EXCEPTION,
                Some(key) => {
                    let offset = partition.offset;
                    calls.push(core.owner(&key), place, DeleteRecordsPart { key, offset });
                }
            }
            answers.push(answer);
        }
        response.topics.push(DeleteRecordsTopicResult {
            name: topic.name,
            partitions: answers,
        });
    }
    let timeout = Duration::from_millis(request.timeout_ms.max(0) as u64);
    let deadline = core.world.now().after(timeout);
    let (places, asked): (Vec<_>, Vec<_>) = calls
        .into_calls()
        .map(|(owner, places, parts)| (places, core.call(owner, DeleteRecordsCall { parts, deadline })))
        .unzip();
    for (places, answer) in places.into_iter().zip(join_all(asked).await) {
        for ((topic, partition), result) in places.into_iter().zip(answer.0) {
            let topic = &mut response.topics[topic];
            let answer = &mut topic.partitions[partition];
            match result {
                Ok(low_watermark) => {
                    answer.low_watermark = low_watermark;
                    let (client_id, topic, partition) = (context.client_id(), &topic.name, answer.partition_index);
                    tracing::debug!(peer = %context.peer, client_id, topic, partition, low_watermark, "records deleted");
                }
                Err(error_code) => answer.error_code = error_code,
            }
        }
    }
    response
}
