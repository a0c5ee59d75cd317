//! OffsetForLeaderEpoch (key 23), versions 2 to 4: where a leader epoch ends, so that a reader can tell whether its
//! history is ours (KIP-320). Version 3 brought the replica id, 4 is flexible.

use corelane_protocol::{
    error_code::ErrorCode,
    messages::{
        OffsetForLeaderEpochRequest, OffsetForLeaderEpochResponse,
        offset_for_leader_epoch::{EpochEndOffset, OffsetForLeaderTopicResult},
    },
};
use futures_util::future::join_all;

use super::{context::RequestContext, pace::Pace};
use crate::{
    core::{ByOwner, Core, Message},
    partition::{EpochEndCall, EpochEndPart, PartitionKey},
    runtime::world::World,
};

pub async fn handle<W: World<Message = Message>>(
    core: Core<W>,
    _context: RequestContext,
    request: OffsetForLeaderEpochRequest,
) -> OffsetForLeaderEpochResponse {
    let image = core.image();
    let mut response = OffsetForLeaderEpochResponse::default();
    let mut calls = ByOwner::default();
    let mut pace = Pace::new(&core.world);
    for topic in request.topics {
        let mut answers = Vec::with_capacity(topic.partitions.len());
        for partition in topic.partitions {
            pace.step().await;
            let place = (response.topics.len(), answers.len());
            let mut answer = EpochEndOffset {
                partition: partition.partition,
                ..Default::default()
            };
            match PartitionKey::find(&image, &topic.topic, partition.partition) {
                Some(key) => {
                    calls.push(
                        core.owner(&key),
                        place,
                        EpochEndPart {
                            key,
                            current_leader_epoch: partition.current_leader_epoch,
                            leader_epoch: partition.leader_epoch,
                        },
                    );
                }
                None => answer.error_code = ErrorCode::UNKNOWN_TOPIC_OR_PARTITION,
            }
            answers.push(answer);
        }
        response.topics.push(OffsetForLeaderTopicResult {
            topic: topic.topic,
            partitions: answers,
        });
    }
    let (places, asked): (Vec<_>, Vec<_>) = calls
        .into_calls()
        .map(|(owner, places, parts)| (places, core.call(owner, EpochEndCall(parts))))
        .unzip();
    for (places, answer) in places.into_iter().zip(join_all(asked).await) {
        for ((topic, partition), (error_code, leader_epoch, end_offset)) in places.into_iter().zip(answer.0) {
            let answer = &mut response.topics[topic].partitions[partition];
            answer.error_code = error_code;
            answer.leader_epoch = leader_epoch;
            answer.end_offset = end_offset;
        }
    }
    response
}
