//! `corelane topic alter`.

use super::TOPIC_RESOURCE;
use crate::cli::client::{Client, ClientError};
use crate::cli::options::KeyValue;
use crate::cli::output::Table;
use clap::Args;
use corelane_protocol::messages::create_partitions::{CreatePartitionsRequest, CreatePartitionsTopic};
use corelane_protocol::messages::incremental_alter_configs::{
    AlterConfigsResource, AlterableConfig, IncrementalAlterConfigsRequest,
};
use serde_json::json;

/// Add partitions to a topic, set its configs or put them back to their defaults.
#[derive(Args, Clone, Debug)]
pub struct Alter {
    /// The topic to change.
    #[arg(value_name = "TOPIC")]
    topic: String,

    /// The new total of partitions, more than there are now. Keys may go to other partitions than before.
    #[arg(long, short, value_name = "N", value_parser = clap::value_parser!(i32).range(1..))]
    partitions: Option<i32>,

    /// Set a config, such as retention.ms=86400000. May be given several times.
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<KeyValue>,

    /// Put a config back to its default. May be given several times.
    #[arg(long, value_name = "KEY")]
    unset: Vec<String>,

    /// Only check whether it would work.
    #[arg(long)]
    dry_run: bool,
}

/// `AlterConfigOp.OpType`.
const SET: i8 = 0;
const DELETE: i8 = 1;

impl Alter {
    pub fn run(&self, client: &mut Client, json: bool) -> Result<(), ClientError> {
        if self.partitions.is_none() && self.set.is_empty() && self.unset.is_empty() {
            let nothing = "nothing to change: say --partitions N, --set KEY=VALUE or --unset KEY";
            return Err(ClientError::Usage(nothing.to_owned()));
        }
        // Says which topic is meant, should this one not exist.
        client.topics(std::slice::from_ref(&self.topic))?;
        let mut table = Table::new(&["topic", "change", "result"]);
        let result = if self.dry_run { "would work" } else { "done" };
        if !self.set.is_empty() || !self.unset.is_empty() {
            self.alter_configs(client)?;
            super::say_remarks(&self.set, json);
            for config in &self.set {
                let change = format!("{}={}", config.key, config.value);
                table.row([json!(self.topic), json!(change), json!(result)]);
            }
            for key in &self.unset {
                table.row([json!(self.topic), json!(format!("{key} to its default")), json!(result)]);
            }
        }
        if let Some(count) = self.partitions {
            self.add_partitions(client, count)?;
            table.row([json!(self.topic), json!(format!("{count} partitions")), json!(result)]);
        }
        table.print(json)
    }

    fn alter_configs(&self, client: &mut Client) -> Result<(), ClientError> {
        let set = self.set.iter().map(|config| AlterableConfig {
            name: config.key.clone(),
            config_operation: SET,
            value: Some(config.value.clone()),
        });
        let unset = self.unset.iter().map(|key| AlterableConfig {
            name: key.clone(),
            config_operation: DELETE,
            value: None,
        });
        let request = IncrementalAlterConfigsRequest {
            resources: vec![AlterConfigsResource {
                resource_type: TOPIC_RESOURCE,
                resource_name: self.topic.clone(),
                configs: set.chain(unset).collect(),
            }],
            validate_only: self.dry_run,
        };
        for answer in client.ask(&request)?.responses {
            ClientError::check(
                format!("configs of topic '{}'", self.topic),
                answer.error_code,
                answer.error_message,
            )?;
        }
        Ok(())
    }

    fn add_partitions(&self, client: &mut Client, count: i32) -> Result<(), ClientError> {
        let topic = CreatePartitionsTopic {
            name: self.topic.clone(),
            count,
            assignments: None,
        };
        let request = CreatePartitionsRequest {
            topics: vec![topic],
            timeout_ms: client.timeout_ms(),
            validate_only: self.dry_run,
        };
        for answer in client.ask(&request)?.results {
            let what = format!("partitions of topic '{}'", self.topic);
            ClientError::check(what, answer.error_code, answer.error_message)?;
        }
        Ok(())
    }
}
