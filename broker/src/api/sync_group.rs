//! SyncGroup (key 14), versions 0 to 5.
//!
//! Version 3 brought static members, 4 is flexible, 5 names the protocol and must. The answer waits for the leader's assignment.

use corelane_protocol::{
    error_code::ErrorCode,
    messages::{SyncGroupRequest, SyncGroupResponse},
};

use super::{context::RequestContext, coordinator::ask};
use crate::{
    core::{Core, Message},
    group::{Request, Response},
    runtime::world::World,
};

pub async fn handle<W: World<Message = Message>>(
    core: Core<W>,
    context: RequestContext,
    request: SyncGroupRequest,
) -> SyncGroupResponse {
    let names_protocol = request.protocol_type.is_some() && request.protocol_name.is_some();
    if context.api_version >= 5 && !names_protocol {
        return SyncGroupResponse {
            error_code: ErrorCode::INCONSISTENT_GROUP_PROTOCOL,
            ..Default::default()
        };
    }
    let group_id = request.group_id.clone();
    match ask(&core, &context, &group_id, Request::SyncGroup(request)).await {
        Response::SyncGroup(response) => response,
        other => unreachable!("the answer of another request: {other:?}"),
    }
}
