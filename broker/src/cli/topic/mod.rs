//! `corelane topic`: make, show, change and delete topics.

mod alter;
mod create;
mod delete;
mod describe;
mod list;

use super::client::{Client, ClientError};
use super::options::Cluster;
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

/// Kafka's number for topics among the kinds of things that have configs (`ConfigResource.Type`).
const TOPIC_RESOURCE: i8 = 2;
