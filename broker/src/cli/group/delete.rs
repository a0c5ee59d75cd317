//! `corelane group delete`.

use super::unknown_group;
use crate::cli::client::{Client, ClientError};
use crate::cli::output::Table;
use clap::Args;
use corelane_protocol::error_code::ErrorCode;
use corelane_protocol::messages::{DeleteGroupsRequest, DeleteGroupsResponse};
use serde_json::json;

/// Forget groups without members, and their offsets.
#[derive(Args, Clone, Debug)]
pub struct Delete {
    /// The groups to forget.
    #[arg(required = true, value_name = "GROUP")]
    groups: Vec<String>,
}

impl Delete {
    pub fn run(&self, client: &mut Client, json: bool) -> Result<(), ClientError> {
        let mut table = Table::new(&["group", "result"]);
        let mut failure = Ok(());
        for name in &self.groups {
            let request = DeleteGroupsRequest {
                groups_names: vec![name.clone()],
            };
            let code = |answer: &DeleteGroupsResponse| {
                let result = answer.results.first();
                result.map_or(ErrorCode::UNKNOWN_SERVER_ERROR, |result| result.error_code)
            };
            let (_, answer) = client.ask_coordinator(name, &request, code)?;
            let code = code(&answer);
            let outcome = match code {
                ErrorCode::NONE => {
                    table.row([json!(name), json!("deleted")]);
                    continue;
                }
                ErrorCode::GROUP_ID_NOT_FOUND => unknown_group(client, name),
                ErrorCode::NON_EMPTY_GROUP => {
                    let why = "it has members; stop them first, 'corelane group describe' shows them".to_owned();
                    ClientError::refused(format!("group '{name}'"), code, Some(why))
                }
                code => ClientError::refused(format!("group '{name}'"), code, None),
            };
            failure = failure.and(Err(outcome));
        }
        if !table.is_empty() || json {
            table.print(json)?;
        }
        failure
    }
}
