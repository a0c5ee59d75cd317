//! DescribeGroups (Kafka: `GroupMetadataManager.describeGroups`). An unknown group is `Dead`; from version 6 (KIP-1043) it
//! is also an error.

use corelane_protocol::{
    error_code::ErrorCode,
    messages::describe_groups::{DescribedGroup, DescribedGroupMember},
};

use super::super::{
    classic::{Group, State},
    coordinator::Coordinator,
    event::{Client, RequestToken, Response},
};

/// First version that may be told GROUP_ID_NOT_FOUND.
const GROUP_ID_NOT_FOUND_SINCE: i16 = 6;

impl Coordinator {
    pub(in super::super) fn on_describe_groups(&mut self, token: RequestToken, client: &Client, groups: &[String]) {
        let described = groups
            .iter()
            .map(
                |group_id| match self.groups.get(group_id.as_str()).filter(|group| group.durable) {
                    Some(group) => describe(group),
                    None => not_found(group_id, client.api_version),
                },
            )
            .collect();
        self.out.respond(token, Response::DescribeGroups(described));
    }
}

fn describe(group: &Group) -> DescribedGroup {
    // Only a stable group has a protocol that all its members stand for.
    let protocol = group.protocol_name.as_deref().filter(|_| group.state == State::Stable);
    DescribedGroup {
        group_id: group.id.to_string(),
        group_state: group.state.to_string(),
        protocol_type: group.protocol_type.clone().unwrap_or_default(),
        protocol_data: protocol.unwrap_or_default().to_string(),
        members: group
            .members
            .values()
            .map(|member| DescribedGroupMember {
                member_id: member.id.to_string(),
                group_instance_id: member.instance_id.clone(),
                client_id: member.client_id.clone(),
                client_host: member.client_host.clone(),
                member_metadata: protocol
                    .and_then(|name| member.metadata(name))
                    .cloned()
                    .unwrap_or_default(),
                member_assignment: member.assignment.clone(),
            })
            .collect(),
        ..Default::default()
    }
}

fn not_found(group_id: &str, api_version: i16) -> DescribedGroup {
    let mut group = DescribedGroup {
        group_id: group_id.to_string(),
        group_state: State::Dead.to_string(),
        ..Default::default()
    };
    if api_version >= GROUP_ID_NOT_FOUND_SINCE {
        group.error_code = ErrorCode::GROUP_ID_NOT_FOUND;
        group.error_message = Some(format!("Group {group_id} not found."));
    }
    group
}
