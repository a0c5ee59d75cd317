//! Goal: configs of topics and brokers take effect while the broker runs, from the answer to the change on, and hold after a restart.

mod harness;

use std::fs;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use corelane_protocol::error_code::ErrorCode;
use corelane_protocol::messages::describe_producers::TopicRequest;
use corelane_protocol::messages::fetch::{FetchPartition, FetchRequestData, FetchResponse, FetchTopic};
use corelane_protocol::messages::incremental_alter_configs::{AlterConfigsResource, AlterableConfig};
use corelane_protocol::messages::list_offsets::{ListOffsetsPartition, ListOffsetsTopic};
use corelane_protocol::messages::produce::PartitionProduceResponse;
use corelane_protocol::messages::{
    DescribeProducersRequest, DescribeProducersResponse, IncrementalAlterConfigsRequest,
    IncrementalAlterConfigsResponse, ListOffsetsRequest, ListOffsetsResponse, ProduceResponse,
};
use corelane_protocol::records::{BatchHeader, Builder, Compression, records};
use harness::broker::Broker;
use harness::wait_until;
use harness::wire::{Wire, produce};

const TOPIC: i8 = 2;
const BROKER: i8 = 4;
const BROKER_LOGGER: i8 = 8;

/// For what the broker does by itself, a few times in a second here.
const LIMIT: Duration = Duration::from_secs(30);

fn alter(wire: &mut Wire, kind: i8, name: &str, key: &str, value: Option<&str>) {
    let request = IncrementalAlterConfigsRequest {
        resources: vec![AlterConfigsResource {
            resource_type: kind,
            resource_name: name.to_owned(),
            configs: vec![AlterableConfig {
                name: key.to_owned(),
                config_operation: i8::from(value.is_none()),
                value: value.map(str::to_owned),
            }],
        }],
        validate_only: false,
    };
    let answer: IncrementalAlterConfigsResponse = wire.ask(1, &request);
    let outcome = &answer.responses[0];
    assert_eq!(
        outcome.error_code,
        ErrorCode::NONE,
        "{key}: {:?}",
        outcome.error_message
    );
}

fn now_ms() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970");
    now.as_millis() as i64
}

fn batch(timestamp: i64, value: &[u8]) -> Bytes {
    let mut batch = Builder::new();
    batch.push(timestamp, None, Some(value));
    batch.build()
}

fn append(wire: &mut Wire, topic: &str, batch: Bytes) -> PartitionProduceResponse {
    let mut answer: ProduceResponse = wire.ask(9, &produce(topic, [batch]));
    answer.responses.remove(0).partition_responses.remove(0)
}

fn append_of(wire: &mut Wire, topic: &str, bytes: usize) -> ErrorCode {
    append(wire, topic, batch(now_ms(), &vec![b'x'; bytes])).error_code
}

/// The batch at an offset.
fn fetch(wire: &mut Wire, topic: &str, offset: i64) -> Vec<u8> {
    let request = FetchRequestData {
        max_wait_ms: 10_000,
        min_bytes: 1,
        topics: vec![FetchTopic {
            topic: topic.to_owned(),
            partitions: vec![FetchPartition {
                fetch_offset: offset,
                partition_max_bytes: 1,
                ..Default::default()
            }],
            ..Default::default()
        }],
        ..Default::default()
    };
    let answer: FetchResponse = wire.ask(11, &request);
    let bytes = answer.responses[0].partitions[0].records.concat();
    let first = BatchHeader::parse(&bytes).expect("a batch").batch_bytes();
    bytes[..first].to_vec()
}

