//! Real Kafka clients against the built broker, with one core and with two.
//!
//! Each client has a program in `clients/` that runs its own checks and prints a line for each; here a broker is started for
//! it, killed and restarted when the program asks, and the lines are counted. `CORELANE_TEST_PEER=kafka` runs the same
//! against Apache Kafka. Times out rather than hangs; skips a client whose tools cannot be installed, except in CI.

mod harness;

use std::collections::BTreeSet;
use std::time::Duration;

use harness::broker::{Broker, is_peer};
use harness::client::Client;
use harness::program::Program;
use harness::records::{self, Shape};

const SUITE_LIMIT: Duration = Duration::from_secs(240);

fn run_suite(client: Client, cores: usize) {
    if (is_peer() && cores > 1) || !client.family().is_installed() {
        return;
    }
    let mut broker = Broker::start(&format!("{}-{cores}", client.name()), cores);
    let mut command = client.command();
    command.arg("suite").arg(broker.address());
    let folder = broker.folder().to_owned();
    let outcome = Program::spawn(command, client.name(), &folder).finish(SUITE_LIMIT, || {
        broker.kill();
        broker.start_again();
    });
    println!("{}", outcome.lines.join("\n"));
    outcome.expect_success(client.name());
    let passed: BTreeSet<&str> = outcome.passed().into_iter().collect();
    let missing: Vec<_> = client
        .checks()
        .iter()
        .filter(|check| !passed.contains(**check))
        .collect();
    assert!(missing.is_empty(), "{} never reported {missing:?}", client.name());
}

macro_rules! suites {
    ($($name:ident: $client:ident),* $(,)?) => {
        mod one_core {
            $(#[test] fn $name() { super::run_suite(super::Client::$client, 1); })*
        }
        mod two_cores {
            $(#[test] fn $name() { super::run_suite(super::Client::$client, 2); })*
        }
    };
}

suites! {
    kcat: Kcat,
    confluent: Confluent,
    kafka_python: KafkaPython,
    aiokafka: Aiokafka,
    kafkajs: Kafkajs,
    franz_go: FranzGo,
    sarama: Sarama,
    kafka_go: KafkaGo,
    rdkafka: Rdkafka,
    java: Java,
}

#[test]
fn what_one_client_writes_all_others_read_one_core() {
    cross_clients(1);
}

#[test]
fn what_one_client_writes_all_others_read_two_cores() {
    cross_clients(2);
}

/// Every client writes the same records with every codec; every client reads every topic; each byte must be the same.
fn cross_clients(cores: usize) {
    if is_peer() && cores > 1 {
        return;
    }
    let clients: Vec<Client> = Client::ALL
        .into_iter()
        .filter(|client| client.family().is_installed())
        .collect();
    let broker = Broker::start_with(&format!("cross-{cores}"), cores, &[("message.max.bytes", "2097152")]);
    let folder = broker.folder().to_owned();
    let mut topics = Vec::new();
    for &client in &clients {
        let shape = shape_of(client);
        let mut command = client.command();
        command.arg("produce").arg(broker.address());
        for codec in ["none", "gzip", "snappy", "lz4", "zstd"] {
            let topic = format!("{}-{codec}", client.name());
            let sent = records::records(shape, 150, codec == "none");
            let path = folder.join(format!("{topic}.sent"));
            std::fs::write(&path, records::to_send(&sent)).expect("write records");
            command.arg(format!("{topic}={codec}={}", path.display()));
            topics.push((topic, sent, shape));
        }
        let outcome =
            Program::spawn(command, &format!("{}-produce", client.name()), &folder).finish(SUITE_LIMIT, || {});
        outcome.expect_success(&format!("{} as producer", client.name()));
    }
    for &client in &clients {
        let read = folder.join(format!("{}.read", client.name()));
        std::fs::create_dir(&read).expect("folder for what was read");
        let mut command = client.command();
        command.arg("consume").arg(broker.address()).arg(&read);
        command.args(topics.iter().map(|(topic, _, _)| topic));
        let outcome =
            Program::spawn(command, &format!("{}-consume", client.name()), &folder).finish(SUITE_LIMIT, || {});
        outcome.expect_success(&format!("{} as consumer", client.name()));
        for (topic, sent, shape) in &topics {
            let text = std::fs::read_to_string(read.join(topic)).expect("what was read");
            compare(client, topic, &text, sent, *shape);
        }
    }
}

fn compare(reader: Client, topic: &str, text: &str, sent: &[records::Record], shape: Shape) {
    // A writer that cannot give a time, and a reader that cannot show headers, are compared by the rest.
    let masked = |line: &str| {
        let masked = records::masked(line, shape != Shape::Text, reader != Client::Kcat);
        if reader == Client::KafkaGo {
            records::empty_as_null(&masked)
        } else {
            masked
        }
    };
    let want = records::to_expect(sent);
    let got: Vec<&str> = text.lines().collect();
    for (got, want) in got.iter().zip(&want) {
        let (got, want) = (masked(got), masked(want));
        let cut = |line: &str| line.chars().take(300).collect::<String>();
        assert!(
            got == want,
            "{} read from {topic}\n     {}\nwant {}",
            reader.name(),
            cut(&got),
            cut(&want)
        );
    }
    assert_eq!(
        got.len(),
        want.len(),
        "{} read from {topic}: record count",
        reader.name()
    );
}

fn shape_of(client: Client) -> Shape {
    match client {
        Client::Kcat => Shape::Text,
        // They cannot express a header without a value.
        Client::Kafkajs | Client::KafkaPython => Shape::NoNullHeader,
        _ => Shape::Full,
    }
}
