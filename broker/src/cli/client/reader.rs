//! Reads partitions forward from given offsets, from whoever leads them.

use super::offsets::{is_stale_leader, leader_of};
use super::{Client, ClientError, RETRY_WAIT, TopicPartition, may_retry};
use corelane_protocol::error_code::ErrorCode;
use corelane_protocol::messages::fetch::{FetchPartition, FetchRequestData, FetchTopic, PartitionData};
use corelane_protocol::messages::metadata::MetadataResponseTopic;
use corelane_protocol::records::{self, BatchError, Limits, Record};
use std::collections::BTreeMap;
use std::thread;

/// Longest that a broker may hold back an answer while there is nothing to read.
const WAIT_MS: i32 = 500;
/// With several leaders, each is asked in turn and must not let the others wait.
const WAIT_OF_MANY_MS: i32 = 50;
const FETCH_BYTES_MAX: i32 = 16 << 20;
const PARTITION_BYTES_MAX: i32 = 1 << 20;

/// Positions in some partitions.
#[derive(Debug)]
pub struct Reader {
    metadata: Vec<MetadataResponseTopic>,
    positions: BTreeMap<TopicPartition, i64>,
}

/// Records of one partition, in order.
#[derive(Debug)]
pub struct Batch {
    pub topic: String,
    pub partition: i32,
    pub records: Vec<Record>,
}

impl Reader {
    pub fn new(metadata: Vec<MetadataResponseTopic>, positions: BTreeMap<TopicPartition, i64>) -> Reader {
        Reader { metadata, positions }
    }

    /// Where each partition will be read next.
    pub fn positions(&self) -> &BTreeMap<TopicPartition, i64> {
        &self.positions
    }

    /// Asks every leader once. Nothing within the wait is an empty answer.
    pub fn poll(&mut self, client: &mut Client) -> Result<Vec<Batch>, ClientError> {
        let mut batches = Vec::new();
        let leaders = self.by_leader();
        let max_wait_ms = if leaders.len() > 1 { WAIT_OF_MANY_MS } else { WAIT_MS };
        let mut is_stale = leaders.is_empty() || leaders.contains_key(&-1);
        for (leader, topics) in leaders {
            if leader < 0 {
                continue;
            }
            let request = FetchRequestData {
                max_wait_ms,
                min_bytes: 1,
                max_bytes: FETCH_BYTES_MAX,
                topics,
                ..Default::default()
            };
            match client.ask_broker(leader, &request) {
                Ok(answer) => {
                    ClientError::check("Fetch", answer.error_code, None)?;
                    for topic in answer.responses {
                        for partition in topic.partitions {
                            is_stale |= self.take(client, &topic.topic, partition, &mut batches)?;
                        }
                    }
                }
                Err(error) if may_retry(&error) => is_stale = true,
                Err(error) => return Err(error),
            }
        }
        if is_stale && !self.positions.is_empty() {
            thread::sleep(RETRY_WAIT);
            let names: Vec<String> = self.metadata.iter().filter_map(|topic| topic.name.clone()).collect();
            self.metadata = client.topics(&names)?;
        }
        Ok(batches)
    }

    fn by_leader(&self) -> BTreeMap<i32, Vec<FetchTopic>> {
        let mut leaders: BTreeMap<i32, BTreeMap<&str, Vec<FetchPartition>>> = BTreeMap::new();
        for ((topic, partition), offset) in &self.positions {
            let question = FetchPartition {
                partition: *partition,
                fetch_offset: *offset,
                partition_max_bytes: PARTITION_BYTES_MAX,
                ..Default::default()
            };
            let leader = leader_of(&self.metadata, topic, *partition);
            leaders
                .entry(leader)
                .or_default()
                .entry(topic)
                .or_default()
                .push(question);
        }
        let topic = |(name, partitions): (&str, _)| FetchTopic {
            topic: name.to_owned(),
            partitions,
            ..Default::default()
        };
        leaders
            .into_iter()
            .map(|(leader, topics)| (leader, topics.into_iter().map(topic).collect()))
            .collect()
    }

    /// Takes one partition's records and moves its position; says whether its leader must be looked up again.
    fn take(
        &mut self,
        client: &mut Client,
        topic: &str,
        data: PartitionData,
        batches: &mut Vec<Batch>,
    ) -> Result<bool, ClientError> {
        let key = (topic.to_owned(), data.partition_index);
        let Some(position) = self.positions.get(&key).copied() else {
            return Ok(false);
        };
        match data.error_code {
            ErrorCode::NONE => {}
            ErrorCode::OFFSET_OUT_OF_RANGE => return Err(self.out_of_range(client, &key, position)),
            code if is_stale_leader(code) || code.is_retriable() => return Ok(true),
            code => return Err(ClientError::refused(format!("reading {topic}-{}", key.1), code, None)),
        }
        let bytes = data.records.concat();
        let bad = |offset, problem| ClientError::BadBatch {
            topic: topic.to_owned(),
            partition: data.partition_index,
            offset,
            problem,
        };
        let mut next = position;
        let mut read = Vec::new();
        for batch in records::batches(&bytes) {
            let (header, batch) = match batch {
                Ok(batch) => batch,
                // The answer's size limit cut the last batch off; it comes whole the next time.
                Err(BatchError::Truncated { .. }) => break,
                Err(problem) => return Err(bad(next, problem)),
            };
            records::verify(batch, &Limits::replication()).map_err(|problem| bad(header.base_offset, problem))?;
            if !header.is_control() {
                for record in records::records(batch).map_err(|problem| bad(header.base_offset, problem))? {
                    let record = record.map_err(|problem| bad(header.base_offset, problem))?;
                    if record.offset >= position {
                        read.push(record);
                    }
                }
            }
            next = next.max(header.next_offset());
        }
        self.positions.insert(key, next);
        if !read.is_empty() {
            batches.push(Batch {
                topic: topic.to_owned(),
                partition: data.partition_index,
                records: read,
            });
        }
        Ok(false)
    }

    fn out_of_range(&self, client: &mut Client, key: &TopicPartition, position: i64) -> ClientError {
        let start = client
            .start_offsets(&self.metadata)
            .ok()
            .and_then(|offsets| offsets.get(key).copied());
        let end = client
            .end_offsets(&self.metadata)
            .ok()
            .and_then(|offsets| offsets.get(key).copied());
        let range = match (start, end) {
            (Some(start), Some(end)) => format!("it holds {start} to {end}"),
            _ => "it does not hold that".to_owned(),
        };
        let message = format!("offset {position} is out of range; {range}");
        ClientError::refused(
            format!("reading {}-{}", key.0, key.1),
            ErrorCode::OFFSET_OUT_OF_RANGE,
            Some(message),
        )
    }
}
