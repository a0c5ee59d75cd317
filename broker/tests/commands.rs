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
