//! ListGroups (key 16), versions 0 to 5: the groups that this broker coordinates.
//!
//! Version 3 is flexible, 4 filters by state, 5 by type. One coordinator that still loads makes the whole answer an error,
//! as in Kafka: a list that lacks groups would look complete.

use corelane_protocol::{
    error_code::ErrorCode,
    messages::{ListGroupsRequest, ListGroupsResponse},
};
use futures_util::future::join_all;

use super::{
    context::RequestContext,
    coordinator::{all_coordinators, ask_at},
};
use crate::{
    core::{Core, Message},
    group::{Request, Response},
    runtime::world::World,
};

pub async fn handle<W: World<Message = Message>>(
    core: Core<W>,
    context: RequestContext,
    request: ListGroupsRequest,
) -> ListGroupsResponse {
    let asked = all_coordinators(&core)
        .into_iter()
        .map(|coordinator| ask_at(&core, &context, coordinator, Request::ListGroups(request.clone())));
    let mut response = ListGroupsResponse::default();
    for answer in join_all(asked).await {
        match answer {
            Response::ListGroups(part) if part.error_code == ErrorCode::NONE => response.groups.extend(part.groups),
            // Another broker lists those.
            Response::ListGroups(part) if part.error_code == ErrorCode::NOT_COORDINATOR => {}
            Response::ListGroups(part) => {
                return ListGroupsResponse {
                    error_code: part.error_code,
                    ..Default::default()
                };
            }
            other => unreachable!("the answer of another request: {other:?}"),
        }
    }
    response
}
