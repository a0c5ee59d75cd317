//! Goal: the commands work against a running broker as a person would use them, and say what to do when they cannot.
//!
//! `CORELANE_TEST_BOOTSTRAP_SERVER=host:port` runs them against another cluster, such as Apache Kafka's, which proves
//! the commands and this test independently of our broker.

use serde_json::Value;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};

/// A broker on a free port with data of its own; gone when dropped.
struct Broker {
    child: Option<Child>,
    data: PathBuf,
    address: String,
}

impl Broker {
    fn start(test: &str) -> Broker {
        let data = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("commands-{test}-{}", std::process::id()));
        if let Ok(address) = std::env::var("CORELANE_TEST_BOOTSTRAP_SERVER") {
            return Broker {
                child: None,
                data,
                address,
            };
        }
        let port = TcpListener::bind("127.0.0.1:0")
            .and_then(|listener| listener.local_addr())
            .unwrap()
            .port();
        let address = format!("127.0.0.1:{port}");
        let mut child = Command::new(env!("CARGO_BIN_EXE_corelane"))
            .args(["start", "--cores", "1", "--set", "group.initial.rebalance.delay.ms=0"])
            .args(["--set", &format!("listeners=PLAINTEXT://{address}")])
            .args(["--set", &format!("log.dirs={}", data.display())])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let ready = lines.find(|line| line.as_ref().is_ok_and(|line| line == "ready"));
        assert!(ready.is_some(), "the broker ended before it was ready");
        Broker {
            child: Some(child),
            data,
            address,
        }
    }

    fn run(&self, words: &[&str], input: &str) -> Output {
        let mut child = Command::new(env!("CARGO_BIN_EXE_corelane"))
            .args(words)
            .env("CORELANE_BOOTSTRAP_SERVER", &self.address)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // A command that fails at once does not read its input.
        let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
        child.wait_with_output().unwrap()
    }

    /// What a command that must work printed.
    fn good(&self, words: &[&str], input: &str) -> String {
        let output = self.run(words, input);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{words:?}: {errors}");
        String::from_utf8(output.stdout).unwrap()
    }

    fn json(&self, words: &[&str]) -> Value {
        serde_json::from_str(&self.good(&[words, &["--json"]].concat(), "")).unwrap()
    }

    /// What a command that must fail complained.
    fn bad(&self, words: &[&str], input: &str) -> String {
        let output = self.run(words, input);
        assert!(!output.status.success(), "{words:?} must fail");
        String::from_utf8(output.stderr).unwrap()
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
            let _ = std::fs::remove_dir_all(&self.data);
        }
    }
}

