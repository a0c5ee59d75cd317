//! `corelane topic list`.

use crate::cli::client::{Client, ClientError};
use crate::cli::output::Table;
use clap::Args;
use serde_json::json;

/// List topics.
#[derive(Args, Clone, Debug)]
pub struct List {
    /// Show the broker's own topics too.
    #[arg(long)]
    internal: bool,
}

impl List {
    pub fn run(&self, client: &mut Client, json: bool) -> Result<(), ClientError> {
        let mut topics = client.metadata(None)?.topics;
        topics.sort_by(|left, right| left.name.cmp(&right.name));
        let mut table = Table::new(&[
            "topic",
            "partitions",
            "replication_factor",
            "without_leader",
            "internal",
        ]);
        for topic in topics.iter().filter(|topic| self.internal || !topic.is_internal) {
            let copies = topic
                .partitions
                .iter()
                .map(|partition| partition.replica_nodes.len())
                .max();
            table.row([
                json!(topic.name),
                json!(topic.partitions.len()),
                json!(copies.unwrap_or(0)),
                json!(
                    topic
                        .partitions
                        .iter()
                        .filter(|partition| partition.leader_id < 0)
                        .count()
                ),
                json!(topic.is_internal),
            ]);
        }
        table.print(json)
    }
}
