//! Apache Kafka's own command line tools work on this broker, started by class name as their shell scripts do.

mod harness;

use std::time::Duration;

use harness::broker::{Broker, is_peer};
use harness::client::{Family, java};
use harness::program::{Outcome, Program};

const TOOL_LIMIT: Duration = Duration::from_secs(60);
const TOPIC: &str = "tools";

#[test]
fn one_core() {
    all_tools(1);
}

#[test]
fn two_cores() {
    all_tools(2);
}

struct Tools {
    broker: Broker,
    calls: usize,
}

impl Tools {
    /// Runs a tool with `input` on its standard input; its output lines, or a panic with all it said.
    fn run(&mut self, class: &str, arguments: &[&str], input: &[String]) -> Outcome {
        let mut command = java(class);
        command.args(arguments);
        self.calls += 1;
        let name = format!("{}-{}", self.calls, class.rsplit('.').next().unwrap_or(class));
        let mut program = Program::spawn(command, &name, self.broker.folder());
        for line in input {
            program.say(line);
        }
        program.close_input();
        let outcome = program.finish(TOOL_LIMIT, || {});
        outcome.expect_success(&name);
        outcome
    }
}

fn all_tools(cores: usize) {
    if (is_peer() && cores > 1) || !Family::Java.is_installed() {
        return;
    }
    let mut tools = Tools {
        broker: Broker::start(&format!("tools-{cores}"), cores),
        calls: 0,
    };
    topics_and_configs(&mut tools);
    configs_of_brokers_and_groups(&mut tools);
    console(&mut tools);
    verifiable(&mut tools);
    performance(&mut tools);
    offsets_and_groups(&mut tools);
    administration(&mut tools);
}

fn topics_and_configs(tools: &mut Tools) {
    let at = tools.broker.address();
    let at = at.as_str();
    let topics = "org.apache.kafka.tools.TopicCommand";
    let server = "--bootstrap-server";
    let create = [
        server,
        at,
        "--create",
        "--topic",
        TOPIC,
        "--partitions",
        "3",
        "--config",
        "retention.ms=7200000",
    ];
    tools.run(topics, &create, &[]);
    tools.run(
        topics,
        &[server, at, "--create", "--topic", "verify", "--partitions", "1"],
        &[],
    );
    tools.run(
        topics,
        &[server, at, "--create", "--topic", "perf", "--partitions", "3"],
        &[],
    );
    let described = tools
        .run(topics, &[server, at, "--describe", "--topic", TOPIC], &[])
        .lines
        .join("\n");
    for part in ["PartitionCount: 3", "retention.ms=7200000", "Partition: 2\tLeader: "] {
        assert!(described.contains(part), "no {part:?} in\n{described}");
    }
    let listed = tools.run(topics, &[server, at, "--list"], &[]).lines;
    assert!(
        ["tools", "verify", "perf"]
            .iter()
            .all(|topic| listed.iter().any(|line| line == topic)),
        "{listed:?}"
    );

    let configs = "kafka.admin.ConfigCommand";
    let entity = [server, at, "--entity-type", "topics", "--entity-name", TOPIC];
    tools.run(
        configs,
        &[&entity[..], &["--alter", "--add-config", "segment.ms=3600000"]].concat(),
        &[],
    );
    let shown = tools
        .run(configs, &[&entity[..], &["--describe"]].concat(), &[])
        .lines
        .join("\n");
    assert!(
        shown.contains("segment.ms=3600000") && shown.contains("retention.ms=7200000"),
        "{shown}"
    );
    let versions = tools
        .run("org.apache.kafka.tools.BrokerApiVersionsCommand", &[server, at], &[])
        .lines
        .join("\n");
    assert!(
        versions.contains("Produce(0): ") && versions.contains("Fetch(1): "),
        "{versions}"
    );
}

