//! UnregisterBroker (key 64), version 0: forgets a broker that will not come back.
//!
//! A broker that runs is not forgotten by itself: it would lead nothing any more until it is started again. Kafka does.

use corelane_protocol::{
    error_code::ErrorCode,
    messages::{UnregisterBrokerRequest, UnregisterBrokerResponse},
};

use super::context::RequestContext;
use crate::{
    core::{Core, Message},
    metadata::{Wish, WishError},
    runtime::world::World,
};

pub async fn handle<W: World<Message = Message>>(
    core: Core<W>,
    context: RequestContext,
    request: UnregisterBrokerRequest,
) -> UnregisterBrokerResponse {
    let node = request.broker_id;
    let unregistered = if node == core.broker_id() {
        let message = format!("Broker {node} runs: it answers this request. Stop it first, and ask another one.");
        Err(WishError::new(ErrorCode::INVALID_REQUEST, message))
    } else {
        core.wish(Wish::UnregisterBroker { node }).await
    };
    match unregistered {
        Ok(_) => {
            tracing::info!(peer = %context.peer, client_id = context.client_id(), node, "broker unregistered");
            UnregisterBrokerResponse::default()
        }
        Err(error) => UnregisterBrokerResponse {
            error_code: error.code,
            error_message: Some(error.message),
            ..Default::default()
        },
    }
}
