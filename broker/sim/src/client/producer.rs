//! A producer, plain or idempotent, that keeps several batches in flight and never sends a value twice by itself.
//!
//! An idempotent one holds each batch until it knows that it is in the log: after a lost connection it sends all that is
//! open again, oldest first, with the same sequence numbers, as the Java client does. A plain one lets go of a batch
//! whose answer is lost; nobody knows then.

use std::{
    collections::{BTreeMap, VecDeque},
    time::Duration,
};

use bytes::Bytes;
use corelane_broker::runtime::world::World;
use corelane_protocol::{
    error_code::ErrorCode,
    messages::{
        InitProducerIdRequest, InitProducerIdResponse, ProduceResponse,
        produce::{PartitionProduceData, ProduceRequestData, TopicProduceData},
    },
    records::{Builder, Compression},
};

use super::{
    connection::{CallError, Connection},
    topic::Topic,
};
use crate::{
    history::{Outcome, Send, SharedHistory, Value},
    random::Random,
    world::{SimWorld, WALL_START_MS},
};

/// Records are of some hours ago: however the node's clock jumps, none is of the future, and no producer has been silent for
/// so long that it is forgotten.
const RECORD_TIME_MS: i64 = WALL_START_MS - 12 * 3600 * 1000;

#[derive(Clone, Debug)]
pub struct ProducerOptions {
    pub number: u32,
    pub node: u32,
    pub port: u16,
    pub idempotent: bool,
    /// Batches in flight at once; 1 to 5.
    pub in_flight_max: usize,
    pub batches: u32,
    pub records_max: u64,
    pub value_bytes_max: u64,
    pub version: i16,
}

pub struct Producer {
    world: SimWorld<()>,
    options: ProducerOptions,
    topic: Topic,
    random: Random,
    history: SharedHistory,
    producer_id: (i64, i16),
    next_sequence: BTreeMap<i32, i32>,
    next_value: u32,
    /// Not answered yet, oldest first.
    open: VecDeque<Open>,
}

struct Open {
    /// Its place in the history.
    send: usize,
    partition: i32,
    batch: Bytes,
}

impl Producer {
    pub fn new(world: SimWorld<()>, options: ProducerOptions, topic: Topic, history: SharedHistory) -> Producer {
        let random = Random::new(world.random());
        Producer {
            world,
            options,
            topic,
            random,
            history,
            producer_id: (-1, -1),
            next_sequence: BTreeMap::new(),
            next_value: 0,
            open: VecDeque::new(),
        }
    }

    /// Sends all its batches; ends when none is open any more.
    pub async fn run(mut self) {
        let mut left = self.options.batches;
        loop {
            let mut connection = Connection::open(&self.world, self.options.node, self.options.port).await;
            match self.run_on(&mut connection, &mut left).await {
                Ok(()) => return,
                Err(CallError::Malformed(what)) => self.fault(what),
                Err(_) => {}
            }
            drop(connection);
            if !self.options.idempotent {
                // What was open stays unknown.
                self.open.clear();
            }
            let pause_ms = self.random.between(1, 30);
            self.world.sleep(Duration::from_millis(pause_ms)).await;
        }
    }

    async fn run_on(&mut self, connection: &mut Connection, left: &mut u32) -> Result<(), CallError> {
        if self.options.idempotent && self.producer_id.0 < 0 {
            let request = InitProducerIdRequest {
                transactional_id: None,
                transaction_timeout_ms: 60_000,
                ..InitProducerIdRequest::default()
            };
            let given: InitProducerIdResponse = connection.call(4, &request).await?;
            let who = (self.world.machine.id, 0);
            let text = || format!("{:?}: producer id {}", given.error_code, given.producer_id);
            self.world
                .simulation
                .note("answer", who, given.producer_id as u64, text);
            if given.error_code != ErrorCode::NONE {
                return Err(CallError::Timeout);
            }
            self.producer_id = (given.producer_id, given.producer_epoch);
        }
        for index in 0..self.open.len() {
            self.send_open(connection, index).await?;
        }
        loop {
            while *left > 0 && self.open.len() < self.options.in_flight_max {
                *left -= 1;
                self.make_batch();
                self.send_open(connection, self.open.len() - 1).await?;
            }
            if self.open.is_empty() {
                return Ok(());
            }
            let answer: ProduceResponse = connection.receive().await?;
            self.on_answer(answer)?;
            if self.random.chance(1, 4) {
                let pause_us = self.random.between(10, 5_000);
                self.world.sleep(Duration::from_micros(pause_us)).await;
            }
        }
    }