/// Goal: brokers and groups are told something while they run, and what topics inherit follows.
fn configs_of_brokers_and_groups(tools: &mut Tools) {
    let at = tools.broker.address();
    let server = ["--bootstrap-server", at.as_str()];
    let configs = "kafka.admin.ConfigCommand";
    let mut run = |arguments: &[&str]| {
        let arguments = [&server[..], arguments].concat();
        tools.run(configs, &arguments, &[]).lines.join("\n")
    };
    let brokers = ["--entity-type", "brokers"];
    let alter = ["--alter", "--add-config", "log.retention.ms=7000000"];
    run(&[&brokers[..], &["--entity-default"], &alter].concat());
    let shown = run(&[&brokers[..], &["--entity-default", "--describe"]].concat());
    assert!(shown.contains("log.retention.ms=7000000"), "{shown}");
    let inherited = run(&[
        "--entity-type",
        "topics",
        "--entity-name",
        "verify",
        "--describe",
        "--all",
    ]);
    assert!(
        inherited.contains("retention.ms=7000000") && inherited.contains("DYNAMIC_DEFAULT_BROKER_CONFIG"),
        "{inherited}"
    );
    let alter = ["--alter", "--delete-config", "log.retention.ms"];
    run(&[&brokers[..], &["--entity-default"], &alter].concat());

    let group = ["--entity-type", "groups", "--entity-name", "told"];
    let alter = ["--alter", "--add-config", "consumer.session.timeout.ms=50000"];
    run(&[&group[..], &alter].concat());
    let shown = run(&[&group[..], &["--describe"]].concat());
    assert!(shown.contains("consumer.session.timeout.ms=50000"), "{shown}");
    let listed = run(&["--entity-type", "groups", "--describe"]);
    assert!(listed.contains("told"), "{listed}");

    let client = ["--entity-type", "clients", "--entity-name", "slow"];
    let alter = [
        "--alter",
        "--add-config",
        "producer_byte_rate=1024,request_percentage=50",
    ];
    run(&[&client[..], &alter].concat());
    let shown = run(&[&client[..], &["--describe"]].concat());
    assert!(
        shown.contains("producer_byte_rate=1024.0") && shown.contains("request_percentage=50.0"),
        "{shown}"
    );
    run(&[&client[..], &["--alter", "--delete-config", "producer_byte_rate"]].concat());
    let shown = run(&[&client[..], &["--describe"]].concat());
    assert!(!shown.contains("producer_byte_rate"), "{shown}");
}

fn console(tools: &mut Tools) {
    let at = tools.broker.address();
    let sent: Vec<String> = (0..500)
        .map(|i| format!("h:{i},x:y\tkey-{}\tvalue {i} ü", i % 7))
        .collect();
    let properties = ["parse.key=true", "parse.headers=true"]
        .map(|one| ["--reader-property", one])
        .concat();
    let producer = [
        "--bootstrap-server",
        &at,
        "--topic",
        TOPIC,
        "--command-property",
        "compression.type=lz4",
    ];
    tools.run(
        "org.apache.kafka.tools.ConsoleProducer",
        &[&producer[..], &properties].concat(),
        &sent,
    );
    let properties = ["print.key=true", "print.headers=true"]
        .map(|one| ["--formatter-property", one])
        .concat();
    let consumer = [
        "--bootstrap-server",
        &at,
        "--topic",
        TOPIC,
        "--from-beginning",
        "--max-messages",
        "500",
        "--timeout-ms",
        "30000",
    ];
    let mut got = tools
        .run(
            "org.apache.kafka.tools.consumer.ConsoleConsumer",
            &[&consumer[..], &properties].concat(),
            &[],
        )
        .lines;
    let mut want = sent;
    got.sort();
    want.sort();
    assert!(
        got == want,
        "console consumer: got {} lines, want {}; first {:?}",
        got.len(),
        want.len(),
        got.first()
    );
}

fn verifiable(tools: &mut Tools) {
    let at = tools.broker.address();
    let producer = [
        "--bootstrap-server",
        &at,
        "--topic",
        "verify",
        "--max-messages",
        "3000",
        "--acks",
        "-1",
    ];
    let said = tools
        .run("org.apache.kafka.tools.VerifiableProducer", &producer, &[])
        .lines;
    let acked = said
        .iter()
        .filter(|line| line.contains("\"producer_send_success\""))
        .count();
    assert_eq!(acked, 3000, "acknowledged by the verifiable producer");
    let group = [
        "--group-id",
        "verifiers",
        "--max-messages",
        "3000",
        "--reset-policy",
        "earliest",
        "--verbose",
    ];
    let consumer = [&["--bootstrap-server", &at, "--topic", "verify"][..], &group].concat();
    let said = tools
        .run("org.apache.kafka.tools.VerifiableConsumer", &consumer, &[])
        .lines;
    // The last commit says how far it came.
    assert!(
        said.iter()
            .any(|line| line.contains("\"offsets_committed\"") && line.contains("\"offset\":3000")),
        "{:?}",
        said.last()
    );
    let read = said.iter().filter(|line| line.contains("\"record_data\"")).count();
    assert_eq!(read, 3000, "read by the verifiable consumer");
}

