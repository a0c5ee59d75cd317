//! `corelane topic`: make, show, change and delete topics.

mod alter;
mod create;
mod delete;
mod describe;
mod list;

use super::client::{Client, ClientError};
use super::options::{Cluster, KeyValue};
use super::output::say_note;
use crate::config::{remark, topic};
use clap::{Args, Subcommand};

/// Make, show, change and delete topics.
#[derive(Args, Clone, Debug)]
pub struct Topic {
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand, Clone, Debug)]
enum Action {
    Create(create::Create),
    List(list::List),
    Describe(describe::Describe),
    Delete(delete::Delete),
    Alter(alter::Alter),
}

impl Topic {
    pub fn run(&self, cluster: &Cluster) -> Result<(), ClientError> {
        let mut client = Client::connect(cluster)?;
        let json = cluster.json;
        match &self.action {
            Action::Create(create) => create.run(&mut client, json),
            Action::List(list) => list.run(&mut client, json),
            Action::Describe(describe) => describe.run(&mut client, json),
            Action::Delete(delete) => delete.run(&mut client, json),
            Action::Alter(alter) => alter.run(&mut client, json),
        }
    }
}

/// Says which of these values are kept and do less than they say; otherwise only the broker's log would.
fn say_remarks(configs: &[KeyValue], json: bool) {
    let remarks = configs
        .iter()
        .filter_map(|config| remark(topic::KEYS, &config.key, &config.value));
    remarks.for_each(|note| say_note(&note, json));
}

/// Kafka's number for topics among the kinds of things that have configs (`ConfigResource.Type`).
const TOPIC_RESOURCE: i8 = 2;
