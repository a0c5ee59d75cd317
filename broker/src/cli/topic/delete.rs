//! `corelane topic delete`.

use crate::cli::client::{Client, ClientError};
use crate::cli::output::Table;
use clap::Args;
use corelane_protocol::error_code::ErrorCode;
use corelane_protocol::messages::DeleteTopicsRequest;
use serde_json::json;

/// Delete topics with all their records.
#[derive(Args, Clone, Debug)]
pub struct Delete {
    /// The topics to delete.
    #[arg(required = true, value_name = "TOPIC")]
    topics: Vec<String>,

    /// A topic that is not there is fine.
    #[arg(long)]
    if_exists: bool,

    /// Also the broker's own topics: without __consumer_offsets, every group forgets how far it has read.
    #[arg(long)]
    internal: bool,
}

impl Delete {
    pub fn run(&self, client: &mut Client, json: bool) -> Result<(), ClientError> {
        if !self.internal {
            self.check_none_is_internal(client)?;
        }
        let request = DeleteTopicsRequest {
            topic_names: self.topics.clone(),
            timeout_ms: client.timeout_ms(),
            ..Default::default()
        };
        let answer = client.ask(&request)?;
        let mut table = Table::new(&["topic", "result"]);
        let mut failure = Ok(());
        for topic in answer.responses {
            let name = topic.name.unwrap_or_default();
            let result = match topic.error_code {
                ErrorCode::NONE => "deleted",
                ErrorCode::UNKNOWN_TOPIC_OR_PARTITION if self.if_exists => "not there",
                ErrorCode::UNKNOWN_TOPIC_OR_PARTITION => {
                    failure = failure.and(client.topics(std::slice::from_ref(&name)).map(drop));
                    continue;
                }
                code => {
                    failure = failure.and(ClientError::check(format!("topic '{name}'"), code, topic.error_message));
                    continue;
                }
            };
            table.row([json!(name), json!(result)]);
        }
        if !table.is_empty() || json {
            table.print(json)?;
        }
        failure
    }

    fn check_none_is_internal(&self, client: &mut Client) -> Result<(), ClientError> {
        let found = client.metadata(Some(&self.topics))?.topics;
        match found.into_iter().find(|topic| topic.is_internal) {
            Some(topic) => Err(ClientError::Usage(format!(
                "topic '{}' is the broker's own; nothing was deleted. Say --internal if that is what you want",
                topic.name.unwrap_or_default()
            ))),
            None => Ok(()),
        }
    }
}
