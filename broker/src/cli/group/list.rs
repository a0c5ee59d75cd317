//! `corelane group list`.

use super::all_groups;
use crate::cli::client::{Client, ClientError};
use crate::cli::output::Table;
use clap::{Args, ValueEnum};
use serde_json::json;

/// List groups.
#[derive(Args, Clone, Debug)]
pub struct List {
    /// Only groups in these states.
    #[arg(long, value_enum, value_name = "STATE,…", value_delimiter = ',')]
    state: Vec<State>,
}

/// Kafka's `GroupState`s of classic groups.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum State {
    PreparingRebalance,
    CompletingRebalance,
    Stable,
    Dead,
    Empty,
}

impl List {
    pub fn run(&self, client: &mut Client, json: bool) -> Result<(), ClientError> {
        let states: Vec<String> = self.state.iter().map(|state| format!("{state:?}")).collect();
        let mut table = Table::new(&["group", "state", "type", "protocol", "coordinator"]);
        for (broker, group) in all_groups(client, &states)? {
            table.row([
                json!(group.group_id),
                json!(group.group_state),
                json!(group.group_type),
                json!(group.protocol_type),
                json!(broker),
            ]);
        }
        table.print(json)
    }
}
