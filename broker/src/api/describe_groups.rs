//! DescribeGroups (key 15), versions 0 to 6: state, members and assignments.
//!
//! Version 3 may ask for authorized operations (not told yet), 4 brought static members, 5 is flexible, 6 tells an unknown
//! group by GROUP_ID_NOT_FOUND.

use corelane_protocol::messages::{DescribeGroupsRequest, DescribeGroupsResponse, describe_groups::DescribedGroup};

use super::{context::RequestContext, coordinator::ask_each};
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
    let answers: Vec<DescribedGroup> = ask_each(&core, &context, request.groups, Request::DescribeGroups)
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
