//! `corelane group`: show consumer groups, move their offsets, delete them.

mod delete;
mod describe;
mod list;
mod offsets;

use super::client::{Client, ClientError};
use super::options::Cluster;
use clap::{Args, Subcommand};
use corelane_protocol::messages::metadata::MetadataResponseTopic;

/// Show consumer groups, move their offsets, delete them.
#[derive(Args, Clone, Debug)]
pub struct Group {
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand, Clone, Debug)]
enum Action {
    List(list::List),
    Describe(describe::Describe),
    Delete(delete::Delete),
    Offsets(offsets::Offsets),
}

impl Group {
    pub fn run(&self, cluster: &Cluster) -> Result<(), ClientError> {
        let mut client = Client::connect(cluster)?;
        let json = cluster.json;
        match &self.action {
            Action::List(list) => list.run(&mut client, json),
            Action::Describe(describe) => describe.run(&mut client, json),
            Action::Delete(delete) => delete.run(&mut client, json),
            Action::Offsets(offsets) => offsets.run(&mut client, json),
        }
    }
}

/// All groups of all brokers, by name: with state, type and protocol.
fn all_groups(
    client: &mut Client,
    states: &[String],
) -> Result<Vec<(i32, corelane_protocol::messages::list_groups::ListedGroup)>, ClientError> {
    use corelane_protocol::messages::ListGroupsRequest;
    let request = ListGroupsRequest {
        states_filter: states.to_vec(),
        ..Default::default()
    };
    let brokers: Vec<i32> = client
        .metadata(Some(&[]))?
        .brokers
        .iter()
        .map(|broker| broker.node_id)
        .collect();
    let mut groups = Vec::new();
    for broker in brokers {
        let answer = client.ask_broker(broker, &request)?;
        ClientError::check(format!("groups of broker {broker}"), answer.error_code, None)?;
        groups.extend(answer.groups.into_iter().map(|group| (broker, group)));
    }
    groups.sort_by(|(_, left), (_, right)| left.group_id.cmp(&right.group_id));
    Ok(groups)
}

/// Those of these topics that exist, each with the partitions that have a leader: groups outlive topics.
fn topics_left(client: &mut Client, names: &[String]) -> Result<Vec<MetadataResponseTopic>, ClientError> {
    if names.is_empty() {
        return Ok(Vec::new());
    }
    let mut topics = client.metadata(Some(names))?.topics;
    topics.retain(|topic| topic.error_code.is_none());
    for topic in &mut topics {
        topic.partitions.retain(|partition| partition.leader_id >= 0);
    }
    Ok(topics)
}

/// There is no such group, with the nearest name that there is.
fn unknown_group(client: &mut Client, group: &str) -> ClientError {
    let groups = all_groups(client, &[]).unwrap_or_default();
    let known = groups.iter().map(|(_, group)| group.group_id.as_str());
    let hint = match crate::config::nearest::nearest(group, known) {
        Some(name) => format!("did you mean '{name}'?"),
        None => "'corelane group list' shows those that do".to_owned(),
    };
    ClientError::Usage(format!("group '{group}' does not exist on {}; {hint}", client.name()))
}
