//! What one producer has for one broker: batches by partition, requests in flight.
//!
//! It drains as Kafka's own producer does (`RecordAccumulator`): once any batch is full, or the oldest has lingered,
//! a request takes one batch of every partition that has one, up to the request's limit, in turn. In a closed loop
//! nothing lingers: there is always more to fill a batch with.

use std::{collections::VecDeque, io};

use bytes::Bytes;
use corelane_protocol::{
    api_key::ApiKey,
    error_code::ErrorCode,
    header::{RequestHeader, decode_response_header},
    message::Message,
    messages::produce::{PartitionProduceData, ProduceRequestData, ProduceResponse, TopicProduceData},
    wire::{PartsWriter, Reader},
};

use super::{
    batch::{BatchLimits, ProducerId, Queue},
    tally::Tally,
};
use crate::{
    clock::{self, Nanos},
    wire::{CLIENT_ID, Stream},
};

/// How requests are made, the same for all lanes of a run.
#[derive(Clone, Debug)]
pub struct LaneRules {
    pub topic: String,
    pub version: i16,
    pub acks: i16,
    pub in_flight_max: usize,
    pub request_bytes: usize,
    pub request_batches: usize,
    pub buffer_bytes: usize,
    pub linger: Nanos,
    pub batch: BatchLimits,
    /// Records of a closed loop count from when their request went out, others from when they were meant to.
    pub is_closed: bool,
}

pub struct Lane {
    rules: LaneRules,
    producer: Option<ProducerId>,
    queues: Vec<Queue>,
    /// Queues with something in them, each once; the next request begins with the first.
    filled: VecDeque<usize>,
    buffered_bytes: usize,
    full_batches: usize,
    full_bytes: usize,
    /// When the oldest of what is buffered was buffered.
    oldest: Nanos,
    in_flight: VecDeque<Request>,
    correlation_id: i32,
}

struct Request {
    correlation_id: i32,
    parts: Vec<Part>,
}

struct Part {
    partition: i32,
    records: u32,
    bytes: usize,
    intended: Vec<(Nanos, u32)>,
}

impl Lane {
    pub fn new(rules: LaneRules, producer: Option<ProducerId>, partitions: Vec<i32>) -> Lane {
        Lane {
            rules,
            producer,
            queues: partitions.into_iter().map(Queue::new).collect(),
            filled: VecDeque::new(),
            buffered_bytes: 0,
            full_batches: 0,
            full_bytes: 0,
            oldest: 0,
            in_flight: VecDeque::new(),
            correlation_id: 0,
        }
    }

    pub fn has_room(&self) -> bool {
        self.buffered_bytes < self.rules.buffer_bytes
    }

    /// Of a closed loop: whether the next request should get more before it goes.
    pub fn wants_more(&self) -> bool {
        let batches = self.queues.len().min(self.rules.request_batches);
        self.has_slot() && self.has_room() && self.full_batches < batches && self.full_bytes < self.rules.request_bytes
    }

    pub fn has_slot(&self) -> bool {
        self.in_flight.len() < self.rules.in_flight_max
    }

    pub fn is_done(&self) -> bool {
        self.filled.is_empty() && self.in_flight.is_empty()
    }

    /// Buffers a record; says whether its batch is full with it.
    pub fn push(
        &mut self,
        queue: usize,
        intended: Nanos,
        now: Nanos,
        timestamp_ms: i64,
        record: (Option<&[u8]>, &[u8]),
    ) -> bool {
        if self.filled.is_empty() {
            self.oldest = now;
        }
        if self.queues[queue].is_empty() {
            self.filled.push_back(queue);
        }
        let (key, value) = record;
        let full = self.queues[queue].push(&self.rules.batch, intended, timestamp_ms, key, value);
        self.buffered_bytes += key.map_or(0, <[u8]>::len) + value.len();
        full.into_iter().flatten().for_each(|bytes| self.note_full(bytes));
        !self.queues[queue].is_open()
    }

    /// Makes the open batch of this queue full if a record of so many bytes does not fit into it; says whether it did.
    pub fn close_unless_fits(&mut self, queue: usize, payload_bytes: usize) -> bool {
        let full = self.queues[queue].close_unless_fits(&self.rules.batch, payload_bytes);
        full.into_iter().for_each(|bytes| self.note_full(bytes));
        full.is_some()
    }

    /// Whether this queue has a batch that could take more.
    pub fn is_open(&self, queue: usize) -> bool {
        self.queues[queue].is_open()
    }

    fn note_full(&mut self, bytes: usize) {
        self.full_batches += 1;
        self.full_bytes += bytes;
    }

    /// Whether a request would go now if there were a slot; else the time when it would, if any.
    fn due(&self, now: Nanos) -> Result<(), Option<Nanos>> {
        if self.filled.is_empty() {
            return Err(None);
        }
        if self.full_batches > 0 || !self.has_room() {
            return Ok(());
        }
        // A closed loop always has more to fill a batch with, so what is not full only waits for the rest.
        let lingered = self.oldest + self.rules.linger;
        match self.rules.is_closed {
            true => Err(None),
            false if lingered <= now => Ok(()),
            false => Err(Some(lingered)),
        }
    }

    /// When this lane has something to do by itself.
    pub fn next_due(&self, now: Nanos) -> Option<Nanos> {
        self.has_slot().then(|| self.due(now).err().flatten()).flatten()
    }

