//! Blocks of producer ids (`ProducerIdControlManager`): unique in the cluster for ever, so one commit buys many.

use corelane_protocol::error_code::ErrorCode;

use super::{
    super::{
        image::RootImage,
        records::{ProducerIds, Record},
    },
    AllocateProducerIds, Answer, Decision, WishError,
    brokers::check_epoch,
};

/// Kafka's `ProducerIdsBlock.PRODUCER_ID_BLOCK_SIZE`.
pub const PRODUCER_ID_BLOCK_SIZE: i32 = 1000;

pub fn decide(image: &RootImage, wish: &AllocateProducerIds) -> Decision {
    check_epoch(image, wish.node, wish.broker_epoch)?;
    let first = image.next_producer_id;
    let Some(next) = first.checked_add(i64::from(PRODUCER_ID_BLOCK_SIZE)) else {
        return Err(WishError::new(
            ErrorCode::UNKNOWN_SERVER_ERROR,
            "Exhausted all producerIds as the next block's end producerId has exceeded the int64 type limit",
        ));
    };
    let answer = Answer::ProducerIds {
        first,
        count: PRODUCER_ID_BLOCK_SIZE,
    };
    Ok((vec![Record::from(ProducerIds { next })], answer))
}