#[test]
fn a_topic_from_creation_to_deletion() {
    let broker = Broker::start("topic");
    let topic = &format!("orders-{}", std::process::id());
    let group = &format!("readers-{}", std::process::id());
    let lines: String = (0..500).map(|n| format!("key{n}:value{n}\n")).collect();

    // Create, twice.
    let created = broker.json(&[
        "topic",
        "create",
        topic,
        "--partitions",
        "3",
        "--config",
        "retention.ms=3600000",
    ]);
    assert_eq!(
        (&created[0]["partitions"], &created[0]["result"]),
        (&3.into(), &"created".into())
    );
    assert!(
        broker
            .bad(&["topic", "create", topic], "")
            .contains("TOPIC_ALREADY_EXISTS")
    );
    broker.good(&["topic", "create", topic, "--if-not-exists"], "");

    // Write in every compression, and read all of it back, once.
    for compression in ["none", "gzip", "snappy", "lz4", "zstd"] {
        let words = [
            "produce",
            topic,
            "--key-separator",
            ":",
            "--compression",
            compression,
            "--headers",
            "a=1",
        ];
        let said = broker.good(&words, &lines);
        assert!(said.starts_with("500 records written"), "{said}");
    }
    let read = broker.good(&["consume", topic, "--until-end", "--print-key"], "");
    let mut read: Vec<&str> = read.lines().collect();
    read.sort_unstable();
    let mut expected: Vec<String> = (0..500).flat_map(|n| vec![format!("key{n}\tvalue{n}"); 5]).collect();
    expected.sort_unstable();
    assert_eq!(read, expected);
    let record = broker.good(&["consume", topic, "--from-beginning", "-n", "1", "--json"], "");
    let record: Value = serde_json::from_str(&record).unwrap();
    assert_eq!(
        (&record["offset"], &record["headers"][0]["value"]),
        (&0.into(), &"1".into())
    );

    // Keys stay together.
    let described = broker.json(&["topic", "describe", topic]);
    let ends = described[0]["partitions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|partition| partition["end"].as_i64().unwrap());
    let ends: Vec<i64> = ends.collect();
    assert_eq!(ends.iter().sum::<i64>(), 2500);
    assert!(
        ends.iter().all(|end| end % 5 == 0),
        "{ends:?}: each key went to one partition, five times"
    );

    // A group reads on where it was.
    let words = ["consume", topic, "--group", group, "--from-beginning", "--max-messages"];
    let first = broker.good(&[&words[..], &["1000"]].concat(), "");
    let rest = broker.good(&[&words[..], &["1500"]].concat(), "");
    assert_eq!((first.lines().count(), rest.lines().count()), (1000, 1500));
    let offsets = broker.json(&["group", "offsets", group]);
    assert!(
        offsets.as_array().unwrap().iter().all(|row| row["lag"] == 0),
        "{offsets}"
    );
    broker.good(&["group", "offsets", group, "--reset-to", "earliest", "--execute"], "");
    let offsets = broker.json(&["group", "offsets", group]);
    assert!(
        offsets.as_array().unwrap().iter().all(|row| row["committed"] == 0),
        "{offsets}"
    );
    let groups = broker.json(&["group", "list"]);
    assert!(
        groups
            .as_array()
            .unwrap()
            .iter()
            .any(|row| row["group"] == group.as_str() && row["state"] == "Empty")
    );
    broker.good(&["group", "delete", group], "");

    // Change and delete.
    broker.good(
        &[
            "topic",
            "alter",
            topic,
            "--partitions",
            "4",
            "--set",
            "retention.ms=7200000",
        ],
        "",
    );
    let described = broker.json(&["topic", "describe", topic]);
    assert_eq!(described[0]["partitions"].as_array().unwrap().len(), 4);
    broker.good(&["topic", "delete", topic], "");
    let listed = broker.json(&["topic", "list"]);
    assert!(
        listed
            .as_array()
            .unwrap()
            .iter()
            .all(|row| row["topic"] != topic.as_str()),
        "{listed}"
    );
}

#[test]
fn a_group_is_described_with_its_lag() {
    let broker = Broker::start("describe");
    let topic = &format!("orders-{}", std::process::id());
    let group = &format!("readers-{}", std::process::id());
    broker.good(&["topic", "create", topic, "--partitions", "1"], "");
    broker.good(&["produce", topic], "a\nb\nc\n");
    // To the end of the topic, and not for ever.
    let read = broker.good(&["consume", topic, "-g", group, "-e"], "");
    assert_eq!(read, "a\nb\nc\n");
    broker.good(&["produce", topic], "d\ne\n");
    for words in [
        &["group", "describe", group][..],
        &["group", "describe"],
        &["group", "describe", "--all-groups"],
    ] {
        let described = broker.json(words);
        let mine = described
            .as_array()
            .unwrap()
            .iter()
            .find(|one| one["group"] == group.as_str());
        let row = &mine.unwrap()["partitions"][0];
        assert_eq!(
            (&row["current_offset"], &row["log_end_offset"], &row["lag"]),
            (&3.into(), &5.into(), &2.into()),
            "{described}"
        );
    }
    let table = broker.good(&["group", "describe", group], "");
    assert!(table.contains("LOG-END-OFFSET") && table.contains("(Empty"), "{table}");
    // The clock starts when the partitions are ours, however long that took.
    let read = broker.good(&["consume", topic, "-g", group, "--timeout-ms", "1"], "");
    assert!(read.is_empty() || read == "d\ne\n", "{read}");
    let quiet = broker.run(&["consume", topic, "--timeout-ms", "200"], "");
    let said = String::from_utf8(quiet.stderr).unwrap();
    assert!(said.contains("no record came within 200 ms"), "{said}");
    // A group outlives its topic.
    broker.good(&["topic", "delete", topic], "");
    broker.good(&["group", "describe", group], "");
}

/// Goal: who sets what is kept and does nothing yet is told by the command, not by the broker's log alone.
#[test]
fn configs_without_effect_are_said_at_the_command() {
    let broker = Broker::start("no-effect");
    let topic = &format!("kept-{}", std::process::id());
    let said = |words: &[&str]| {
        let output = broker.run(words, "");
        assert!(output.status.success(), "{words:?}: {output:?}");
        String::from_utf8(output.stderr).unwrap()
    };
    let create = [
        "topic",
        "create",
        topic,
        "-c",
        "cleanup.policy=compact",
        "-c",
        "retention.ms=9",
    ];
    assert_eq!(
        said(&create),
        "corelane: cleanup.policy: compact is kept, but nothing compacts yet: old records of a key stay\n"
    );
    // Nothing was made, so there is nothing to say.
    assert_eq!(said(&[&create[..], &["--if-not-exists"]].concat()), "");
    let alter = [
        "topic",
        "alter",
        topic,
        "--set",
        "flush.messages=1",
        "--set",
        "retention.ms=8",
    ];
    let note: Value = serde_json::from_str(&said(&[&alter[..], &["--json"]].concat())).unwrap();
    let words = "flush.messages changes nothing here: records are on disk before they are acknowledged, always";
    assert_eq!(note["note"], words);
    broker.good(&["topic", "delete", topic], "");
}

#[test]
fn the_brokers_own_topics_are_not_deleted_by_accident() {
    let broker = Broker::start("internal");
    let topic = &format!("orders-{}", std::process::id());
    broker.good(&["topic", "create", topic], "");
    broker.good(&["consume", topic, "-g", "readers", "-e"], "");
    let refused = broker.bad(&["topic", "delete", topic, "__consumer_offsets"], "");
    assert!(refused.contains("Say --internal"), "{refused}");
    broker.good(&["topic", "describe", topic, "__consumer_offsets"], "");
    broker.good(&["topic", "delete", topic], "");
    // Not on somebody else's cluster.
    if broker.child.is_some() {
        broker.good(&["topic", "delete", "__consumer_offsets", "--internal"], "");
    }
}

/// A broker that took the question and never answers, as with a full disk.
#[test]
fn silence_is_named() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = silent.local_addr().unwrap().to_string();
    let output = Command::new(env!("CARGO_BIN_EXE_corelane"))
        .args(["topic", "list", "-b", &address, "--request-timeout-ms", "200"])
        .output()
        .unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("did not answer ApiVersions within 200 ms"), "{said}");
    assert!(said.contains("--request-timeout-ms"), "{said}");
}