    /// Sends what is due; with `flush`, whatever there is: nothing lingers any more.
    pub fn send(&mut self, stream: &mut Stream, now: Nanos, flush: bool, tally: &mut Tally) -> io::Result<()> {
        while self.has_slot() && !self.filled.is_empty() && (flush || self.due(now).is_ok()) {
            self.send_one(stream);
            stream.flush()?;
        }
        stream.flush()?;
        if self.rules.acks == 0 && !stream.has_unsent() {
            // Nobody will answer: as far as a client can know, it is done once the kernel has it.
            while let Some(request) = self.in_flight.pop_front() {
                request.parts.iter().for_each(|part| on_acknowledged(part, now, tally));
                tally.produced.request(&tally.window, now);
            }
        }
        Ok(())
    }

    fn send_one(&mut self, stream: &mut Stream) {
        let mut parts = Vec::new();
        let mut partition_data = Vec::new();
        let mut request_bytes = 0;
        for _ in 0..self.filled.len().min(self.rules.request_batches) {
            let Some(&index) = self.filled.front() else { break };
            let queue = &mut self.queues[index];
            if !parts.is_empty() && request_bytes + queue.front_bytes() > self.rules.request_bytes {
                break;
            }
            let Some((batch, records)) = queue.take(self.producer) else {
                break;
            };
            request_bytes += batch.bytes();
            self.buffered_bytes -= batch.payload_bytes();
            if batch.is_full() {
                self.full_batches -= 1;
                self.full_bytes -= batch.bytes();
            }
            self.filled.pop_front();
            if !queue.is_empty() {
                self.filled.push_back(index);
            }
            parts.push(Part {
                partition: queue.partition,
                records: batch.records(),
                bytes: records.len(),
                intended: batch.intended,
            });
            partition_data.push(PartitionProduceData {
                index: queue.partition,
                records: Some(records),
            });
        }
        self.correlation_id = self.correlation_id.wrapping_add(1);
        stream.push(frame(&self.rules, self.correlation_id, partition_data));
        if self.rules.is_closed {
            let sent = clock::now();
            parts
                .iter_mut()
                .for_each(|part| part.intended = vec![(sent, part.records)]);
        }
        self.in_flight.push_back(Request {
            correlation_id: self.correlation_id,
            parts,
        });
    }

    /// An answer came.
    pub fn on_answer(&mut self, frame: &[u8], now: Nanos, tally: &mut Tally) -> io::Result<()> {
        let mut reader = Reader::new(frame);
        let version = self.rules.version;
        let correlation_id = decode_response_header(&mut reader, ApiKey::PRODUCE, version).map_err(io::Error::other)?;
        let request = self.in_flight.pop_front();
        let request = request.filter(|request| request.correlation_id == correlation_id);
        let request = request.ok_or_else(|| io::Error::other("an answer to another request"))?;
        let answer = ProduceResponse::decode(&mut reader, version).map_err(io::Error::other)?;
        let answers: Vec<_> = answer
            .responses
            .iter()
            .flat_map(|topic| &topic.partition_responses)
            .collect();
        for (index, part) in request.parts.iter().enumerate() {
            // Most brokers answer in the order of the request.
            let at_same_place = answers.get(index).filter(|answer| answer.index == part.partition);
            let answer = at_same_place.or_else(|| answers.iter().find(|answer| answer.index == part.partition));
            match answer.map(|answer| answer.error_code) {
                Some(ErrorCode::NONE) => on_acknowledged(part, now, tally),
                Some(error) => tally.error(error, u64::from(part.records)),
                None => tally.error("no answer for the partition", u64::from(part.records)),
            }
        }
        tally.produced.request(&tally.window, now);
        Ok(())
    }

    /// Patience has ended: whatever has no answer took at least until now.
    pub fn give_up(&mut self, now: Nanos, tally: &mut Tally) {
        let buffered = self
            .queues
            .iter_mut()
            .flat_map(|queue| std::iter::from_fn(|| queue.take(None)));
        let waiting = buffered.flat_map(|(batch, _)| batch.intended);
        let sent = self.in_flight.drain(..).flat_map(|request| request.parts);
        for (intended, count) in sent.flat_map(|part| part.intended).chain(waiting) {
            if tally.window.contains(&intended) {
                tally.unanswered += u64::from(count);
                tally.produced.latency(&tally.window, intended, now, u64::from(count));
            }
        }
    }
}

fn on_acknowledged(part: &Part, now: Nanos, tally: &mut Tally) {
    tally.acknowledged += u64::from(part.records);
    tally.acknowledged_bytes += part.bytes as u64;
    let side = &mut tally.produced;
    side.throughput(&tally.window, now, u64::from(part.records), part.bytes as u64);
    for (intended, count) in &part.intended {
        side.latency(&tally.window, *intended, now, u64::from(*count));
    }
}

fn frame(rules: &LaneRules, correlation_id: i32, partition_data: Vec<PartitionProduceData>) -> Vec<Bytes> {
    let header = RequestHeader {
        api_key: ApiKey::PRODUCE,
        api_version: rules.version,
        correlation_id,
        client_id: Some(CLIENT_ID.to_owned()),
    };
    let request = ProduceRequestData {
        acks: rules.acks,
        timeout_ms: 30_000,
        topic_data: vec![TopicProduceData {
            name: rules.topic.clone(),
            partition_data,
            ..Default::default()
        }],
        ..Default::default()
    };
    let mut parts = PartsWriter::new();
    header.encode(parts.writer());
    request.encode(parts.writer(), rules.version);
    parts.finish_frame()
}
