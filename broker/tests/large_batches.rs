//! Goal: a batch beyond half a journal file, though `message.max.bytes` allows it, is refused so that real idempotent producers
//! recover: they split it, or give up that record alone.

mod harness;

use std::process::Command;
use std::time::Duration;

use harness::broker::Broker;
use harness::client::{Client, Family, java, python};
use harness::program::Program;

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
