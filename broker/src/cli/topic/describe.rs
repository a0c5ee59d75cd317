//! `corelane topic describe`.

use super::TOPIC_RESOURCE;
use crate::cli::client::{Client, ClientError};
use crate::cli::output::{Table, print_json, print_text};
use clap::Args;
use corelane_protocol::messages::describe_configs::{DescribeConfigsRequest, DescribeConfigsResource};
use corelane_protocol::messages::metadata::MetadataResponseTopic;
use serde_json::json;

/// Show partitions, offsets and configs of topics.
#[derive(Args, Clone, Debug)]
pub struct Describe {
    /// Names; all topics but the broker's own if none is given.
    #[arg(value_name = "TOPIC")]
    topics: Vec<String>,

    /// Show every config, not only those that differ from the default.
    #[arg(long)]
    all_configs: bool,
}

/// `ConfigSource` of a value that nobody set for the topic.
const DEFAULT_SOURCE: i8 = 5;

impl Describe {
    pub fn run(&self, client: &mut Client, json: bool) -> Result<(), ClientError> {
        let mut names = self.topics.clone();
        if names.is_empty() {
            let all = client.metadata(None)?.topics;
            names = all
                .into_iter()
                .filter(|topic| !topic.is_internal)
                .filter_map(|topic| topic.name)
                .collect();
            names.sort();
        }
        let topics = if names.is_empty() {
            Vec::new()
        } else {
            client.topics(&names)?
        };
        let mut objects = Vec::new();
        for topic in &topics {
            let partitions = partitions(client, topic)?;
            let configs = self.configs(client, topic)?;
            let name = topic.name.clone().unwrap_or_default();
            if json {
                objects.push(json!({
                    "topic": name,
                    "id": topic.topic_id.to_string(),
                    "internal": topic.is_internal,
                    "partitions": partitions.json(),
                    "configs": configs.json(),
                }));
            } else {
                let configs = if configs.is_empty() {
                    String::new()
                } else {
                    format!("\n{}", configs.text())
                };
                let gap = if topic == &topics[0] { "" } else { "\n" };
                print_text(&format!(
                    "{gap}{name}  (id {})\n\n{}{configs}",
                    topic.topic_id,
                    partitions.text()
                ))?;
            }
        }
        if json { print_json(&json!(objects)) } else { Ok(()) }
    }

    fn configs(&self, client: &mut Client, topic: &MetadataResponseTopic) -> Result<Table, ClientError> {
        let name = topic.name.clone().unwrap_or_default();
        let request = DescribeConfigsRequest {
            resources: vec![DescribeConfigsResource {
                resource_type: TOPIC_RESOURCE,
                resource_name: name.clone(),
                configuration_keys: None,
            }],
            ..Default::default()
        };
        let mut table = Table::new(&["config", "value", "source"]);
        for result in client.ask(&request)?.results {
            ClientError::check(
                format!("configs of topic '{name}'"),
                result.error_code,
                result.error_message,
            )?;
            for config in result.configs {
                if self.all_configs || config.config_source != DEFAULT_SOURCE {
                    table.row([
                        json!(config.name),
                        json!(config.value),
                        json!(source(config.config_source)),
                    ]);
                }
            }
        }
        Ok(table)
    }
}

fn partitions(client: &mut Client, topic: &MetadataResponseTopic) -> Result<Table, ClientError> {
    let one = std::slice::from_ref(topic);
    let (starts, ends) = (client.start_offsets(one)?, client.end_offsets(one)?);
    let mut table = Table::new(&[
        "partition",
        "leader",
        "epoch",
        "replicas",
        "in_sync",
        "offline",
        "start",
        "end",
    ]);
    let mut partitions: Vec<_> = topic.partitions.iter().collect();
    partitions.sort_by_key(|partition| partition.partition_index);
    for partition in partitions {
        let key = (topic.name.clone().unwrap_or_default(), partition.partition_index);
        table.row([
            json!(partition.partition_index),
            json!((partition.leader_id >= 0).then_some(partition.leader_id)),
            json!(partition.leader_epoch),
            json!(partition.replica_nodes),
            json!(partition.isr_nodes),
            json!(partition.offline_replicas),
            json!(starts.get(&key)),
            json!(ends.get(&key)),
        ]);
    }
    Ok(table)
}

/// Names of `DescribeConfigsResponse.ConfigSource`, shortened.
fn source(number: i8) -> &'static str {
    match number {
        1 => "topic",
        2 => "dynamic broker",
        3 => "dynamic default",
        4 => "static broker",
        DEFAULT_SOURCE => "default",
        _ => "unknown",
    }
}
