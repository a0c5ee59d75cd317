//! From settings and a topic to the clients of each thread, connected and ready.

use std::{io, ops::Range};

use corelane_protocol::api_key::ApiKey;

use super::topic::Topic;
use crate::{
    clock::{Nanos, nanos},
    load::{BatchLimits, Clients, Consumer, FetchRules, Lane, LaneRules, Position, Producer, Records, Schedule},
    settings::{Acks, Settings},
    wire::Stream,
};

/// What the load of one round consists of.
pub struct Plan<'a> {
    pub settings: &'a Settings,
    pub in_flight: usize,
    /// Tells this load's records from all others.
    pub stamp: u64,
    pub producers: usize,
    pub tails: usize,
    pub replays: usize,
    pub replay: Position,
    /// Where each partition ended before.
    pub ends: Vec<i64>,
}

impl Plan<'_> {
    /// The clients of each thread.
    pub fn connect(&self, topic: &mut Topic) -> io::Result<Vec<Clients>> {
        let threads = self.settings.threads();
        let mut clients = Vec::new();
        for thread in 0..threads {
            clients.push(Clients {
                producers: Vec::new(),
                consumers: Vec::new(),
                schedule: None,
                records: self.records(thread),
            });
        }
        for index in 0..self.producers {
            clients[index % threads].producers.push(self.producer(topic, index)?);
        }
        let consumers = [(self.tails, Position::Tail), (self.replays, self.replay)];
        let mut index = 0;
        for (count, position) in consumers {
            for (partitions, leader) in self.shares(topic, count) {
                let stream = Stream::open(&leader)?;
                let consumer = Consumer::new(self.fetch_rules(topic)?, position, &self.offsets(&partitions, position));
                clients[index % threads].consumers.push((consumer, stream));
                index += 1;
            }
        }
        Ok(clients)
    }

    fn records(&self, thread: usize) -> Records {
        let settings = self.settings;
        let seed = settings.seed.wrapping_add(1000 * thread as u64);
        Records::new(
            seed,
            self.stamp,
            settings.record_bytes,
            settings.keys,
            settings.random_percent,
        )
    }

    /// Of an open loop: when records are due. Threads begin at different points of a gap, so that they do not all
    /// send at once.
    pub fn schedule(&self, clients: &mut [Clients], loading: Range<Nanos>) {
        let Some(rate) = self.settings.rate else { return };
        let threads = clients.len() as f64;
        for (thread, clients) in clients
            .iter_mut()
            .enumerate()
            .filter(|(_, clients)| !clients.producers.is_empty())
        {
            let rate = rate * clients.producers.len() as f64 / self.producers as f64;
            let begin = loading.start + (1e9 / rate * thread as f64 / threads) as Nanos;
            let seed = self.settings.seed.wrapping_add(7 + 1000 * thread as u64);
            let schedule = Schedule::new(begin, loading.end, rate, self.settings.arrivals, seed);
            clients.schedule = Some(schedule);
        }
    }

    fn producer(&self, topic: &mut Topic, index: usize) -> io::Result<(Producer, Vec<Stream>)> {
        let id = self.settings.idempotence.then(|| topic.producer_id()).transpose()?;
        let rules = self.lane_rules(topic)?;
        let mut places = vec![(0, 0); topic.leaders.len()];
        let mut lanes = Vec::new();
        let mut streams = Vec::new();
        for (leader, partitions) in topic.by_leader() {
            for (queue, partition) in partitions.iter().enumerate() {
                places[*partition as usize] = (lanes.len(), queue);
            }
            lanes.push(Lane::new(rules.clone(), id, partitions));
            streams.push(Stream::open(&leader)?);
        }
        let producer = Producer::new(lanes, places, index, self.settings.batch_bytes.bytes());
        Ok((producer, streams))
    }

    fn lane_rules(&self, topic: &Topic) -> io::Result<LaneRules> {
        let settings = self.settings;
        Ok(LaneRules {
            topic: topic.name.clone(),
            version: topic.versions.of(ApiKey::PRODUCE)?,
            acks: match settings.acks {
                Acks::None => 0,
                Acks::Leader => 1,
                Acks::All => -1,
            },
            in_flight_max: self.in_flight,
            request_bytes: settings.request_bytes.bytes(),
            request_batches: settings.request_batches.unwrap_or(u32::MAX) as usize,
            buffer_bytes: settings.buffer_bytes.bytes(),
            linger: nanos(std::time::Duration::from_micros(settings.linger_us)),
            batch: BatchLimits {
                bytes: settings.batch_bytes.bytes(),
                records: settings.batch_records.unwrap_or(u32::MAX),
                codec: settings.codec.0,
            },
            is_closed: settings.rate.is_none(),
        })
    }

    fn fetch_rules(&self, topic: &Topic) -> io::Result<FetchRules> {
        let settings = self.settings;
        let bytes = |count: crate::words::ByteCount| i32::try_from(count.0).unwrap_or(i32::MAX);
        Ok(FetchRules {
            topic: topic.name.clone(),
            version: topic.versions.of(ApiKey::FETCH)?,
            wait_ms: settings.fetch_wait_ms as i32,
            bytes_min: bytes(settings.fetch_min_bytes),
            bytes_max: bytes(settings.fetch_bytes),
            partition_bytes_max: bytes(settings.fetch_partition_bytes),
            stamp: self.stamp,
        })
    }

    /// The partitions of each consumer's connection, with the leader to connect to.
    fn shares(&self, topic: &Topic, consumers: usize) -> Vec<(Vec<i32>, String)> {
        let mut shares = Vec::new();
        for consumer in 0..consumers {
            for (leader, partitions) in topic.by_leader() {
                let mine = partitions
                    .into_iter()
                    .filter(|partition| *partition as usize % consumers == consumer);
                let mine: Vec<i32> = mine.collect();
                if !mine.is_empty() {
                    shares.push((mine, leader));
                }
            }
        }
        shares
    }

    fn offsets(&self, partitions: &[i32], position: Position) -> Vec<(i32, i64, i64)> {
        let offsets = |partition: &i32| {
            let end = self.ends[*partition as usize];
            (*partition, if position == Position::Tail { end } else { 0 }, end)
        };
        partitions.iter().map(offsets).collect()
    }
}
