//! Goal: whatever one client sends, the others are served, and what is kept of it stays bounded.

mod harness;

use std::net::TcpStream;
use std::process::Stdio;
use std::time::Duration;

use bytes::Bytes;
use corelane_protocol::error_code::ErrorCode;
use corelane_protocol::messages::create_partitions::{
    CreatePartitionsRequest, CreatePartitionsResponse, CreatePartitionsTopic,
};
use corelane_protocol::messages::describe_configs::{
    DescribeConfigsRequest, DescribeConfigsResource, DescribeConfigsResponse,
};
use corelane_protocol::messages::fetch::{FetchPartition, FetchRequestData, FetchResponse, FetchTopic};
use corelane_protocol::messages::find_coordinator::{FindCoordinatorRequest, FindCoordinatorResponse};
use corelane_protocol::messages::list_offsets::{
    ListOffsetsPartition, ListOffsetsRequest, ListOffsetsResponse, ListOffsetsTopic,
};
use corelane_protocol::messages::offset_commit::{
    OffsetCommitRequest, OffsetCommitRequestPartition, OffsetCommitRequestTopic, OffsetCommitResponse,
};
use corelane_protocol::messages::produce::ProduceResponse;
use corelane_protocol::messages::{DescribeGroupsRequest, DescribeGroupsResponse};
use corelane_protocol::records::{Builder, Compression};

use harness::broker::{Broker, dies_with_test, free_port};
use harness::signal::send_signal;
use harness::wire::{Wire, errors, produce};
use harness::{TempFolder, wait_until};

const LIMIT: Duration = Duration::from_secs(10);
const OFFSETS: &str = "__consumer_offsets";

/// One record that was always too old to be kept long, so that batches are equal byte by byte.
fn batch(builder: Builder, value: &[u8]) -> Bytes {
    let mut builder = builder;
    builder.push(1, None, Some(value));
    builder.build()
}

/// Offsets of groups are written by their coordinators only, and stay where their coordinators look for them.
#[test]
fn the_offsets_topic_is_not_for_clients() {
    let broker = Broker::start("internal", 2);
    let mut wire = Wire::connect(broker.port);
    let found: FindCoordinatorResponse = wire.ask(
        4,
        &FindCoordinatorRequest {
            coordinator_keys: vec!["g".to_owned()],
            ..Default::default()
        },
    );
    assert_eq!(found.coordinators.len(), 1);
    let answer: ProduceResponse = wire.ask(9, &produce(OFFSETS, [batch(Builder::new(), b"forged")]));
    assert_eq!(errors(&answer), [ErrorCode::INVALID_TOPIC_EXCEPTION]);
    let answer: CreatePartitionsResponse = wire.ask(
        2,
        &CreatePartitionsRequest {
            topics: vec![CreatePartitionsTopic {
                name: OFFSETS.to_owned(),
                count: 60,
                ..Default::default()
            }],
            timeout_ms: 1000,
            ..Default::default()
        },
    );
    assert_eq!(answer.results[0].error_code, ErrorCode::INVALID_PARTITIONS);
}

/// A batch of a transaction is refused, and all others of its request, as Kafka does without a transactional id.
#[test]
fn transactional_batches_are_refused() {
    let broker = Broker::start("transactional", 1);
    let mut wire = Wire::connect(broker.port);
    wire.create_topic("t", 1);
    let transactional = batch(Builder::new().producer(5, 0, 0).transactional(true), b"a");
    let answer: ProduceResponse = wire.ask(9, &produce("t", [batch(Builder::new(), b"b"), transactional]));
    assert_eq!(errors(&answer), [ErrorCode::TRANSACTIONAL_ID_AUTHORIZATION_FAILED; 2]);
    wire.send_produce("t", 0, b"c");
    assert_eq!(wire.produced_offset(), 0, "nothing was appended before");
}

