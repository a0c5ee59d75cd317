//! Goal: configs of topics and brokers take effect while the broker runs, from the answer to the change on, and hold after a restart.

mod harness;

use std::time::{SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use corelane_protocol::error_code::ErrorCode;
use corelane_protocol::messages::fetch::{FetchPartition, FetchRequestData, FetchResponse, FetchTopic};
use corelane_protocol::messages::incremental_alter_configs::{AlterConfigsResource, AlterableConfig};
use corelane_protocol::messages::produce::PartitionProduceResponse;
use corelane_protocol::messages::{IncrementalAlterConfigsRequest, IncrementalAlterConfigsResponse, ProduceResponse};
use corelane_protocol::records::{BatchHeader, Builder, Compression, records};
use harness::broker::Broker;
use harness::wire::{Wire, produce};

const TOPIC: i8 = 2;
const BROKER: i8 = 4;

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
