//! DescribeGroups (key 15), versions 0 to 6: state, members and assignments.
//!
//! Version 3 may ask for authorized operations (not told yet), 4 brought static members, 5 is flexible, 6 tells an unknown
//! group by GROUP_ID_NOT_FOUND.

use std::collections::BTreeMap;

use corelane_protocol::{
    error_code::ErrorCode,
    messages::{DescribeGroupsRequest, DescribeGroupsResponse, describe_groups::DescribedGroup},
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
    request: DescribeGroupsRequest,
) -> DescribeGroupsResponse {
    // One question for each coordinator.
    let mut by_coordinator: BTreeMap<_, Vec<String>> = BTreeMap::new();
    for group_id in request.groups {
        by_coordinator
            .entry(coordinator_of(&core, &group_id))
            .or_default()
            .push(group_id);
    }
    let asked = by_coordinator.into_iter().map(|(coordinator, groups)| {
        let (core, context) = (&core, &context);
        async move {
            let request = Request::DescribeGroups(groups);
            match coordinator {
                Some(coordinator) => ask_at(core, context, coordinator, request).await,
                None => request.failed(ErrorCode::NOT_COORDINATOR),
            }
        }
    });
    let answers: Vec<DescribedGroup> = join_all(asked)
        .await
        .into_iter()
        .flat_map(|answer| match answer {
            Response::DescribeGroups(groups) => groups,
            other => unreachable!("the answer of another request: {other:?}"),
        })
        .collect();
    DescribeGroupsResponse {
        groups: answers,
        ..Default::default()
    }
}
