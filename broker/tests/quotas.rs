//! Goal: who uses more than it may is told for how long to wait, and is not read meanwhile, whatever core its connections are on.

mod harness;

use std::time::{Duration, Instant};

use corelane_protocol::error_code::ErrorCode;
use corelane_protocol::messages::alter_client_quotas::{EntityData, EntryData, OpData};
use corelane_protocol::messages::create_topics::{CreatableTopic, CreateTopicsRequest, CreateTopicsResponse};
use corelane_protocol::messages::fetch::{FetchPartition, FetchRequestData, FetchResponse, FetchTopic};
use corelane_protocol::messages::{
    AlterClientQuotasRequest, AlterClientQuotasResponse, ApiVersionsRequest, ApiVersionsResponse, ProduceResponse,
};
use corelane_protocol::records::Builder;
use harness::broker::Broker;
use harness::wire::{Wire, produce};

/// Limits the client ids of this test, or its address.
fn limit(wire: &mut Wire, entity: (&str, Option<&str>), key: &str, value: f64) {
    let request = AlterClientQuotasRequest {
        entries: vec![EntryData {
            entity: vec![EntityData {
                entity_type: entity.0.to_owned(),
                entity_name: entity.1.map(str::to_owned),
            }],
            ops: vec![OpData {
                key: key.to_owned(),
                value,
                remove: false,
            }],
        }],
        validate_only: false,
    };
    let answer: AlterClientQuotasResponse = wire.ask(1, &request);
    assert_eq!(answer.entries[0].error_code, ErrorCode::NONE, "{answer:?}");
}

/// A request of so many bytes and a few more; gives for how long it is to wait.
fn produce_bytes(wire: &mut Wire, bytes: usize) -> i32 {
    let mut batch = Builder::new();
    batch.push(1_700_000_000_000, None, Some(&vec![7; bytes]));
    let answer: ProduceResponse = wire.ask(9, &produce("limited", [batch.build()]));
    assert_eq!(answer.responses[0].partition_responses[0].error_code, ErrorCode::NONE);
    answer.throttle_time_ms
}

fn fetch(wire: &mut Wire) -> (i32, usize) {
    let request = FetchRequestData {
        max_wait_ms: 0,
        max_bytes: i32::MAX,
        topics: vec![FetchTopic {
            topic: "limited".to_owned(),
            partitions: vec![FetchPartition {
                partition_max_bytes: i32::MAX,
                ..Default::default()
            }],
            ..Default::default()
        }],
        ..Default::default()
    };
    let answer: FetchResponse = wire.ask(11, &request);
    let bytes = answer.responses[0].partitions[0]
        .records
        .iter()
        .map(|part| part.len())
        .sum();
    (answer.throttle_time_ms, bytes)
}

#[test]
fn a_producer_is_throttled_over_all_its_connections() {
    let broker = Broker::start("quota-produce", 2);
    let mut wires: Vec<Wire> = (0..4).map(|_| Wire::connect(broker.port)).collect();
    wires[0].create_topic("limited", 1);
    assert_eq!(produce_bytes(&mut wires[0], 200_000), 0, "nobody has a limit");
    limit(&mut wires[0], ("client-id", Some("other")), "producer_byte_rate", 1.0);
    assert_eq!(produce_bytes(&mut wires[0], 200_000), 0, "this client has none");

    // Ten seconds' worth may be used at once; the whole is what four connections used together.
    limit(&mut wires[0], ("client-id", None), "producer_byte_rate", 100_000.0);
    let mut throttled = None;
    for (at, (wire, bytes)) in wires.iter_mut().zip([260_000, 260_000, 260_000, 470_000]).enumerate() {
        let throttle_ms = produce_bytes(wire, bytes);
        if throttle_ms > 0 {
            throttled = Some((at, throttle_ms));
        }
    }
    let (at, throttle_ms) = throttled.expect("1250 kB are more than 1000 kB");
    assert_eq!(at, 3, "the first three are not more than that");
    // 1250 kB are 2.5 s too much, and what the requests have beside their records; less the time that this took.
    assert!((1..=2_600).contains(&throttle_ms), "{throttle_ms} ms");

    let began = Instant::now();
    wires[3].is_served().expect("it is served after its wait");
    let waited = began.elapsed();
    assert!(
        waited + Duration::from_millis(50) >= Duration::from_millis(throttle_ms as u64),
        "{waited:?}"
    );
    assert_eq!(
        wires[0]
            .ask::<_, ApiVersionsResponse>(0, &ApiVersionsRequest::default())
            .error_code,
        ErrorCode::NONE
    );
}

#[test]
fn a_consumer_gets_what_it_may_and_waits() {
    let broker = Broker::start("quota-fetch", 2);
    let mut wire = Wire::connect(broker.port);
    wire.create_topic("limited", 1);
    for _ in 0..3 {
        produce_bytes(&mut wire, 100_000);
    }
    assert_eq!(fetch(&mut wire).0, 0);
    limit(&mut wire, ("user", None), "consumer_byte_rate", 15_000.0);
    let (throttle_ms, bytes) = fetch(&mut wire);
    assert!(
        (100_000..=150_000).contains(&bytes),
        "no more than ten seconds' worth: {bytes}"
    );
    assert_eq!(throttle_ms, 0, "and that much may be used at once");
    let (throttle_ms, _) = fetch(&mut wire);
    assert!(throttle_ms > 1000, "twice as much is too much: {throttle_ms} ms");
}

#[test]
fn changes_of_topics_and_connections_are_limited() {
    let broker = Broker::start("quota-others", 2);
    let mut wire = Wire::connect(broker.port);
    limit(&mut wire, ("client-id", Some("test")), "controller_mutation_rate", 1.0);
    let create = |name: &str| CreateTopicsRequest {
        topics: vec![CreatableTopic {
            name: name.to_owned(),
            num_partitions: 40,
            replication_factor: 1,
            ..Default::default()
        }],
        ..Default::default()
    };
    let made: CreateTopicsResponse = wire.ask(7, &create("first"));
    assert_eq!(
        (made.topics[0].error_code, made.throttle_time_ms),
        (ErrorCode::NONE, 0),
        "one may overdraw"
    );
    let refused: CreateTopicsResponse = wire.ask(7, &create("second"));
    assert_eq!(refused.topics[0].error_code, ErrorCode::THROTTLING_QUOTA_EXCEEDED);
    assert!(refused.throttle_time_ms > 0, "{refused:?}");

    let mut other = Wire::connect(broker.port);
    limit(&mut other, ("ip", Some("127.0.0.1")), "connection_creation_rate", 1.0);
    for _ in 0..10 {
        Wire::connect(broker.port)
            .is_served()
            .expect("ten at once are ten seconds' worth");
    }
    let is_sent_away = |_| Wire::connect(broker.port).is_served().is_err();
    assert!((0..40).any(is_sent_away), "more are too much");
}