    fn make_batch(&mut self) {
        let partition = self.random.below(self.topic.partitions as u64) as i32;
        let records = self.random.between(1, self.options.records_max) as u32;
        let compressions = [
            Compression::None,
            Compression::None,
            Compression::None,
            Compression::Lz4,
            Compression::Zstd,
            Compression::Gzip,
        ];
        let mut builder = Builder::new().compression(*self.random.pick(&compressions));
        if self.options.idempotent {
            let sequence = self.next_sequence.entry(partition).or_insert(0);
            builder = builder.producer(self.producer_id.0, self.producer_id.1, *sequence);
            *sequence += records as i32;
        }
        let mut values = Vec::new();
        for _ in 0..records {
            let value = Value {
                producer: self.options.number,
                number: self.next_value,
            };
            self.next_value += 1;
            let len = 8 + self.random.below(self.options.value_bytes_max) as usize;
            let mut bytes = vec![self.next_value as u8; len];
            bytes[..8].copy_from_slice(&value.to_u64().to_be_bytes());
            builder.push(RECORD_TIME_MS, None, Some(&bytes));
            values.push(value);
        }
        let mut history = self.history.borrow_mut();
        self.open.push_back(Open {
            send: history.sends.len(),
            partition,
            batch: builder.build(),
        });
        history.sends.push(Send {
            producer: self.options.number,
            idempotent: self.options.idempotent,
            partition,
            values,
            began_ns: self.world.simulation.now_ns(),
            ended_ns: u64::MAX,
            outcome: Outcome::Unknown,
        });
    }

    async fn send_open(&self, connection: &mut Connection, index: usize) -> Result<(), CallError> {
        let open = &self.open[index];
        let topic = TopicProduceData {
            name: self.topic.name.clone(),
            topic_id: self.topic.id,
            partition_data: vec![PartitionProduceData {
                index: open.partition,
                records: Some(open.batch.clone()),
            }],
        };
        let request = ProduceRequestData {
            acks: -1,
            timeout_ms: 5_000,
            topic_data: vec![topic],
            ..Default::default()
        };
        connection.send(self.options.version, &request).await
    }

    fn on_answer(&mut self, answer: ProduceResponse) -> Result<(), CallError> {
        let part = answer
            .responses
            .first()
            .and_then(|topic| topic.partition_responses.first());
        let Some(part) = part.filter(|part| Some(part.index) == self.open.front().map(|open| open.partition)) else {
            return Err(CallError::Malformed(format!("Produce was answered with {answer:?}")));
        };
        if part.error_code != ErrorCode::NONE {
            let text = || {
                format!(
                    "producer {} partition {}: {:?}",
                    self.options.number, part.index, part.error_code
                )
            };
            let who = (self.world.machine.id, 0);
            self.world.simulation.note("error", who, part.error_code.0 as u64, text);
        }
        let outcome = match part.error_code {
            ErrorCode::NONE if part.base_offset >= 0 => Outcome::Acked {
                base_offset: part.base_offset,
            },
            ErrorCode::NONE | ErrorCode::DUPLICATE_SEQUENCE_NUMBER => Outcome::AckedSomewhere,
            // Nothing is wrong with the batch: an idempotent producer tries again.
            error
                if self.options.idempotent
                    && (error.is_retriable() || error == ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER) =>
            {
                return Err(CallError::Timeout);
            }
            // The answer leaves open whether it was written.
            ErrorCode::REQUEST_TIMED_OUT
            | ErrorCode::NOT_ENOUGH_REPLICAS_AFTER_APPEND
            | ErrorCode::KAFKA_STORAGE_ERROR => Outcome::Unknown,
            error if error.is_retriable() => Outcome::Refused(error.0),
            error => {
                self.fault(format!("producer {} was told {error:?}", self.options.number));
                Outcome::Refused(error.0)
            }
        };
        let open = self.open.pop_front().expect("it was checked above");
        let mut history = self.history.borrow_mut();
        history.sends[open.send].outcome = outcome;
        history.sends[open.send].ended_ns = self.world.simulation.now_ns();
        let who = (self.world.machine.id, 0);
        let text = || {
            format!(
                "producer {} partition {}: {outcome:?}",
                self.options.number, open.partition
            )
        };
        let number = match outcome {
            Outcome::Acked { base_offset } => base_offset as u64,
            _ => u64::MAX,
        };
        self.world.simulation.note("answer", who, number, text);
        Ok(())
    }

    fn fault(&self, what: String) {
        self.history.borrow_mut().protocol_faults.push(what);
    }
}
