//! `corelane group describe`.

use super::unknown_group;
use crate::cli::client::{Client, ClientError};
use crate::cli::output::{Table, print_json, print_text};
use clap::Args;
use corelane_protocol::error_code::ErrorCode;
use corelane_protocol::messages::consumer_protocol::{ConsumerProtocolAssignment, from_versioned};
use corelane_protocol::messages::describe_groups::{DescribedGroup, DescribedGroupMember};
use corelane_protocol::messages::{DescribeGroupsRequest, DescribeGroupsResponse};
use serde_json::json;

/// Show a group's state, members and what each of them reads.
#[derive(Args, Clone, Debug)]
pub struct Describe {
    /// The groups to show.
    #[arg(required = true, value_name = "GROUP")]
    groups: Vec<String>,
}

impl Describe {
    pub fn run(&self, client: &mut Client, json: bool) -> Result<(), ClientError> {
        let mut objects = Vec::new();
        for (index, name) in self.groups.iter().enumerate() {
            let (coordinator, group) = describe(client, name)?;
            let members = members(&group);
            if json {
                objects.push(json!({
                    "group": group.group_id,
                    "state": group.group_state,
                    "protocol": group.protocol_data,
                    "coordinator": coordinator,
                    "members": members.json(),
                }));
                continue;
            }
            let gap = if index == 0 { "" } else { "\n" };
            let protocol = match group.protocol_data.as_str() {
                "" => String::new(),
                protocol => format!(", assigned by {protocol}"),
            };
            let state = &group.group_state;
            let head = format!("{gap}{name}  ({state}{protocol}, coordinator {coordinator})\n");
            let members = if members.is_empty() {
                String::new()
            } else {
                format!("\n{}", members.text())
            };
            print_text(&format!("{head}{members}"))?;
        }
        if json { print_json(&json!(objects)) } else { Ok(()) }
    }
}

fn describe(client: &mut Client, name: &str) -> Result<(i32, DescribedGroup), ClientError> {
    let request = DescribeGroupsRequest {
        groups: vec![name.to_owned()],
        ..Default::default()
    };
    let first = |answer: &DescribeGroupsResponse| answer.groups.first().map(|group| group.error_code);
    let (coordinator, answer) = client.ask_coordinator(name, &request, |answer| first(answer).unwrap_or_default())?;
    let group = answer.groups.into_iter().next();
    match group {
        Some(group) if group.error_code.is_none() && group.group_state != "Dead" => Ok((coordinator, group)),
        None
        | Some(DescribedGroup {
            error_code: ErrorCode::NONE | ErrorCode::GROUP_ID_NOT_FOUND,
            ..
        }) => Err(unknown_group(client, name)),
        Some(group) => Err(ClientError::refused(
            format!("group '{name}'"),
            group.error_code,
            group.error_message,
        )),
    }
}

fn members(group: &DescribedGroup) -> Table {
    let mut table = Table::new(&["member", "instance", "client", "host", "partitions"]);
    for member in &group.members {
        table.row([
            json!(member.member_id),
            json!(member.group_instance_id),
            json!(member.client_id),
            json!(member.client_host),
            json!(assigned(member)),
        ]);
    }
    table
}

/// `topic:0+1+2` for each topic; empty where the member is no consumer.
fn assigned(member: &DescribedGroupMember) -> Vec<String> {
    let Ok(assignment) = from_versioned::<ConsumerProtocolAssignment>(&member.member_assignment) else {
        return Vec::new();
    };
    let topic = |topic: &corelane_protocol::messages::consumer_protocol::TopicPartition| {
        let partitions: Vec<String> = topic.partitions.iter().map(i32::to_string).collect();
        format!("{}:{}", topic.topic, partitions.join("+"))
    };
    assignment.assigned_partitions.iter().map(topic).collect()
}
