//! DeleteGroups (key 42), versions 0 to 2: groups without members, with their offsets.
//!
//! Version 2 is flexible.

use std::collections::{BTreeMap, BTreeSet};

use corelane_protocol::{
    error_code::ErrorCode,
    messages::{DeleteGroupsRequest, DeleteGroupsResponse, delete_groups::DeletableGroupResult},
};
use futures_util::future::join_all;

use super::{
    context::RequestContext,
    coordinator::{ask_at, coordinator_of},
};
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
    // One question for each coordinator.
    let mut by_coordinator: BTreeMap<_, Vec<String>> = BTreeMap::new();
    // Naming a group twice is no mistake, and answered once.
    let groups: BTreeSet<String> = request.groups_names.into_iter().collect();
    for group_id in groups {
        by_coordinator
            .entry(coordinator_of(&core, &group_id))
            .or_default()
            .push(group_id);
    }
    let asked = by_coordinator.into_iter().map(|(coordinator, groups)| {
        let (core, context) = (&core, &context);
        async move {
            let request = Request::DeleteGroups(groups);
            match coordinator {
                Some(coordinator) => ask_at(core, context, coordinator, request).await,
                None => request.failed(ErrorCode::NOT_COORDINATOR),
            }
        }
    });
    let answers: Vec<DeletableGroupResult> = join_all(asked)
        .await
        .into_iter()
        .flat_map(|answer| match answer {
            Response::DeleteGroups(groups) => groups,
            other => unreachable!("the answer of another request: {other:?}"),
        })
        .collect();
    DeleteGroupsResponse {
        results: answers,
        ..Default::default()
    }
}