fn performance(tools: &mut Tools) {
    let at = tools.broker.address();
    let server = format!("bootstrap.servers={at}");
    let size = [
        "--topic",
        "perf",
        "--num-records",
        "50000",
        "--record-size",
        "200",
        "--throughput",
        "-1",
    ];
    let said = tools
        .run(
            "org.apache.kafka.tools.ProducerPerformance",
            &[&size[..], &["--command-property", &server]].concat(),
            &[],
        )
        .lines;
    let last = said.last().expect("a summary");
    assert!(last.starts_with("50000 records sent"), "{last}");
    let consumer = [
        "--bootstrap-server",
        &at,
        "--topic",
        "perf",
        "--num-records",
        "50000",
        "--timeout",
        "30000",
    ];
    let said = tools
        .run("org.apache.kafka.tools.ConsumerPerformance", &consumer, &[])
        .lines;
    let last = said.last().expect("a summary");
    let read: Option<u64> = last.split(", ").nth(4).and_then(|count| count.parse().ok());
    assert!(read >= Some(50000), "{said:?}");
}

fn offsets_and_groups(tools: &mut Tools) {
    let at = tools.broker.address();
    let said = tools
        .run(
            "org.apache.kafka.tools.GetOffsetShell",
            &["--bootstrap-server", &at, "--topic", "verify"],
            &[],
        )
        .lines;
    assert_eq!(said, ["verify:0:3000"]);
    let groups = "org.apache.kafka.tools.consumer.group.ConsumerGroupCommand";
    let shown = tools
        .run(
            groups,
            &["--bootstrap-server", &at, "--describe", "--group", "verifiers"],
            &[],
        )
        .lines;
    let row = shown
        .iter()
        .find(|line| line.starts_with("verifiers"))
        .expect("the group's row");
    let words: Vec<&str> = row.split_whitespace().collect();
    assert_eq!(
        words[1..6],
        ["verify", "0", "3000", "3000", "0"],
        "group, topic, partition, offset, end, lag in {row}"
    );
    let reset = [
        "--group",
        "verifiers",
        "--topic",
        "verify",
        "--reset-offsets",
        "--to-offset",
        "1000",
        "--execute",
    ];
    tools.run(groups, &[&["--bootstrap-server", &at][..], &reset].concat(), &[]);
    let shown = tools
        .run(
            groups,
            &["--bootstrap-server", &at, "--describe", "--group", "verifiers"],
            &[],
        )
        .lines
        .join("\n");
    assert!(shown.contains("2000"), "lag after the reset\n{shown}");
    let forgotten = tools
        .run(
            groups,
            &[
                "--bootstrap-server",
                &at,
                "--delete-offsets",
                "--group",
                "verifiers",
                "--topic",
                "verify",
            ],
            &[],
        )
        .lines
        .join("\n");
    assert!(forgotten.contains("Successful"), "{forgotten}");
    let listed = tools.run(groups, &["--bootstrap-server", &at, "--list"], &[]).lines;
    assert!(listed.iter().any(|group| group == "verifiers"), "{listed:?}");
    tools.run(
        groups,
        &["--bootstrap-server", &at, "--delete", "--group", "verifiers"],
        &[],
    );
}

/// What is asked of one node, and what it says of itself.
fn administration(tools: &mut Tools) {
    let at = tools.broker.address();
    let server = ["--bootstrap-server", at.as_str()];
    let wish = tools.broker.folder().join("delete-records.json");
    let partition = r#"{"topic": "verify", "partition": 0, "offset": 1200}"#;
    std::fs::write(&wish, format!(r#"{{"version": 1, "partitions": [{partition}]}}"#)).expect("a file");
    let wish = wish.to_str().expect("a path that is text");
    let mut shown = |class: &str, arguments: &[&str]| {
        let class = format!("org.apache.kafka.tools.{class}");
        tools.run(&class, arguments, &[]).lines.join("\n")
    };
    for (class, arguments, part) in [
        (
            "DeleteRecordsCommand",
            &["--offset-json-file", wish][..],
            "partition: verify-0\tlow_watermark: 1200",
        ),
        (
            "GetOffsetShell",
            &["--topic", "verify", "--time", "-2"],
            "verify:0:1200",
        ),
        (
            "LogDirsCommand",
            &["--describe", "--topic-list", "verify"],
            r#""partition":"verify-0","size":"#,
        ),
        (
            "MetadataQuorumCommand",
            &["describe", "--status"],
            "LeaderId:               1",
        ),
        (
            "LeaderElectionCommand",
            &["--election-type", "preferred", "--topic", "verify", "--partition", "0"],
            "Valid replica already elected for partitions verify-0",
        ),
        (
            "reassign.ReassignPartitionsCommand",
            &["--list"],
            "No partition reassignments found.",
        ),
        ("FeatureCommand", &["describe"], "FinalizedVersionLevel: 4.3-IV0"),
        (
            "TransactionsCommand",
            &["describe-producers", "--topic", "verify", "--partition", "0"],
            "ProducerEpoch",
        ),
    ] {
        let said = shown(class, &[&server[..], arguments].concat());
        assert!(said.contains(part), "{class}: no {part:?} in\n{said}");
    }
}
