//! JoinGroup (key 11), versions 0 to 9.
//!
//! Version 1 told the rebalance timeout from the session's, 4 makes new members come back with the id they are given, 5
//! brought static members, 6 is flexible, 7 names the protocol in the answer and has null where there is none, 8 a reason, 9
//! lets a leader skip the assignment. The answer waits for the other members; meanwhile nothing else of the connection is served, as in Kafka.

use corelane_protocol::{
    error_code::ErrorCode,
    messages::{JoinGroupRequest, JoinGroupResponse},
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
    request: JoinGroupRequest,
) -> JoinGroupResponse {
    let group_id = request.group_id.clone();
    match ask(&core, &context, &group_id, Request::JoinGroup(request)).await {
        Response::JoinGroup(response) => JoinGroupResponse {
            protocol_name: response
                .protocol_name
                .filter(|_| response.error_code == ErrorCode::NONE || context.api_version < 7),
            ..response
        },
        other => unreachable!("the answer of another request: {other:?}"),
    }
}
