//! InitProducerId (key 22), versions 0 to 5: a producer id and epoch for an idempotent producer.
//!
//! Version 2 is flexible; 3 lets a producer name the id and epoch it has, to go on with a raised epoch (KIP-360). Transactional
//! ids are refused until there is a transaction coordinator.

use corelane_protocol::{
    error_code::ErrorCode,
    messages::{InitProducerIdRequest, InitProducerIdResponse},
};

use super::context::RequestContext;
use crate::{
    core::{Core, Message},
    log_limit::Verdict,
    runtime::world::World,
};

/// What a producer says that has no id and epoch yet; it has both or none.
const NO_PRODUCER: i64 = -1;
const NO_EPOCH: i16 = -1;

pub async fn handle<W: World<Message = Message>>(
    core: Core<W>,
    context: RequestContext,
    request: InitProducerIdRequest,
) -> InitProducerIdResponse {
    let refused = |error_code| InitProducerIdResponse {
        error_code,
        producer_id: -1,
        producer_epoch: -1,
        ..Default::default()
    };
    if (request.producer_id == NO_PRODUCER) != (request.producer_epoch == NO_EPOCH) {
        return refused(ErrorCode::INVALID_REQUEST);
    }
    match request.transactional_id.as_deref() {
        None => {}
        // As Kafka: an empty id is a mistake of the client, not a wish.
        Some("") => return refused(ErrorCode::INVALID_REQUEST),
        Some(transactional_id) => {
            if let Verdict::Say { held_back } = core.log_limits.request_refused.judge(core.world.now()) {
                tracing::warn!(peer = %context.peer, transactional_id, held_back, "transactions are not there yet");
            }
            return refused(ErrorCode::TRANSACTIONAL_ID_AUTHORIZATION_FAILED);
        }
    }
    // A producer without a transactional id that names its old id gets a new one, as in Kafka: nobody else can know
    // whether its old id is still in use.
    match core.next_producer_id().await {
        Ok(producer_id) => InitProducerIdResponse {
            producer_id,
            producer_epoch: 0,
            ..Default::default()
        },
        Err(error) => {
            if let Verdict::Say { held_back } = core.log_limits.request_refused.judge(core.world.now()) {
                tracing::error!(%error, held_back, "no producer ids to give out");
            }
            refused(ErrorCode::COORDINATOR_NOT_AVAILABLE)
        }
    }
}