#[test]
fn limits_and_times_of_topics() {
    let mut broker = Broker::start("live-limits", 2);
    let mut wire = Wire::connect(broker.port);
    wire.create_topic("own", 1);
    wire.create_topic("inherits", 1);

    alter(&mut wire, TOPIC, "own", "max.message.bytes", Some("1000"));
    assert_eq!(append_of(&mut wire, "own", 2_000), ErrorCode::MESSAGE_TOO_LARGE);
    assert_eq!(append_of(&mut wire, "inherits", 2_000), ErrorCode::NONE);
    alter(&mut wire, BROKER, "", "message.max.bytes", Some("3000"));
    assert_eq!(append_of(&mut wire, "inherits", 4_000), ErrorCode::MESSAGE_TOO_LARGE);
    alter(&mut wire, BROKER, "1", "message.max.bytes", Some("5000"));
    assert_eq!(
        append_of(&mut wire, "inherits", 4_000),
        ErrorCode::NONE,
        "its own wins over that of all"
    );
    alter(&mut wire, TOPIC, "own", "max.message.bytes", None);
    assert_eq!(append_of(&mut wire, "own", 4_000), ErrorCode::NONE);

    alter(
        &mut wire,
        TOPIC,
        "own",
        "message.timestamp.before.max.ms",
        Some("60000"),
    );
    let old = append(&mut wire, "own", batch(now_ms() - 600_000, b"old"));
    assert_eq!(old.error_code, ErrorCode::INVALID_TIMESTAMP);
    alter(
        &mut wire,
        BROKER,
        "",
        "log.message.timestamp.after.max.ms",
        Some("60000"),
    );
    let early = append(&mut wire, "inherits", batch(now_ms() + 600_000, b"early"));
    assert_eq!(early.error_code, ErrorCode::INVALID_TIMESTAMP);
    alter(&mut wire, TOPIC, "own", "message.timestamp.type", Some("LogAppendTime"));
    let stamped = append(&mut wire, "own", batch(now_ms() - 600_000, b"stamped"));
    assert_eq!(stamped.error_code, ErrorCode::NONE);
    assert!(stamped.log_append_time_ms > now_ms() - 60_000, "{stamped:?}");

    // As in Kafka, no more than there are replicas.
    alter(&mut wire, TOPIC, "own", "min.insync.replicas", Some("2"));
    alter(&mut wire, BROKER, "", "min.insync.replicas", Some("2"));
    assert_eq!(append_of(&mut wire, "own", 1), ErrorCode::NONE);
    assert_eq!(append_of(&mut wire, "inherits", 1), ErrorCode::NONE);

    broker.kill();
    broker.start_again();
    let mut wire = Wire::connect(broker.port);
    assert_eq!(
        append_of(&mut wire, "inherits", 6_000),
        ErrorCode::MESSAGE_TOO_LARGE,
        "a restart keeps them"
    );
    assert_eq!(append_of(&mut wire, "inherits", 4_000), ErrorCode::NONE);
}

#[test]
fn batches_are_kept_in_the_codec_of_their_topic() {
    let broker = Broker::start("live-codecs", 2);
    let mut wire = Wire::connect(broker.port);
    wire.create_topic("codecs", 1);
    let value = b"the same words, and the same words again, ".repeat(200);
    for (name, codec) in [
        ("zstd", Compression::Zstd),
        ("lz4", Compression::Lz4),
        ("snappy", Compression::Snappy),
        ("gzip", Compression::Gzip),
        ("uncompressed", Compression::None),
    ] {
        for (kind, resource, key) in [(TOPIC, "codecs", "compression.type"), (BROKER, "", "compression.type")] {
            alter(&mut wire, kind, resource, key, Some(name));
            for sent in Compression::ALL {
                let mut batch = Builder::new().compression(sent);
                batch.push(now_ms(), Some(b"key"), Some(&value));
                let answer = append(&mut wire, "codecs", batch.build());
                assert_eq!(answer.error_code, ErrorCode::NONE);
                let kept = fetch(&mut wire, "codecs", answer.base_offset);
                assert_eq!(
                    BatchHeader::parse(&kept).unwrap().compression().unwrap(),
                    codec,
                    "{sent:?}"
                );
                let record = records(&kept).unwrap().next().unwrap().unwrap();
                assert_eq!(record.offset, answer.base_offset);
                assert_eq!(record.value.as_deref(), Some(&value[..]));
            }
            alter(&mut wire, kind, resource, key, None);
        }
    }
    // producer: as it came.
    let mut batch = Builder::new().compression(Compression::Snappy);
    batch.push(now_ms(), None, Some(&value));
    let answer = append(&mut wire, "codecs", batch.build());
    let kept = fetch(&mut wire, "codecs", answer.base_offset);
    assert_eq!(
        BatchHeader::parse(&kept).unwrap().compression().unwrap(),
        Compression::Snappy
    );

    // What is too large only once it is in its topic's codec is too large.
    alter(&mut wire, TOPIC, "codecs", "compression.type", Some("uncompressed"));
    alter(&mut wire, TOPIC, "codecs", "max.message.bytes", Some("2000"));
    let mut batch = Builder::new().compression(Compression::Zstd);
    batch.push(now_ms(), None, Some(&value));
    let answer = append(&mut wire, "codecs", batch.build());
    assert_eq!(answer.error_code, ErrorCode::MESSAGE_TOO_LARGE);
}