/// A large compressed batch is checked bit by bit; what was sent behind it on the same connection is still appended behind it.
#[test]
fn pipelined_appends_keep_their_order() {
    let broker = Broker::start("order", 2);
    let mut wire = Wire::connect(broker.port);
    wire.create_topic("t", 1);
    let large = batch(Builder::new().compression(Compression::Zstd), &vec![b'0'; 48 << 20]);
    assert!(large.len() < 1 << 20);
    for round in 0..3 {
        let firsts = [large.clone(), batch(Builder::new(), b"second")];
        wire.send(9, &produce("t", firsts));
        for _ in 0..3 {
            wire.send(9, &produce("t", [batch(Builder::new(), b"later")]));
        }
        let mut offsets = Vec::new();
        for correlation in 0..4 {
            let answer: ProduceResponse = wire.receive_of(9, 3 - correlation).expect("an answer in time");
            assert!(errors(&answer).iter().all(|error| error.is_none()), "{answer:?}");
            offsets.extend(
                answer.responses[0]
                    .partition_responses
                    .iter()
                    .map(|partition| partition.base_offset),
            );
        }
        assert_eq!(offsets, (5 * round..5 * round + 5).collect::<Vec<i64>>());
    }
}

/// What one request's batches expand to is bounded, so that a few megabytes cannot occupy a core for minutes.
#[test]
fn expansion_is_bounded_by_request() {
    let broker = Broker::start_with("bombs", 1, &[("socket.request.max.bytes", "2097152")]);
    let mut wire = Wire::connect(broker.port);
    wire.create_topic("t", 1);
    // 16 times the largest request is room for one such batch, and not for two.
    let bomb = batch(Builder::new().compression(Compression::Zstd), &vec![0; 24 << 20]);
    let answer: ProduceResponse = wire.ask(9, &produce("t", vec![bomb; 50]));
    let errors = errors(&answer);
    assert_eq!(errors[0], ErrorCode::NONE);
    assert_eq!(errors[1..], [ErrorCode::MESSAGE_TOO_LARGE; 49]);
}

/// More items than any client's request has: the connection is closed before anything is done for them, and others live on.
#[test]
fn requests_of_absurd_counts_are_refused() {
    let broker = Broker::start("absurd", 1);
    let mut other = Wire::connect(broker.port);
    let mut wire = Wire::connect(broker.port);
    let groups = vec![String::new(); 300_000];
    wire.send(
        5,
        &DescribeGroupsRequest {
            groups,
            ..Default::default()
        },
    );
    assert!(wire.receive::<DescribeGroupsResponse>(5).is_err());
    other.is_served().expect("others live on");
}

/// A log is not filled by what is refused: one line for each request.
#[test]
fn refusals_are_counted_in_one_line() {
    let broker = Broker::start("refusals", 1);
    let mut wire = Wire::connect(broker.port);
    wire.create_topic("t", 1);
    let nothing = vec![Bytes::new(); 20_000];
    let answer: ProduceResponse = wire.ask(9, &produce("t", nothing));
    assert_eq!(errors(&answer).len(), 20_000);
    let said = wait_until(LIMIT, || {
        let log = broker.log_text();
        log.contains("refused=20000").then_some(log)
    });
    let said = said.expect("the log tells of it");
    assert!(said.len() < 20_000, "{} bytes of log", said.len());
}

/// Nor by what is refused again and again: some lines, and how many more there would be.
#[test]
fn refusals_of_many_requests_are_counted() {
    let broker = Broker::start("storm", 1);
    let mut wire = Wire::connect(broker.port);
    wire.create_topic("t", 1);
    for _ in 0..1000 {
        let answer: ProduceResponse = wire.ask(9, &produce("t", [Bytes::new()]));
        assert_eq!(errors(&answer), [ErrorCode::INVALID_RECORD]);
    }
    let lines = broker.log_text().matches("refused=1").count();
    assert!((1..100).contains(&lines), "{lines} lines");
}

