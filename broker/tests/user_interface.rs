//! Goal: a user interface that people have for Kafka shows this broker's topics, partitions, groups, lag and messages.

mod harness;

use std::process::{Command, Stdio};
use std::time::Duration;

use harness::broker::{Broker, dies_with_test};
use harness::client::Family;
use harness::program::Program;
use harness::{cache_folder, clients_folder};

const LIMIT: Duration = Duration::from_secs(180);

/// One of our own commands, with these lines on its standard input.
fn corelane(broker: &Broker, words: &[&str], input: &str) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_corelane"));
    command
        .args(words)
        .args(["--bootstrap-server", &broker.address()])
        .stdout(Stdio::null());
    let mut program = Program::spawn(command, words[0], broker.folder());
    input.lines().for_each(|line| program.say(line));
    program.close_input();
    program.finish(LIMIT, || {}).expect_success(words[0]);
}

#[test]
fn kaskade_shows_what_there_is() {
    if !Family::Ui.is_installed() {
        return;
    }
    let broker = Broker::start_with("ui", 1, &[("group.initial.rebalance.delay.ms", "0")]);
    corelane(&broker, &["topic", "create", "1-orders", "--partitions", "3"], "");
    let records: Vec<String> = (1..=12).map(|n| format!("{{\"n\":{n}}}")).collect();
    corelane(
        &broker,
        &["produce", "1-orders", "--partition", "0"],
        &records.join("\n"),
    );
    let five = [
        "consume",
        "1-orders",
        "--group",
        "billing",
        "--from-beginning",
        "--max-messages",
        "5",
    ];
    corelane(&broker, &five, "");
    let mut command = dies_with_test(cache_folder().join("ui/bin/python"));
    command.arg("-u").arg(clients_folder().join("ui/kaskade_ui.py"));
    command.args([&broker.address(), "1-orders", "billing"]);
    let outcome = Program::spawn(command, "kaskade", broker.folder()).finish(LIMIT, || {});
    outcome.expect_success("kaskade");
    assert_eq!(outcome.passed(), ["topics", "partitions", "lag", "messages"]);
}
