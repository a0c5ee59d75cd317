//! The least of a Kafka client, for tests that must say themselves when a byte leaves and when an answer is due: one
//! socket, requests in versions that the test names, answers within a limit.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::ops::Range;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use corelane_protocol::error_code::ErrorCode;
use corelane_protocol::frame;
use corelane_protocol::header::{RequestHeader, decode_response_header};
use corelane_protocol::message::Message;
use corelane_protocol::messages::create_topics::{
    CreatableTopic, CreatableTopicConfig, CreateTopicsRequest, CreateTopicsResponse,
};
use corelane_protocol::messages::fetch::{FetchPartition, FetchRequestData, FetchResponse, FetchTopic};
use corelane_protocol::messages::find_coordinator::{FindCoordinatorRequest, FindCoordinatorResponse};
use corelane_protocol::messages::offset_commit::{
    OffsetCommitRequest, OffsetCommitRequestPartition, OffsetCommitRequestTopic, OffsetCommitResponse,
};
use corelane_protocol::messages::produce::{
    PartitionProduceData, ProduceRequestData, ProduceResponse, TopicProduceData,
};
use corelane_protocol::messages::{ApiVersionsRequest, ApiVersionsResponse};
use corelane_protocol::records::{self, Builder};
use corelane_protocol::wire::Reader;

use super::wait_until;

/// How long an answer may take on a loaded machine.
const ANSWER_LIMIT: Duration = Duration::from_secs(10);
const ANSWER_BYTES_MAX: usize = 64 << 20;

pub struct Wire {
    stream: TcpStream,
    correlation_id: i32,
}

impl Wire {
    pub fn connect(port: u16) -> Wire {
        let stream = TcpStream::connect(("127.0.0.1", port)).expect("connect to the broker");
        stream.set_nodelay(true).expect("no delay");
        stream.set_read_timeout(Some(ANSWER_LIMIT)).expect("read limit");
        Wire {
            stream,
            correlation_id: 0,
        }
    }

    pub fn send<Q: Message>(&mut self, version: i16, request: &Q) {
        self.correlation_id += 1;
        let header = RequestHeader {
            api_key: Q::API_KEY,
            api_version: version,
            correlation_id: self.correlation_id,
            client_id: Some("test".to_owned()),
        };
        // A connection that is closed shows when the answer is read.
        let _ = self.stream.write_all(&frame::request(&header, request));
    }

