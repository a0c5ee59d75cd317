//! A consumer without a group: it follows some partitions from their start, and notes all that it sees.

use std::{cell::Cell, collections::BTreeMap, rc::Rc, time::Duration};

use corelane_broker::runtime::world::World;
use corelane_protocol::{
    error_code::ErrorCode,
    messages::{
        FetchResponse, ListOffsetsRequest, ListOffsetsResponse,
        fetch::{FetchPartition, FetchRequestData, FetchTopic, PartitionData},
        list_offsets::{ListOffsetsPartition, ListOffsetsTopic},
    },
    records::{Limits, batches, records, verify},
};

use super::{
    connection::{CallError, Connection},
    topic::Topic,
};
use crate::{
    history::{Poll, SharedHistory, Value},
    random::Random,
    world::SimWorld,
};

pub struct Consumer {
    world: SimWorld<()>,
    node: u32,
    port: u16,
    topic: Topic,
    version: i16,
    random: Random,
    history: SharedHistory,
    /// Where it goes on.
    next: BTreeMap<i32, i64>,
    stop: Rc<Cell<bool>>,
}

impl Consumer {
    /// Follows all partitions until `stop`.
    pub fn new(
        world: SimWorld<()>,
        (node, port): (u32, u16),
        topic: Topic,
        version: i16,
        history: SharedHistory,
        stop: Rc<Cell<bool>>,
    ) -> Consumer {
        let random = Random::new(world.random());
        let next = (0..topic.partitions).map(|partition| (partition, 0)).collect();
        Consumer {
            world,
            node,
            port,
            topic,
            version,
            random,
            history,
            next,
            stop,
        }
    }

    pub async fn run(mut self) {
        while !self.stop.get() {
            let mut connection = Connection::open(&self.world, self.node, self.port).await;
            while !self.stop.get() {
                match self.poll(&mut connection).await {
                    Ok(()) => {}
                    Err(CallError::Malformed(what)) => {
                        self.fault(what);
                        break;
                    }
                    Err(_) => break,
                }
                // Mostly as fast as it can: what is shown too early must be seen before the crash.
                let most_us = *self.random.pick(&[0, 200, 1_000, 20_000]);
                let pause_us = self.random.between(0, most_us);
                self.world.sleep(Duration::from_micros(pause_us)).await;
            }
        }
    }

    /// One fetch over a few partitions.
    async fn poll(&mut self, connection: &mut Connection) -> Result<(), CallError> {
        let began_ns = self.world.simulation.now_ns();
        let partition_max_bytes = *self.random.pick(&[1, 500, 5_000, 1 << 20]);
        let wanted: Vec<FetchPartition> = self
            .next
            .iter()
            .map(|(partition, offset)| FetchPartition {
                partition: *partition,
                fetch_offset: *offset,
                partition_max_bytes,
                ..FetchPartition::default()
            })
            .collect();
        let request = FetchRequestData {
            max_wait_ms: self.random.between(0, 100) as i32,
            min_bytes: *self.random.pick(&[0, 1, 10_000]),
            max_bytes: 1 << 20,
            topics: vec![FetchTopic {
                topic: self.topic.name.clone(),
                topic_id: self.topic.id,
                partitions: wanted,
            }],
            ..FetchRequestData::default()
        };
        let answer: FetchResponse = connection.call(self.version, &request).await?;
        if answer.error_code != ErrorCode::NONE {
            return Err(CallError::Timeout);
        }
        for part in answer.responses.iter().flat_map(|topic| &topic.partitions) {
            let Some(asked_offset) = self.next.get(&part.partition_index).copied() else {
                return Err(CallError::Malformed(format!(
                    "partition {} was not asked for",
                    part.partition_index
                )));
            };
            if part.error_code.is_retriable() {
                continue;
            }
            if part.error_code != ErrorCode::NONE {
                let (partition, error) = (part.partition_index, part.error_code);
                self.fault(format!(
                    "fetch of partition {partition} at {asked_offset} was told {error:?}"
                ));
                continue;
            }
            let records = read_records(part).map_err(CallError::Malformed)?;
            // A batch may begin before the offset asked for; what lies before is left out, as clients do.
            let records: Vec<(i64, Value)> = records
                .into_iter()
                .filter(|(offset, _)| *offset >= asked_offset)
                .collect();
            if let Some((last, _)) = records.last() {
                self.next.insert(part.partition_index, last + 1);
            }
            self.history.borrow_mut().polls.push(Poll {
                partition: part.partition_index,
                asked_offset,
                began_ns,
                ended_ns: self.world.simulation.now_ns(),
                high_watermark: part.high_watermark,
                records,
            });
        }
        Ok(())
    }

    fn fault(&self, what: String) {
        self.history.borrow_mut().protocol_faults.push(what);
    }
}