#[test]
fn wrong_words_are_answered_with_the_right_ones() {
    let broker = Broker::start("words");
    let topic = &format!("payments-{}", std::process::id());
    broker.good(&["topic", "create", topic, "--partitions", "2"], "");

    let misspelt = topic.replace("payments", "paymens");
    assert!(
        broker
            .bad(&["topic", "describe", &misspelt], "")
            .contains(&format!("did you mean '{topic}'?"))
    );
    assert!(
        broker
            .bad(&["produce", topic, "--partition", "2"], "x\n")
            .contains("it has 0 to 1")
    );
    assert!(
        broker
            .bad(&["produce", topic, "--key-separator", "|"], "x\n")
            .contains("no key separator '|'")
    );
    assert!(
        broker
            .bad(&["consume", topic, "--offset", "soon"], "")
            .contains("say earliest, latest, an offset")
    );
    let error: Value = serde_json::from_str(&broker.bad(&["topic", "create", topic, "--json"], "")).unwrap();
    assert_eq!(error["code"], "TOPIC_ALREADY_EXISTS");
    assert!(error["error"].as_str().unwrap().contains(topic.as_str()), "{error}");
    let beyond = broker.run(&["consume", topic, "-p", "0", "--offset", "7", "-e"], "");
    let said = String::from_utf8(beyond.stderr).unwrap();
    assert!(
        beyond.status.success() && said.contains("offset 7 is beyond the end"),
        "{said}"
    );
    let beyond = broker.bad(&["consume", topic, "-p", "0", "--offset", "7", "-n", "1"], "");
    assert!(beyond.contains("it holds 0 to 0"), "{beyond}");
    assert!(broker.bad(&["topic", "lst"], "").contains("'list'"));
    assert!(broker.bad(&["topic", "alter", topic], "").contains("nothing to change"));
    assert!(
        broker
            .bad(&["topic", "list", "-b", "nowhere"], "")
            .contains("is not host:port")
    );
    assert!(
        broker
            .bad(&["group", "describe", "nobody-is-called-so"], "")
            .contains("does not exist")
    );
    broker.good(&["topic", "delete", topic], "");
}
