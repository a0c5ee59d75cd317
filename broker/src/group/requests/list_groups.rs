//! ListGroups (Kafka: `GroupMetadataManager.listGroups`): filters by state (version 4) and type (version 5), case ignored.

use corelane_protocol::messages::list_groups::{ListGroupsRequest, ListGroupsResponse, ListedGroup};

use super::super::{
    coordinator::Coordinator,
    event::{RequestToken, Response},
};

/// How Kafka calls the groups of this coordinator.
const TYPE: &str = "classic";

impl Coordinator {
    pub(in super::super) fn on_list_groups(&mut self, token: RequestToken, request: &ListGroupsRequest) {
        let passes = |filter: &[String], value: &str| {
            filter.is_empty() || filter.iter().any(|it| it.trim().eq_ignore_ascii_case(value))
        };
        let groups = self
            .groups
            .values()
            .filter(|group| group.durable)
            .filter(|group| {
                passes(&request.states_filter, &group.state.to_string()) && passes(&request.types_filter, TYPE)
            })
            .map(|group| ListedGroup {
                group_id: group.id.to_string(),
                protocol_type: group.protocol_type.clone().unwrap_or_default(),
                group_state: group.state.to_string(),
                group_type: TYPE.to_string(),
            })
            .collect();
        self.out.respond(
            token,
            Response::ListGroups(ListGroupsResponse {
                groups,
                ..Default::default()
            }),
        );
    }
}