    /// Bytes as they are, if the broker takes them.
    pub fn send_bytes(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes)
    }

    /// The answer to the request sent last.
    pub fn receive<A: Message>(&mut self, version: i16) -> io::Result<A> {
        self.receive_of(version, 0)
    }

    /// The answer to the request that was sent before so many others.
    pub fn receive_of<A: Message>(&mut self, version: i16, sent_later: i32) -> io::Result<A> {
        let mut body = vec![0; self.answer_begins()?];
        self.stream.read_exact(&mut body)?;
        let body = Bytes::from(body);
        let mut reader = Reader::sharing(&body);
        let correlation_id = decode_response_header(&mut reader, A::API_KEY, version).expect("a sound header");
        assert_eq!(
            correlation_id,
            self.correlation_id - sent_later,
            "answers come in order"
        );
        Ok(A::decode(&mut reader, version).expect("a sound answer"))
    }

    /// Waits until an answer comes, and gives the bytes that it has after its length.
    pub fn answer_begins(&mut self) -> io::Result<usize> {
        let mut prefix = [0; frame::PREFIX_BYTES];
        self.stream.read_exact(&mut prefix)?;
        let length = frame::body_bytes(&prefix, ANSWER_BYTES_MAX).expect("a sound length");
        Ok(length.expect("the prefix is whole"))
    }

    pub fn ask<Q: Message, A: Message>(&mut self, version: i16, request: &Q) -> A {
        self.send(version, request);
        self.receive(version).expect("an answer in time")
    }

    /// Whether the broker answers at all: the cheapest question there is.
    pub fn is_served(&mut self) -> io::Result<()> {
        self.send(0, &ApiVersionsRequest::default());
        self.receive::<ApiVersionsResponse>(0).map(drop)
    }

    /// The broker closes this connection within the limit, without a word.
    pub fn is_closed_within(&mut self, limit: Duration) -> bool {
        self.stream.set_read_timeout(Some(limit)).expect("read limit");
        let outcome = self.stream.read(&mut [0]);
        self.stream.set_read_timeout(Some(ANSWER_LIMIT)).expect("read limit");
        match outcome {
            Ok(bytes) => bytes == 0,
            Err(error) => !matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut),
        }
    }

    pub fn create_topic(&mut self, name: &str, partitions: i32) {
        self.create_topic_with(name, partitions, &[]);
    }

    pub fn create_topic_with(&mut self, name: &str, partitions: i32, configs: &[(&str, &str)]) {
        let config = |(name, value): &(&str, &str)| CreatableTopicConfig {
            name: (*name).to_owned(),
            value: Some((*value).to_owned()),
        };
        let request = CreateTopicsRequest {
            topics: vec![CreatableTopic {
                name: name.to_owned(),
                num_partitions: partitions,
                replication_factor: 1,
                configs: configs.iter().map(config).collect(),
                ..Default::default()
            }],
            ..Default::default()
        };
        let answer: CreateTopicsResponse = self.ask(5, &request);
        assert_eq!(answer.topics[0].error_code, ErrorCode::NONE);
    }

    /// One record with acks=all; the answer is taken by [`Wire::produced_offset`].
    pub fn send_produce(&mut self, topic: &str, partition: i32, value: &[u8]) {
        let mut batch = Builder::new();
        // Of today, or retention would take it.
        let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970");
        batch.push(now.as_millis() as i64, None, Some(value));
        let request = produce_to(topic, [(partition, batch.build())]);
        self.send(9, &request);
    }

    /// One record of an idempotent producer, likewise.
    pub fn send_idempotent(&mut self, topic: &str, (producer_id, epoch, sequence): (i64, i16, i32), value: &[u8]) {
        let mut batch = Builder::new().producer(producer_id, epoch, sequence);
        let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970");
        batch.push(now.as_millis() as i64, None, Some(value));
        self.send(9, &produce_to(topic, [(0, batch.build())]));
    }

    pub fn produced_offset(&mut self) -> i64 {
        let answer: ProduceResponse = self.receive(9).expect("an answer in time");
        let partition = &answer.responses[0].partition_responses[0];
        assert_eq!(partition.error_code, ErrorCode::NONE);
        partition.base_offset
    }

    /// Commits an offset of the topic's first partition, once the group has a coordinator.
    pub fn commit_offset(&mut self, group_id: &str, topic: &str, offset: i64) {
        let find = FindCoordinatorRequest {
            key: group_id.to_owned(),
            ..Default::default()
        };
        let commit = OffsetCommitRequest {
            group_id: group_id.to_owned(),
            topics: vec![OffsetCommitRequestTopic {
                name: topic.to_owned(),
                partitions: vec![OffsetCommitRequestPartition {
                    committed_offset: offset,
                    ..Default::default()
                }],
                ..Default::default()
            }],
            ..Default::default()
        };
        let done = wait_until(ANSWER_LIMIT, || {
            let _: FindCoordinatorResponse = self.ask(3, &find);
            let answer: OffsetCommitResponse = self.ask(7, &commit);
            (answer.topics[0].partitions[0].error_code == ErrorCode::NONE).then_some(())
        });
        done.expect("a coordinator");
    }

    /// Waits at the broker until there is a record at `offset`; the answer is taken by [`Wire::fetched`].
    pub fn send_fetch(&mut self, topic: &str, partition: i32, offset: i64) {
        self.send_fetch_of(topic, partition..partition + 1, offset);
    }

    pub fn send_fetch_of(&mut self, topic: &str, partitions: Range<i32>, offset: i64) {
        let wanted = |partition| FetchPartition {
            partition,
            fetch_offset: offset,
            partition_max_bytes: 1 << 20,
            ..Default::default()
        };
        let request = FetchRequestData {
            max_wait_ms: 60_000,
            min_bytes: 1,
            topics: vec![FetchTopic {
                topic: topic.to_owned(),
                partitions: partitions.map(wanted).collect(),
                ..Default::default()
            }],
            ..Default::default()
        };
        self.send(11, &request);
    }

    /// Offset and value of each record that came.
    pub fn fetched(&mut self) -> Vec<(i64, Vec<u8>)> {
        let answer: FetchResponse = self.receive(11).expect("an answer in time");
        let partition = &answer.responses[0].partitions[0];
        assert_eq!(partition.error_code, ErrorCode::NONE);
        let bytes: Vec<u8> = partition.records.concat();
        let mut found = Vec::new();
        for batch in records::batches(&bytes) {
            let (_, batch) = batch.expect("a sound batch");
            for record in records::records(batch).expect("a sound batch") {
                let record = record.expect("a sound record");
                let value = record.value.expect("a value").to_vec();
                found.push((record.offset, value));
            }
        }
        found
    }
}

/// Batches for partitions of one topic, acks=all.
pub fn produce_to(topic: &str, batches: impl IntoIterator<Item = (i32, Bytes)>) -> ProduceRequestData {
    let partition_data = batches.into_iter().map(|(index, batch)| PartitionProduceData {
        index,
        records: Some(batch),
    });
    ProduceRequestData {
        acks: -1,
        timeout_ms: 30_000,
        topic_data: vec![TopicProduceData {
            name: topic.to_owned(),
            partition_data: partition_data.collect(),
            ..Default::default()
        }],
        ..Default::default()
    }
}

/// The same, all for the topic's first partition.
pub fn produce(topic: &str, batches: impl IntoIterator<Item = Bytes>) -> ProduceRequestData {
    produce_to(topic, batches.into_iter().map(|batch| (0, batch)))
}

/// What each partition was answered.
pub fn errors(answer: &ProduceResponse) -> Vec<ErrorCode> {
    let partitions = answer.responses.iter().flat_map(|topic| &topic.partition_responses);
    partitions.map(|partition| partition.error_code).collect()
}
