//! `corelane group describe`: how far a group has read, how far it is behind, and who reads what.

use super::{all_groups, topics_left, unknown_group};
use crate::cli::client::{Client, ClientError, TopicPartition};
use crate::cli::output::{Table, print_json, print_text};
use clap::Args;
use corelane_protocol::error_code::ErrorCode;
use corelane_protocol::messages::consumer_protocol::{ConsumerProtocolAssignment, from_versioned};
use corelane_protocol::messages::describe_groups::{DescribedGroup, DescribedGroupMember};
use corelane_protocol::messages::{DescribeGroupsRequest, DescribeGroupsResponse};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};

/// Show a group's state, how far it has read and how far it is behind.
#[derive(Args, Clone, Debug)]
pub struct Describe {
    /// The groups to show; all if none is given.
    #[arg(value_name = "GROUP")]
    groups: Vec<String>,

    /// All groups.
    #[arg(long, conflicts_with = "groups")]
    all_groups: bool,

    /// Show the members and what each of them reads.
    #[arg(long)]
    members: bool,
}

impl Describe {
    pub fn run(&self, client: &mut Client, json: bool) -> Result<(), ClientError> {
        let names = match self.groups.is_empty() {
            true => all_groups(client, &[])?
                .into_iter()
                .map(|(_, group)| group.group_id)
                .collect(),
            false => self.groups.clone(),
        };
        let mut objects = Vec::new();
        for (index, name) in names.iter().enumerate() {
            let (coordinator, group) = describe(client, name)?;
            let partitions = partitions(client, &group)?;
            if json {
                objects.push(json!({
                    "group": group.group_id,
                    "state": group.group_state,
                    "protocol": group.protocol_data,
                    "coordinator": coordinator,
                    "members": members(&group).json(),
                    "partitions": partitions.json(),
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
            let table = if self.members { members(&group) } else { partitions };
            let rows = match (table.is_empty(), self.members) {
                (false, _) => table.text(),
                (true, true) => "no members\n".to_owned(),
                (true, false) => "no offsets\n".to_owned(),
            };
            print_text(&format!("{head}\n{rows}"))?;
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

/// What the group has committed or reads, with Kafka's names of the columns (`ConsumerGroupCommand`).
fn partitions(client: &mut Client, group: &DescribedGroup) -> Result<Table, ClientError> {
    let committed = client.committed(&group.group_id, None)?;
    let mut readers: BTreeMap<TopicPartition, &DescribedGroupMember> = BTreeMap::new();
    for member in &group.members {
        for (topic, partitions) in assigned(member) {
            readers.extend(
                partitions
                    .into_iter()
                    .map(|partition| ((topic.clone(), partition), member)),
            );
        }
    }
    let keys: BTreeSet<&TopicPartition> = committed.keys().chain(readers.keys()).collect();
    let names: BTreeSet<String> = keys.iter().map(|(topic, _)| topic.clone()).collect();
    let topics = topics_left(client, &names.into_iter().collect::<Vec<_>>())?;
    let ends = client.end_offsets(&topics)?;
    let mut table = Table::new(&[
        "topic",
        "partition",
        "current_offset",
        "log_end_offset",
        "lag",
        "consumer_id",
        "host",
        "client_id",
    ]);
    for key in keys {
        let current = committed.get(key).map(|(offset, _)| *offset);
        let end = ends.get(key).copied();
        let lag = end.zip(current).map(|(end, current)| (end - current).max(0));
        let reader = readers.get(key);
        table.row([
            json!(key.0),
            json!(key.1),
            json!(current),
            json!(end),
            json!(lag),
            json!(reader.map(|member| &member.member_id)),
            json!(reader.map(|member| &member.client_host)),
            json!(reader.map(|member| &member.client_id)),
        ]);
    }
    Ok(table)
}

fn members(group: &DescribedGroup) -> Table {
    let mut table = Table::new(&["member", "instance", "client", "host", "partitions"]);
    for member in &group.members {
        let partitions = assigned(member).into_iter().map(|(topic, partitions)| {
            let partitions: Vec<String> = partitions.iter().map(i32::to_string).collect();
            format!("{topic}:{}", partitions.join("+"))
        });
        table.row([
            json!(member.member_id),
            json!(member.group_instance_id),
            json!(member.client_id),
            json!(member.client_host),
            json!(partitions.collect::<Vec<_>>()),
        ]);
    }
    table
}

/// The partitions of each topic; none where the member is no consumer.
fn assigned(member: &DescribedGroupMember) -> Vec<(String, Vec<i32>)> {
    let assignment = from_versioned::<ConsumerProtocolAssignment>(&member.member_assignment);
    let topics = assignment
        .map(|assignment| assignment.assigned_partitions)
        .unwrap_or_default();
    topics
        .into_iter()
        .map(|topic| (topic.topic, topic.partitions))
        .collect()
}
