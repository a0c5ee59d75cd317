//! The usual way in which a request's body reaches its handler: decoded. The table says who reads it in place instead.

use bytes::Bytes;
use corelane_protocol::{message::Message as WireMessage, wire::Reader};

use super::context::{Outcome, RequestContext, respond};
use crate::{
    core::{Core, Message},
    limits::REQUEST_ITEMS_MAX,
    quota,
    runtime::world::World,
};

/// The whole body is decoded, and one message is the answer.
pub(super) async fn decoded<W, Request, Response, Handling>(
    core: Core<W>,
    context: RequestContext,
    body: Bytes,
    handle: impl FnOnce(Core<W>, RequestContext, Request) -> Handling,
) -> Outcome
where
    W: World<Message = Message>,
    Request: WireMessage,
    Response: WireMessage,
    Handling: Future<Output = Response>,
{
    let mut reader = Reader::new(&body).with_items_max(REQUEST_ITEMS_MAX);
    match Request::decode(&mut reader, context.api_version) {
        Ok(request) => {
            let mut response = handle(core.clone(), context.clone(), request).await;
            quota::host::settle_response(&core, &context, &mut response).await;
            respond(&context, &response)
        }
        Err(error) => context.malformed(&error),
    }
}
