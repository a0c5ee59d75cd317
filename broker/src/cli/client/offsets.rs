//! Offsets of partitions: where they start and end, what lies at a time, and what a group has committed.

use super::{Client, ClientError};
use corelane_protocol::error_code::ErrorCode;
use corelane_protocol::messages::list_offsets::{ListOffsetsPartition, ListOffsetsRequest, ListOffsetsTopic};
use corelane_protocol::messages::metadata::MetadataResponseTopic;
use corelane_protocol::messages::offset_commit::{
    OffsetCommitRequest, OffsetCommitRequestPartition, OffsetCommitRequestTopic,
};
use corelane_protocol::messages::offset_fetch::{OffsetFetchRequest, OffsetFetchRequestTopic};
use std::collections::BTreeMap;
use std::str::FromStr;

/// A topic's name and a partition's index.
pub type TopicPartition = (String, i32);

/// A place in a log, as people say it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Position {
    Earliest,
    Latest,
    Offset(i64),
    /// So many records before the end.
    BeforeEnd(i64),
    /// The first record at or after this time, in milliseconds since 1970.
    Time(i64),
}

impl FromStr for Position {
    type Err = String;

    fn from_str(text: &str) -> Result<Position, String> {
        let number = |digits: &str| digits.parse::<i64>().ok().filter(|number| *number >= 0);
        let found = match text {
            "earliest" | "beginning" => Some(Position::Earliest),
            "latest" | "end" => Some(Position::Latest),
            _ => match (text.strip_prefix('-'), text.strip_prefix('@')) {
                (Some(count), _) => number(count).map(Position::BeforeEnd),
                (_, Some(time)) => number(time).map(Position::Time),
                _ => number(text).map(Position::Offset),
            },
        };
        found.ok_or_else(|| {
            "say earliest, latest, an offset such as 42, -10 for ten before the end, or @1700000000000 for a time in \
             milliseconds since 1970"
                .to_owned()
        })
    }
}

/// Kafka's numbers for the ends of a log (`ListOffsetsRequest`).
const LATEST: i64 = -1;
const EARLIEST: i64 = -2;

impl Client {
    /// First offsets of all partitions of these topics.
    pub fn start_offsets(
        &mut self,
        topics: &[MetadataResponseTopic],
    ) -> Result<BTreeMap<TopicPartition, i64>, ClientError> {
        self.offsets(&every_partition(topics, EARLIEST), topics)
    }

    /// Offsets after the last record (for consumers: the high watermark) of all partitions of these topics.
    pub fn end_offsets(
        &mut self,
        topics: &[MetadataResponseTopic],
    ) -> Result<BTreeMap<TopicPartition, i64>, ClientError> {
        self.offsets(&every_partition(topics, LATEST), topics)
    }

    /// Turns a position into an offset for each partition.
    pub fn resolve(
        &mut self,
        position: Position,
        topics: &[MetadataResponseTopic],
    ) -> Result<BTreeMap<TopicPartition, i64>, ClientError> {
        let each = |offset: i64| every_partition(topics, offset);
        Ok(match position {
            Position::Offset(offset) => each(offset),
            Position::Earliest => self.start_offsets(topics)?,
            Position::Latest => self.end_offsets(topics)?,
            Position::BeforeEnd(count) => {
                let starts = self.start_offsets(topics)?;
                let ends = self.end_offsets(topics)?;
                let back = |(key, end): (TopicPartition, i64)| {
                    let start = starts.get(&key).copied().unwrap_or_default();
                    (key, (end - count).max(start))
                };
                ends.into_iter().map(back).collect()
            }
            Position::Time(time) => {
                let ends = self.end_offsets(topics)?;
                let found = self.offsets(&each(time), topics)?;
                // -1: no record is that young, so there is nothing before the end.
                let or_end = |(key, end): (TopicPartition, i64)| match found.get(&key) {
                    Some(offset) if *offset >= 0 => (key, *offset),
                    _ => (key, end),
                };
                ends.into_iter().map(or_end).collect()
            }
        })
    }

    /// ListOffsets, one request for each leader; `asked` says the timestamp for each partition.
    fn offsets(
        &mut self,
        asked: &BTreeMap<TopicPartition, i64>,
        topics: &[MetadataResponseTopic],
    ) -> Result<BTreeMap<TopicPartition, i64>, ClientError> {
        let mut by_leader: BTreeMap<i32, BTreeMap<&str, Vec<ListOffsetsPartition>>> = BTreeMap::new();
        for ((topic, partition), timestamp) in asked {
            let question = ListOffsetsPartition {
                partition_index: *partition,
                timestamp: *timestamp,
                ..Default::default()
            };
            let leader = leader_of(topics, topic, *partition);
            by_leader
                .entry(leader)
                .or_default()
                .entry(topic)
                .or_default()
                .push(question);
        }
        let mut offsets = BTreeMap::new();
        for (leader, questions) in by_leader {
            let topic = |(name, partitions): (&str, _)| ListOffsetsTopic {
                name: name.to_owned(),
                partitions,
            };
            let request = ListOffsetsRequest {
                replica_id: -1,
                topics: questions.into_iter().map(topic).collect(),
                timeout_ms: self.timeout_ms(),
                ..Default::default()
            };
            for topic in self.ask_broker(leader, &request)?.topics {
                for partition in topic.partitions {
                    let what = format!("offsets of {}-{}", topic.name, partition.partition_index);
                    ClientError::check(what, partition.error_code, None)?;
                    offsets.insert((topic.name.clone(), partition.partition_index), partition.offset);
                }
            }
        }
        Ok(offsets)
    }

