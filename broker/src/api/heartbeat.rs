//! Heartbeat (key 12), versions 0 to 4.
//!
//! Version 3 brought static members, 4 is flexible.

use corelane_protocol::messages::{HeartbeatRequest, HeartbeatResponse};

use super::{context::RequestContext, coordinator::ask};
use crate::{
    core::{Core, Message},
    group::{Request, Response},
    runtime::world::World,
};

pub async fn handle<W: World<Message = Message>>(
    core: Core<W>,
    context: RequestContext,
    request: HeartbeatRequest,
) -> HeartbeatResponse {
    let group_id = request.group_id.clone();
    match ask(&core, &context, &group_id, Request::Heartbeat(request)).await {
        Response::Heartbeat(response) => response,
        other => unreachable!("the answer of another request: {other:?}"),
    }
}
