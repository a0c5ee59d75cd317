//! LeaveGroup (key 13), versions 0 to 5.
//!
//! Up to version 2 one member leaves, and its error is the whole answer; from 3 on several. 4 is flexible, 5 has a reason.

use corelane_protocol::{
    error_code::ErrorCode,
    messages::{LeaveGroupRequest, LeaveGroupResponse, leave_group::MemberIdentity},
};

use super::{context::RequestContext, coordinator::ask};
use crate::{
    core::{Core, Message},
    group::{Request, Response},
    runtime::world::World,
};

/// First version that lists members.
const SEVERAL_SINCE: i16 = 3;

pub async fn handle<W: World<Message = Message>>(
    core: Core<W>,
    context: RequestContext,
    mut request: LeaveGroupRequest,
) -> LeaveGroupResponse {
    let one = context.api_version < SEVERAL_SINCE;
    if one {
        let member_id = std::mem::take(&mut request.member_id);
        request.members = vec![MemberIdentity {
            member_id,
            ..Default::default()
        }];
    }
    let group_id = request.group_id.clone();
    let mut response = match ask(&core, &context, &group_id, Request::LeaveGroup(request)).await {
        Response::LeaveGroup(response) => response,
        other => unreachable!("the answer of another request: {other:?}"),
    };
    if one
        && response.error_code == ErrorCode::NONE
        && let Some(member) = response.members.first()
    {
        response.error_code = member.error_code;
    }
    response
}
