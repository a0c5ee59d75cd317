//! DescribeGroups (key 15), versions 0 to 6: state, members and assignments.
//!
//! Version 3 may ask for authorized operations, 4 brought static members, 5 is flexible, 6 tells an unknown
//! group by GROUP_ID_NOT_FOUND.

use corelane_protocol::messages::{DescribeGroupsRequest, DescribeGroupsResponse, describe_groups::DescribedGroup};

use super::{context::RequestContext, coordinator::ask_each, operations};
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
    let is_asked = request.include_authorized_operations;
    let mut answers: Vec<DescribedGroup> = ask_each(&core, &context, request.groups, Request::DescribeGroups)
        .await
        .into_iter()
        .flat_map(|answer| match answer {
            Response::DescribeGroups(groups) => groups,
            other => unreachable!("the answer of another request: {other:?}"),
        })
        .collect();
    for group in answers.iter_mut().filter(|group| group.error_code.is_none()) {
        group.authorized_operations = operations::if_asked(is_asked, operations::OF_GROUP);
    }
    DescribeGroupsResponse {
        groups: answers,
        ..Default::default()
    }
}