/// Ids of the producers that a topic's first partition remembers.
fn producers(wire: &mut Wire, topic: &str) -> Vec<i64> {
    let request = DescribeProducersRequest {
        topics: vec![TopicRequest {
            name: topic.to_owned(),
            partition_indexes: vec![0],
        }],
    };
    let answer: DescribeProducersResponse = wire.ask(0, &request);
    let active = &answer.topics[0].partitions[0].active_producers;
    active.iter().map(|producer| producer.producer_id).collect()
}

/// Goal: a silent producer is forgotten by what holds now, may then go on with any sequence, and no crash brings it back.
#[test]
fn silent_producers_are_forgotten() {
    let settings = [("producer.id.expiration.check.interval.ms", "50")];
    let mut broker = Broker::start_with("live-producers", 2, &settings);
    let mut wire = Wire::connect(broker.port);
    wire.create_topic("idempotent", 1);
    wire.send_idempotent("idempotent", (7, 0, 0), b"first");
    assert_eq!(wire.produced_offset(), 0);
    let leap = |wire: &mut Wire, sequence| -> ErrorCode {
        wire.send_idempotent("idempotent", (7, 0, sequence), b"leap");
        let answer: ProduceResponse = wire.receive(9).expect("an answer in time");
        answer.responses[0].partition_responses[0].error_code
    };
    assert_eq!(leap(&mut wire, 40), ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER);
    assert_eq!(producers(&mut wire, "idempotent"), [7]);

    alter(&mut wire, BROKER, "", "producer.id.expiration.ms", Some("200"));
    let forgotten = |wire: &mut Wire| wait_until(LIMIT, || producers(wire, "idempotent").is_empty().then_some(()));
    forgotten(&mut wire).expect("it is looked at every 50 ms");
    assert_eq!(leap(&mut wire, 40), ErrorCode::NONE);
    forgotten(&mut wire).expect("again");
    broker.kill();
    broker.start_again();
    let mut wire = Wire::connect(broker.port);
    assert_eq!(producers(&mut wire, "idempotent"), [0; 0], "nor does a crash");
    assert_eq!(leap(&mut wire, 90), ErrorCode::NONE);

    alter(&mut wire, BROKER, "1", "producer.id.expiration.ms", Some("86400000"));
    leap(&mut wire, 91);
    assert_eq!(producers(&mut wire, "idempotent"), [7]);
    broker.kill();
    broker.start_again();
    let mut wire = Wire::connect(broker.port);
    assert_eq!(producers(&mut wire, "idempotent"), [7], "its own wins over that of all");
    assert_eq!(leap(&mut wire, 93), ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER);
    assert_eq!(leap(&mut wire, 92), ErrorCode::NONE);
}

/// Names of the segments of a topic's first partition.
fn segments(broker: &Broker, topic: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut folders = vec![broker.folder().to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
            let (path, name) = (entry.path(), entry.file_name().into_string().expect("a name"));
            if path.is_dir() {
                folders.push(path);
            } else if name.ends_with(".log") && folder.to_string_lossy().contains(&format!("/log/{topic}-0")) {
                found.push(name);
            }
        }
    }
    found
}

fn first_offset(wire: &mut Wire, topic: &str) -> i64 {
    const EARLIEST: i64 = -2;
    let request = ListOffsetsRequest {
        replica_id: -1,
        topics: vec![ListOffsetsTopic {
            name: topic.to_owned(),
            partitions: vec![ListOffsetsPartition {
                timestamp: EARLIEST,
                current_leader_epoch: -1,
                ..Default::default()
            }],
        }],
        ..Default::default()
    };
    let answer: ListOffsetsResponse = wire.ask(7, &request);
    answer.topics[0].partitions[0].offset
}