/// What is named twice in one request is answered as Kafka does: an offset not at all, a fetch once, configs once.
#[test]
fn duplicates_in_a_request_are_no_extra_work() {
    let broker = Broker::start("duplicates", 1);
    let mut wire = Wire::connect(broker.port);
    wire.create_topic("t", 2);
    let partition = |partition_index| ListOffsetsPartition {
        partition_index,
        timestamp: 5,
        ..Default::default()
    };
    let answer: ListOffsetsResponse = wire.ask(
        2,
        &ListOffsetsRequest {
            topics: vec![ListOffsetsTopic {
                name: "t".to_owned(),
                partitions: vec![partition(0), partition(1), partition(0)],
            }],
            ..Default::default()
        },
    );
    let codes: Vec<ErrorCode> = answer.topics[0]
        .partitions
        .iter()
        .map(|partition| partition.error_code)
        .collect();
    let twice = ErrorCode::INVALID_REQUEST;
    assert_eq!(codes, [twice, ErrorCode::NONE, twice]);

    let partition = FetchPartition {
        partition: 0,
        partition_max_bytes: 1 << 20,
        ..Default::default()
    };
    let answer: FetchResponse = wire.ask(
        11,
        &FetchRequestData {
            topics: vec![FetchTopic {
                topic: "t".to_owned(),
                partitions: vec![partition; 1000],
                ..Default::default()
            }],
            ..Default::default()
        },
    );
    assert_eq!(answer.responses[0].partitions.len(), 1);

    let resource = |key: &str| DescribeConfigsResource {
        resource_type: 2,
        resource_name: "t".to_owned(),
        configuration_keys: Some(vec![key.to_owned()]),
    };
    let answer: DescribeConfigsResponse = wire.ask(
        1,
        &DescribeConfigsRequest {
            resources: vec![
                resource("retention.ms"),
                resource("cleanup.policy"),
                resource("retention.ms"),
            ],
            ..Default::default()
        },
    );
    assert_eq!(answer.results.len(), 1);
    let mut names: Vec<&str> = answer.results[0]
        .configs
        .iter()
        .map(|config| config.name.as_str())
        .collect();
    names.sort_unstable();
    assert_eq!(names, ["cleanup.policy", "retention.ms"]);
}

/// A commit of many topics that do not exist is answered in time that grows with their number, not with its square.
#[test]
fn many_unknown_topics_are_refused_one_by_one() {
    let broker = Broker::start("unknown", 1);
    let mut wire = Wire::connect(broker.port);
    let topic = |index: usize| OffsetCommitRequestTopic {
        name: format!("{index:08}"),
        partitions: vec![OffsetCommitRequestPartition::default()],
        ..Default::default()
    };
    let request = OffsetCommitRequest {
        group_id: "g".to_owned(),
        topics: (0..100_000).map(topic).collect(),
        ..Default::default()
    };
    let answer: OffsetCommitResponse = wire.ask(2, &request);
    assert_eq!(answer.topics.len(), 100_000);
    assert_eq!(
        answer.topics[99_999].partitions[0].error_code,
        ErrorCode::UNKNOWN_TOPIC_OR_PARTITION
    );
}

/// Connections take descriptors only up to a bound: files can still be opened, and who is in is served.
#[test]
fn connections_leave_descriptors_for_files() {
    let broker = Broker::start_with_descriptors("descriptors", 2, 300);
    let mut wire = Wire::connect(broker.port);
    let idle: Vec<TcpStream> = (0..400)
        .map(|_| TcpStream::connect(("127.0.0.1", broker.port)).expect("the kernel takes it"))
        .collect();
    for round in 0..5 {
        let topic = format!("t{round}");
        wire.create_topic(&topic, 4);
        for partition in 0..4 {
            wire.send_produce(&topic, partition, b"x");
            assert_eq!(wire.produced_offset(), 0);
        }
    }
    drop(idle);
    let served = wait_until(LIMIT, || Wire::connect(broker.port).is_served().ok());
    served.expect("there is room again");
}

/// A log whose reader has stopped, or is gone, holds nobody up, not even the end.
#[test]
fn a_log_that_nobody_reads_holds_nobody_up() {
    let folder = TempFolder::new("unread");
    let port = free_port();
    let mut command = dies_with_test(env!("CARGO_BIN_EXE_corelane"));
    // Every refusal is said, not only some of them.
    command.env("CORELANE_LOG", "debug");
    command.args(["start", "--cores", "1"]);
    command.args(["--set", &format!("listeners=PLAINTEXT://127.0.0.1:{port}")]);
    command.args(["--set", &format!("log.dirs={}", folder.path().join("data").display())]);
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    let mut broker = command.spawn().expect("start the broker");
    wait_until(6 * LIMIT, || TcpStream::connect(("127.0.0.1", port)).ok()).expect("it listens");
    let mut wire = Wire::connect(port);
    wire.create_topic("t", 1);
    let refuse = |wire: &mut Wire| {
        // One line each; a pipe holds 64 KiB.
        for _ in 0..2000 {
            let answer: ProduceResponse = wire.ask(9, &produce("t", [Bytes::new()]));
            assert_eq!(errors(&answer), [ErrorCode::INVALID_RECORD]);
        }
    };
    refuse(&mut wire);
    drop(broker.stderr.take());
    refuse(&mut wire);
    send_signal(&broker, "TERM");
    let ended = wait_until(LIMIT, || broker.try_wait().expect("wait for the broker"));
    assert!(ended.expect("it ends").success());
}
