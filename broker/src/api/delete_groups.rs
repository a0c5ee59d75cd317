//! DeleteGroups (key 42), versions 0 to 2: groups without members, with their offsets.
//!
//! Version 2 is flexible.

use corelane_protocol::messages::{DeleteGroupsRequest, DeleteGroupsResponse, delete_groups::DeletableGroupResult};

use super::{context::RequestContext, coordinator::ask_each};
use crate::{
    core::{Core, Message},
    group::{Request, Response},
    runtime::world::World,
};

pub async fn handle<W: World<Message = Message>>(
    core: Core<W>,
    context: RequestContext,
    request: DeleteGroupsRequest,
) -> DeleteGroupsResponse {
    let answers: Vec<DeletableGroupResult> = ask_each(&core, &context, request.groups_names, Request::DeleteGroups)
        .await
        .into_iter()
        .flat_map(|answer| match answer {
            Response::DeleteGroups(groups) => groups,
            other => unreachable!("the answer of another request: {other:?}"),
        })
        .collect();
    for group in answers.iter().filter(|group| group.error_code.is_none()) {
        let (client_id, group) = (context.client_id(), &group.group_id);
        tracing::info!(peer = %context.peer, client_id, group, "group deleted");
    }
    DeleteGroupsResponse {
        results: answers,
        ..Default::default()
    }
}
