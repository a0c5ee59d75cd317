//! Durable produce latency as a client sees it: a closed loop, each client with a connection of its own and one batch of
//! one record under way, acks=all.
//!
//! The topic is made if it is missing, where the broker makes topics by itself.

use std::{
    io, thread,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use clap::Args;
use corelane_protocol::{
    error_code::ErrorCode,
    messages::{
        metadata::{MetadataRequest, MetadataRequestTopic, MetadataResponse},
        produce::{PartitionProduceData, ProduceRequestData, ProduceResponse, TopicProduceData},
    },
    records::Builder,
};
use serde::Serialize;

use crate::{
    connection::Connection,
    latency::{Latencies, Summary},
};

/// Versions that every broker of the last years speaks.
const METADATA_VERSION: i16 = 9;
const PRODUCE_VERSION: i16 = 9;
const TOPIC_TIMEOUT: Duration = Duration::from_secs(10);

#[derive(Args)]
pub struct Produce {
    /// A broker of the cluster
    #[arg(long, default_value = "localhost:9092")]
    bootstrap_server: String,
    #[arg(long, default_value = "bench")]
    topic: String,
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=4096))]
    clients: u16,
    /// Bytes of a record's value
    #[arg(long, default_value_t = 1024)]
    record_bytes: usize,
    #[arg(long, default_value_t = 3, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=3600))]
    seconds: u64,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Report {
    clients: u16,
    records_per_second: f64,
    produce: Summary,
}

impl Produce {
    pub fn run(&self) -> io::Result<()> {
        let leaders = self.leaders()?;
        let begin = Instant::now();
        let time = Duration::from_secs(self.seconds);
        let mut latencies = Latencies::new();
        thread::scope(|scope| -> io::Result<()> {
            let loops: Vec<_> = (0..usize::from(self.clients))
                .map(|number| {
                    let partition = number % leaders.len();
                    let leader = &leaders[partition];
                    scope.spawn(move || self.client(leader, partition as i32, begin, time))
                })
                .collect();
            for client in loops {
                latencies.add(&client.join().map_err(|_| io::Error::other("a client panicked"))??);
            }
            Ok(())
        })?;
        let produce = latencies.summary();
        let report = Report {
            clients: self.clients,
            records_per_second: produce.count as f64 / begin.elapsed().as_secs_f64(),
            produce,
        };
        if self.json {
            println!("{}", serde_json::to_string(&report)?);
        } else {
            Summary::print_header();
            report
                .produce
                .print(&format!("produce, acks=all, {} clients", self.clients));
            println!("{:<42} {:>9.0}", "records per second", report.records_per_second);
        }
        Ok(())
    }

    /// Addresses of the partitions' leaders, by partition.
    fn leaders(&self) -> io::Result<Vec<String>> {
        let mut connection = Connection::open(&self.bootstrap_server)?;
        let request = MetadataRequest {
            topics: Some(vec![MetadataRequestTopic {
                name: Some(self.topic.clone()),
                ..Default::default()
            }]),
            ..Default::default()
        };
        let deadline = Instant::now() + TOPIC_TIMEOUT;
        loop {
            let answer: MetadataResponse = connection.ask(METADATA_VERSION, &request)?;
            let address = |node: i32| {
                let broker = answer.brokers.iter().find(|broker| broker.node_id == node)?;
                Some(format!("{}:{}", broker.host, broker.port))
            };
            let topic = answer
                .topics
                .first()
                .filter(|topic| topic.error_code == ErrorCode::NONE);
            let leaders: Option<Vec<String>> = topic.and_then(|topic| {
                let mut partitions: Vec<_> = topic.partitions.iter().collect();
                partitions.sort_by_key(|partition| partition.partition_index);
                partitions
                    .iter()
                    .map(|partition| address(partition.leader_id))
                    .collect()
            });
            match leaders {
                Some(leaders) if !leaders.is_empty() => return Ok(leaders),
                _ if Instant::now() > deadline => {
                    return Err(io::Error::other(format!("the topic {} has no leaders", self.topic)));
                }
                _ => thread::sleep(Duration::from_millis(50)),
            }
        }
    }

    fn client(&self, leader: &str, partition: i32, begin: Instant, time: Duration) -> io::Result<Latencies> {
        let mut connection = Connection::open(leader)?;
        let mut batch = Builder::new();
        // Of today, or retention would take it.
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_err(io::Error::other)?;
        batch.push(now.as_millis() as i64, None, Some(&vec![b'x'; self.record_bytes]));
        let request = ProduceRequestData {
            acks: -1,
            timeout_ms: 30_000,
            topic_data: vec![TopicProduceData {
                name: self.topic.clone(),
                partition_data: vec![PartitionProduceData {
                    index: partition,
                    records: Some(batch.build()),
                }],
                ..Default::default()
            }],
            ..Default::default()
        };
        let mut latencies = Latencies::new();
        while begin.elapsed() < time {
            let before = Instant::now();
            let answer: ProduceResponse = connection.ask(PRODUCE_VERSION, &request)?;
            latencies.record(before.elapsed());
            let mut partitions = answer.responses.iter().flat_map(|topic| &topic.partition_responses);
            match partitions.next() {
                Some(answer) if answer.error_code == ErrorCode::NONE => {}
                Some(answer) => return Err(io::Error::other(format!("refused: {:?}", answer.error_code))),
                None => return Err(io::Error::other("an answer without a partition")),
            }
        }
        Ok(latencies)
    }
}
