//! `corelane group offsets`: how far a group has read and how far it is behind; with `--reset-to`, moves it.

use super::unknown_group;
use crate::cli::client::{Client, ClientError, Position, TopicPartition};
use crate::cli::output::Table;
use clap::Args;
use corelane_protocol::messages::metadata::MetadataResponseTopic;
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};

/// Show how far a group has read, or move it.
#[derive(Args, Clone, Debug)]
pub struct Offsets {
    /// The group to show or move.
    #[arg(value_name = "GROUP")]
    group: String,

    /// Only these topics; those that the group has offsets in if not given.
    #[arg(long, short, value_name = "TOPIC,…", value_delimiter = ',')]
    topic: Vec<String>,

    /// Only these partitions.
    #[arg(long, short, value_name = "N,…", value_delimiter = ',', value_parser = clap::value_parser!(i32).range(0..))]
    partition: Vec<i32>,

    /// Where the group shall go on: earliest, latest, an offset, -N for N before the end, @MS for a time. Shows what
    /// would be done; --execute does it.
    #[arg(long, value_name = "POSITION", allow_hyphen_values = true)]
    reset_to: Option<Position>,

    /// Really move the offsets. The group must have no members.
    #[arg(long, requires = "reset_to")]
    execute: bool,
}

impl Offsets {
    pub fn run(&self, client: &mut Client, json: bool) -> Result<(), ClientError> {
        let mut committed = client.committed(&self.group, None)?;
        if committed.is_empty() && self.topic.is_empty() {
            return Err(self.nothing_committed(client));
        }
        committed.retain(|key, _| self.is_asked(key));
        let names: BTreeSet<String> = match self.topic.is_empty() {
            true => committed.keys().map(|(topic, _)| topic.clone()).collect(),
            false => self.topic.iter().cloned().collect(),
        };
        let topics = client.topics(&names.into_iter().collect::<Vec<_>>())?;
        match self.reset_to {
            None => self.show(client, &committed, &topics, json),
            Some(position) => self.reset(client, &committed, &topics, position, json),
        }
    }

    fn is_asked(&self, (topic, partition): &TopicPartition) -> bool {
        (self.topic.is_empty() || self.topic.contains(topic))
            && (self.partition.is_empty() || self.partition.contains(partition))
    }

    fn show(
        &self,
        client: &mut Client,
        committed: &BTreeMap<TopicPartition, (i64, String)>,
        topics: &[MetadataResponseTopic],
        json: bool,
    ) -> Result<(), ClientError> {
        let (starts, ends) = (client.start_offsets(topics)?, client.end_offsets(topics)?);
        let mut table = Table::new(&["topic", "partition", "committed", "start", "end", "lag", "metadata"]);
        for (key, (offset, metadata)) in committed {
            let end = ends.get(key).copied();
            table.row([
                json!(key.0),
                json!(key.1),
                json!(offset),
                json!(starts.get(key)),
                json!(end),
                json!(end.map(|end| (end - offset).max(0))),
                json!(metadata),
            ]);
        }
        table.print(json)
    }

    fn reset(
        &self,
        client: &mut Client,
        committed: &BTreeMap<TopicPartition, (i64, String)>,
        topics: &[MetadataResponseTopic],
        position: Position,
        json: bool,
    ) -> Result<(), ClientError> {
        let (starts, ends) = (client.start_offsets(topics)?, client.end_offsets(topics)?);
        let mut wanted = client.resolve(position, topics)?;
        // Without --topic, only where the group was; with it, every partition of the topic.
        wanted.retain(|key, _| self.is_asked(key) && (!self.topic.is_empty() || committed.contains_key(key)));
        for (key, offset) in &mut wanted {
            let start = starts.get(key).copied().unwrap_or(0);
            *offset = (*offset).clamp(start, ends.get(key).copied().unwrap_or(i64::MAX).max(start));
        }
        if self.execute {
            client
                .commit(&self.group, ("", -1), &wanted)
                .map_err(|error| self.explain(error))?;
        }
        let mut table = Table::new(&["topic", "partition", "from", "to", "result"]);
        let result = if self.execute {
            "moved"
        } else {
            "would move; add --execute"
        };
        for (key, offset) in &wanted {
            let from = committed.get(key).map(|(offset, _)| *offset);
            table.row([json!(key.0), json!(key.1), json!(from), json!(offset), json!(result)]);
        }
        table.print(json)
    }

    /// A commit from outside is refused with UNKNOWN_MEMBER_ID while the group has members.
    fn explain(&self, error: ClientError) -> ClientError {
        use corelane_protocol::error_code::ErrorCode;
        match error {
            ClientError::Refused {
                code: code @ ErrorCode::UNKNOWN_MEMBER_ID,
                ..
            } => {
                let why = "it has members; stop them first, 'corelane group describe' shows them".to_owned();
                ClientError::refused(format!("group '{}'", self.group), code, Some(why))
            }
            other => other,
        }
    }

    fn nothing_committed(&self, client: &mut Client) -> ClientError {
        match super::all_groups(client, &[]) {
            Ok(groups) if groups.iter().any(|(_, group)| group.group_id == self.group) => {
                ClientError::Usage(format!("group '{}' has committed no offsets yet", self.group))
            }
            _ => unknown_group(client, &self.group),
        }
    }
}