    /// What a group has committed; of these partitions, or of all that it committed any for.
    pub fn committed(
        &mut self,
        group: &str,
        partitions: Option<&[TopicPartition]>,
    ) -> Result<BTreeMap<TopicPartition, (i64, String)>, ClientError> {
        let topics = partitions.map(|partitions| {
            let mut topics: BTreeMap<&str, Vec<i32>> = BTreeMap::new();
            for (topic, partition) in partitions {
                topics.entry(topic).or_default().push(*partition);
            }
            let topic = |(name, partition_indexes): (&str, _)| OffsetFetchRequestTopic {
                name: name.to_owned(),
                partition_indexes,
            };
            topics.into_iter().map(topic).collect()
        });
        let request = OffsetFetchRequest {
            group_id: group.to_owned(),
            topics,
            ..Default::default()
        };
        let (_, answer) = self.ask_coordinator(group, &request, |answer| answer.error_code)?;
        ClientError::check(format!("offsets of group '{group}'"), answer.error_code, None)?;
        let mut committed = BTreeMap::new();
        for topic in answer.topics {
            for partition in topic.partitions {
                let what = format!(
                    "offset of group '{group}' in {}-{}",
                    topic.name, partition.partition_index
                );
                ClientError::check(what, partition.error_code, None)?;
                if partition.committed_offset >= 0 {
                    let metadata = partition.metadata.unwrap_or_default();
                    committed.insert(
                        (topic.name.clone(), partition.partition_index),
                        (partition.committed_offset, metadata),
                    );
                }
            }
        }
        Ok(committed)
    }

    /// Commits offsets, as a member of a generation or, with an empty member id and generation -1, from outside.
    pub fn commit(
        &mut self,
        group: &str,
        (member_id, generation_id): (&str, i32),
        offsets: &BTreeMap<TopicPartition, i64>,
    ) -> Result<(), ClientError> {
        let mut topics: BTreeMap<&str, Vec<OffsetCommitRequestPartition>> = BTreeMap::new();
        for ((topic, partition), offset) in offsets {
            let partition = OffsetCommitRequestPartition {
                partition_index: *partition,
                committed_offset: *offset,
                ..Default::default()
            };
            topics.entry(topic).or_default().push(partition);
        }
        let topic = |(name, partitions): (&str, _)| OffsetCommitRequestTopic {
            name: name.to_owned(),
            partitions,
            ..Default::default()
        };
        let request = OffsetCommitRequest {
            group_id: group.to_owned(),
            generation_id_or_member_epoch: generation_id,
            member_id: member_id.to_owned(),
            topics: topics.into_iter().map(topic).collect(),
            ..Default::default()
        };
        let (_, answer) = self.ask_coordinator(group, &request, |answer| {
            let mut codes = answer
                .topics
                .iter()
                .flat_map(|topic| &topic.partitions)
                .map(|partition| partition.error_code);
            codes.find(|code| !code.is_none()).unwrap_or_default()
        })?;
        for topic in answer.topics {
            for partition in topic.partitions {
                let what = format!(
                    "committing {}-{} for group '{group}'",
                    topic.name, partition.partition_index
                );
                ClientError::check(what, partition.error_code, None)?;
            }
        }
        Ok(())
    }
}

fn every_partition(topics: &[MetadataResponseTopic], value: i64) -> BTreeMap<TopicPartition, i64> {
    let of_topic = |topic: &MetadataResponseTopic| {
        let name = topic.name.clone().unwrap_or_default();
        topic
            .partitions
            .iter()
            .map(move |partition| ((name.clone(), partition.partition_index), value))
            .collect::<Vec<_>>()
    };
    topics.iter().flat_map(of_topic).collect()
}

/// The leader of a partition; -1 if metadata names none.
pub(super) fn leader_of(topics: &[MetadataResponseTopic], topic: &str, partition: i32) -> i32 {
    let topic = topics.iter().find(|candidate| candidate.name.as_deref() == Some(topic));
    let partition = topic.and_then(|topic| topic.partitions.iter().find(|one| one.partition_index == partition));
    partition.map_or(-1, |partition| partition.leader_id)
}

/// Errors that go away by asking for a new leader.
pub(super) fn is_stale_leader(code: ErrorCode) -> bool {
    matches!(
        code,
        ErrorCode::NOT_LEADER_OR_FOLLOWER
            | ErrorCode::FENCED_LEADER_EPOCH
            | ErrorCode::UNKNOWN_LEADER_EPOCH
            | ErrorCode::LEADER_NOT_AVAILABLE
            | ErrorCode::KAFKA_STORAGE_ERROR
            | ErrorCode::OFFSET_NOT_AVAILABLE
    )
}
