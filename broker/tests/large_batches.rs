//! Goal: a batch beyond half a journal file, though `message.max.bytes` allows it, is refused so that real idempotent producers
//! recover: they split it, or give up that record alone.

mod harness;

use std::process::Command;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use corelane_protocol::error_code::ErrorCode;
use corelane_protocol::messages::produce::ProduceResponse;
use corelane_protocol::records::Builder;

use harness::broker::Broker;
use harness::client::{Client, Family, java, python};
use harness::program::Program;
use harness::wire::{Wire, produce_to};

const LIMIT: Duration = Duration::from_secs(150);
/// With the smallest journal, one batch may have half a MiB.
const JOURNAL_BYTES: &str = "16777216";

fn broker(name: &str) -> Broker {
    let settings = [
        ("journal.bytes.per.core", JOURNAL_BYTES),
        ("message.max.bytes", "20000000"),
    ];
    Broker::start_with(name, 1, &settings)
}

fn expect(command: Command, broker: &Broker, name: &str, said: &str) {
    let outcome = Program::spawn(command, name, broker.folder()).finish(LIMIT, || {});
    outcome.expect_success(name);
    assert_eq!(outcome.passed(), [said]);
}

#[test]
fn java_splits_a_batch_that_is_too_large() {
    if !Family::Java.is_installed() {
        return;
    }
    let broker = broker("large-java");
    let mut command = java("LargeBatches");
    command.args([&broker.address(), "large", "40", "50000"]);
    expect(command, &broker, "java", "split");
}

#[test]
fn librdkafka_goes_on_after_a_record_that_is_too_large() {
    if !Client::Confluent.family().is_installed() {
        return;
    }
    let broker = broker("large-confluent");
    let mut command = python("large_record.py");
    command.args([&broker.address(), "large", "2000000"]);
    expect(command, &broker, "confluent", "goes_on");
}

/// One request may bring more than the journal has: its batches are taken as room comes.
#[test]
fn a_request_may_be_larger_than_the_journal() {
    const PARTITIONS: i32 = 60;
    let broker = broker("large-request");
    let mut wire = Wire::connect(broker.port);
    wire.create_topic("large", PARTITIONS);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970");
    let value = vec![7; 400_000];
    let batch = |index| {
        let mut builder = Builder::new();
        builder.push(now.as_millis() as i64, None, Some(&value));
        (index, builder.build())
    };
    let request = produce_to("large", (0..PARTITIONS).map(batch));
    for round in 0..2 {
        let answer: ProduceResponse = wire.ask(9, &request);
        let parts = &answer.responses[0].partition_responses;
        assert_eq!(parts.len(), PARTITIONS as usize);
        for part in parts {
            assert_eq!((part.error_code, part.base_offset), (ErrorCode::NONE, round));
        }
    }
}