/// The records of one partition's answer: whole batches, each as its CRC says.
fn read_records(part: &PartitionData) -> Result<Vec<(i64, Value)>, String> {
    let bytes: Vec<u8> = part.records.iter().flat_map(|piece| piece.iter().copied()).collect();
    let mut values = Vec::new();
    for batch in batches(&bytes) {
        let (_, batch) = batch.map_err(|error| format!("fetched bytes: {error}"))?;
        verify(batch, &Limits::replication()).map_err(|error| format!("fetched batch: {error}"))?;
        for record in records(batch).map_err(|error| format!("fetched batch: {error}"))? {
            let record = record.map_err(|error| format!("fetched record: {error}"))?;
            let word = record
                .value
                .as_ref()
                .and_then(|value| value.first_chunk::<8>().copied());
            let word = word.ok_or_else(|| format!("offset {}: not a value of this run", record.offset))?;
            values.push((record.offset, Value::from_u64(u64::from_be_bytes(word))));
        }
    }
    Ok(values)
}

/// Reads every partition from its start to its end, whatever happens on the way, into the history's `finals`. A partition
/// whose disk the broker calls faulty is read up to there, and is among the `refused`.
pub async fn read_to_the_end(world: &SimWorld<()>, (node, port): (u32, u16), topic: &Topic, history: &SharedHistory) {
    for partition in 0..topic.partitions {
        let mut log: Vec<(i64, Value)> = Vec::new();
        loop {
            let mut connection = Connection::open(world, node, port).await;
            match read_on(&mut connection, topic, partition, &mut log).await {
                Ok(()) => break,
                Err(CallError::Storage) => {
                    history.borrow_mut().refused.insert(partition);
                    break;
                }
                Err(CallError::Malformed(what)) => {
                    history.borrow_mut().protocol_faults.push(what);
                    break;
                }
                Err(_) => world.sleep(Duration::from_millis(10)).await,
            }
        }
        history.borrow_mut().finals.insert(partition, log);
    }
}

/// Goes on behind what is in `log` until the partition's end. Where that cannot be told, what can be read is read first.
async fn read_on(
    connection: &mut Connection,
    topic: &Topic,
    partition: i32,
    log: &mut Vec<(i64, Value)>,
) -> Result<(), CallError> {
    let end = match end_offset(connection, topic, partition).await {
        Err(CallError::Storage) => i64::MAX,
        end => end?,
    };
    loop {
        let next = log.last().map_or(0, |(offset, _)| offset + 1);
        if next >= end {
            return Ok(());
        }
        log.extend(fetch_one(connection, topic, partition, next).await?);
    }
}

async fn end_offset(connection: &mut Connection, topic: &Topic, partition: i32) -> Result<i64, CallError> {
    let partition = ListOffsetsPartition {
        partition_index: partition,
        timestamp: -1,
        ..Default::default()
    };
    let request = ListOffsetsRequest {
        replica_id: -1,
        topics: vec![ListOffsetsTopic {
            name: topic.name.clone(),
            partitions: vec![partition],
        }],
        ..Default::default()
    };
    let answer: ListOffsetsResponse = connection.call(7, &request).await?;
    let part = answer.topics.first().and_then(|topic| topic.partitions.first());
    match part.map(|part| (part.error_code, part.offset)) {
        Some((ErrorCode::NONE, offset)) => Ok(offset),
        Some((ErrorCode::KAFKA_STORAGE_ERROR, _)) => Err(CallError::Storage),
        _ => Err(CallError::Timeout),
    }
}

async fn fetch_one(
    connection: &mut Connection,
    topic: &Topic,
    partition: i32,
    offset: i64,
) -> Result<Vec<(i64, Value)>, CallError> {
    let wanted = FetchPartition {
        partition,
        fetch_offset: offset,
        partition_max_bytes: 1 << 20,
        ..Default::default()
    };
    let request = FetchRequestData {
        max_wait_ms: 100,
        min_bytes: 1,
        max_bytes: 1 << 22,
        topics: vec![FetchTopic {
            topic: topic.name.clone(),
            topic_id: topic.id,
            partitions: vec![wanted],
        }],
        ..Default::default()
    };
    let answer: FetchResponse = connection.call(12, &request).await?;
    let Some(part) = answer.responses.first().and_then(|topic| topic.partitions.first()) else {
        return Err(CallError::Malformed(format!("Fetch was answered with {answer:?}")));
    };
    if part.error_code != ErrorCode::NONE {
        return match part.error_code {
            ErrorCode::KAFKA_STORAGE_ERROR => Err(CallError::Storage),
            error if error.is_retriable() => Err(CallError::Timeout),
            _ => Err(CallError::Malformed(format!(
                "reading partition {partition} at {offset}: {:?}",
                part.error_code
            ))),
        };
    }
    let records = read_records(part).map_err(CallError::Malformed)?;
    Ok(records.into_iter().filter(|(at, _)| *at >= offset).collect())
}