/// Goal: a topic that has records already is cut into segments, and loses them, by what holds now.
#[test]
fn segments_and_retention_of_topics() {
    let broker = Broker::start_with("live-segments", 2, &[("log.retention.check.interval.ms", "50")]);
    let mut wire = Wire::connect(broker.port);
    const OLD_MS: i64 = 600_000;
    let large = vec![b'x'; 700_000];
    let fill = |wire: &mut Wire, topic: &str, age_ms: i64| {
        for _ in 0..4 {
            let answer = append(wire, topic, batch(now_ms() - age_ms, &large));
            assert_eq!(answer.error_code, ErrorCode::NONE);
        }
    };
    let has = |topic: &str, count: usize| wait_until(LIMIT, || (segments(&broker, topic).len() >= count).then_some(()));

    for topic in ["by-size", "by-time"] {
        wire.create_topic(topic, 1);
        fill(&mut wire, topic, OLD_MS);
        has(topic, 1).expect("what is large is written out");
        assert_eq!(
            segments(&broker, topic).len(),
            1,
            "a segment is large and lasts by default"
        );
    }
    alter(&mut wire, TOPIC, "by-size", "segment.bytes", Some("1048576"));
    fill(&mut wire, "by-size", OLD_MS);
    has("by-size", 3).expect("new segments, with a batch in each");
    alter(&mut wire, BROKER, "", "log.roll.ms", Some("60000"));
    fill(&mut wire, "by-time", 0);
    has("by-time", 2).expect("a new segment for what came ten minutes later");

    assert_eq!(first_offset(&mut wire, "by-size"), 0);
    alter(&mut wire, TOPIC, "by-size", "retention.bytes", Some("1500000"));
    let started = |wire: &mut Wire, topic: &str| {
        wait_until(LIMIT, || Some(first_offset(wire, topic)).filter(|offset| *offset > 0))
    };
    assert!(
        started(&mut wire, "by-size") >= Some(4),
        "the large first segment is too much"
    );
    assert_eq!(first_offset(&mut wire, "by-time"), 0, "this one may be larger");
    alter(&mut wire, TOPIC, "by-time", "retention.ms", Some("300000"));
    assert_eq!(
        started(&mut wire, "by-time"),
        Some(4),
        "what is old goes, and nothing else"
    );
}

/// Goal: connections that are made faster than they may be wait, and none is refused.
#[test]
fn connections_are_made_no_faster_than_they_may_be() {
    const RATE: u32 = 5;
    let broker = Broker::start_with("live-connections", 2, &[("quota.window.num", "2")]);
    let mut wire = Wire::connect(broker.port);
    let rate = RATE.to_string();
    alter(&mut wire, BROKER, "", "max.connection.creation.rate", Some(&rate));
    let begin = Instant::now();
    let served = |_| {
        let mut wire = Wire::connect(broker.port);
        wire.is_served().expect("it waits and is served");
        wire
    };
    let connections: Vec<Wire> = (0..3 * RATE).map(served).collect();
    // What was not used of one second may be used at once; how much longer it takes is the machine's.
    let seconds = begin.elapsed().as_secs_f64();
    assert!(seconds >= 1.5, "{} connections in {seconds} s", connections.len());
}

/// Goal: a part of the broker says what its level lets it say, from the answer to the change on, and root decides for the others.
#[test]
fn loggers_have_levels() {
    let broker = Broker::start("live-loggers", 2);
    let mut wire = Wire::connect(broker.port);
    wire.create_topic("told", 1);
    // "config altered" is said by this logger at INFO, with its key.
    let api = "corelane_broker::api";
    alter(&mut wire, TOPIC, "told", "flush.ms", Some("1"));
    alter(&mut wire, BROKER_LOGGER, "1", api, Some("ERROR"));
    alter(&mut wire, TOPIC, "told", "flush.messages", Some("2"));
    alter(&mut wire, BROKER_LOGGER, "1", "root", Some("DEBUG"));
    alter(&mut wire, TOPIC, "told", "retention.ms", Some("3"));
    alter(&mut wire, BROKER_LOGGER, "1", api, None);
    alter(&mut wire, TOPIC, "told", "max.message.bytes", Some("4"));
    let said = |key: &str| broker.log_text().contains(&format!("key=\"{key}\""));
    wait_until(LIMIT, || said("max.message.bytes").then_some(())).expect("it has root's level again");
    assert!(said("flush.ms"), "at start it is INFO");
    assert!(
        !said("flush.messages") && !said("retention.ms"),
        "{}",
        broker.log_tail()
    );
}
