//! `corelane topic create`.

use crate::cli::client::{Client, ClientError};
use crate::cli::options::KeyValue;
use crate::cli::output::Table;
use clap::Args;
use corelane_protocol::error_code::ErrorCode;
use corelane_protocol::messages::create_topics::{CreatableTopic, CreatableTopicConfig, CreateTopicsRequest};
use serde_json::json;

/// Create topics.
#[derive(Args, Clone, Debug)]
pub struct Create {
    /// Names: letters, digits, '.', '_' and '-', up to 249 of them.
    #[arg(required = true, value_name = "TOPIC")]
    topics: Vec<String>,

    /// Partitions of each topic; the broker's num.partitions if not given.
    #[arg(long, short, value_name = "N", value_parser = clap::value_parser!(i32).range(1..))]
    partitions: Option<i32>,

    /// Copies of each partition; the broker's default.replication.factor if not given.
    #[arg(long, short, value_name = "N", value_parser = clap::value_parser!(i16).range(1..))]
    replication_factor: Option<i16>,

    /// A config of the topics, such as retention.ms=86400000. May be given several times.
    #[arg(long, short, value_name = "KEY=VALUE")]
    config: Vec<KeyValue>,

    /// A topic that is there already is fine.
    #[arg(long)]
    if_not_exists: bool,

    /// Only check whether it would work.
    #[arg(long)]
    dry_run: bool,
}

impl Create {
    pub fn run(&self, client: &mut Client, json: bool) -> Result<(), ClientError> {
        let config = |config: &KeyValue| CreatableTopicConfig {
            name: config.key.clone(),
            value: Some(config.value.clone()),
        };
        let topic = |name: &String| CreatableTopic {
            name: name.clone(),
            num_partitions: self.partitions.unwrap_or(-1),
            replication_factor: self.replication_factor.unwrap_or(-1),
            configs: self.config.iter().map(config).collect(),
            ..Default::default()
        };
        let request = CreateTopicsRequest {
            topics: self.topics.iter().map(topic).collect(),
            timeout_ms: client.timeout_ms(),
            validate_only: self.dry_run,
        };
        let answer = client.ask(&request)?;
        let mut table = Table::new(&["topic", "id", "partitions", "replication_factor", "result"]);
        let (mut failure, mut is_any_new) = (Ok(()), false);
        for topic in answer.topics {
            let result = match topic.error_code {
                ErrorCode::NONE if self.dry_run => "would be created",
                ErrorCode::NONE => "created",
                ErrorCode::TOPIC_ALREADY_EXISTS if self.if_not_exists => "exists",
                code => {
                    let what = format!("topic '{}'", topic.name);
                    failure = failure.and(ClientError::check(what, code, topic.error_message));
                    continue;
                }
            };
            let known = topic.error_code.is_none() && topic.num_partitions > 0;
            is_any_new |= topic.error_code.is_none();
            let id = (!topic.topic_id.is_nil()).then(|| topic.topic_id.to_string());
            table.row([
                json!(topic.name),
                json!(id),
                json!(known.then_some(topic.num_partitions)),
                json!(known.then_some(topic.replication_factor)),
                json!(result),
            ]);
        }
        if !table.is_empty() || json {
            table.print(json)?;
        }
        if is_any_new {
            super::say_remarks(&self.config, json);
        }
        failure
    }
}
