//! Goal: the tool as it is called: a run against its own null server leaves files that its other commands read, and
//! wrong words are answered with what would be right.

use std::{
    fs,
    path::PathBuf,
    process::{Command, Output},
};

fn bench(words: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_corelane-bench"))
        .args(words)
        .output()
        .expect("run corelane-bench")
}

fn error_of(words: &[&str]) -> String {
    let output = bench(words);
    assert!(!output.status.success(), "{words:?} was taken");
    String::from_utf8(output.stderr).unwrap()
}

struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Scratch {
        let path = std::env::temp_dir().join(format!("corelane-bench-{name}-{}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Scratch(path)
    }

    fn path(&self, file: &str) -> String {
        self.0.join(file).to_str().unwrap().to_owned()
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).unwrap();
    }
}

/// A null server as a child; it ends with its standard input.
struct Null {
    child: std::process::Child,
    address: String,
}

impl Null {
    fn start() -> Null {
        use std::io::{BufRead, BufReader};
        let mut child = Command::new(env!("CARGO_BIN_EXE_corelane-bench"))
            .args(["null", "--listen", "127.0.0.1:0", "--until-stdin-ends"])
            .stdin(std::process::Stdio::piped())
            .stdout(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        let address = line
            .trim()
            .strip_prefix("listening on ")
            .expect("where it listens")
            .to_owned();
        Null { child, address }
    }
}

impl Drop for Null {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        assert!(
            self.child.wait().unwrap().success(),
            "the null server ends with its standard input"
        );
    }
}

#[test]
fn a_run_leaves_what_the_other_commands_read() {
    let scratch = Scratch::new("run");
    let null = Null::start();
    let (a, b) = (format!("a={}", null.address), format!("b={}", null.address));
    let pid = format!("a={}", null.child.id());
    let words = [
        "run",
        "--target",
        &a,
        "--target",
        &b,
        "--pid",
        &pid,
        "--rate",
        "500",
        "--warm-up",
        "0.1",
    ];
    let more = [
        "--seconds",
        "0.4",
        "--rounds",
        "2",
        "--output",
        &scratch.path("out"),
        "--disk",
        &scratch.path(""),
    ];
    let output = bench(&[&words[..], &more[..]].concat());
    let shown = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    for words in [
        "F (4 KiB write + flush)",
        "loopback round trip",
        "produce p99 ms",
        "server CPU per record µs",
        "null server",
    ] {
        assert!(shown.contains(words), "{words} is not in\n{shown}");
    }
    let result = scratch.path("out/result.json");
    let json: serde_json::Value = serde_json::from_str(&fs::read_to_string(&result).unwrap()).unwrap();
    let order: Vec<&str> = json["rounds"]
        .as_array()
        .unwrap()
        .iter()
        .map(|round| round["target"].as_str().unwrap())
        .collect();
    assert_eq!(order, ["a", "b", "b", "a"], "rounds are interleaved");
    assert_eq!(json["rounds"][0]["produced"]["latency"]["count"], 200);
    assert!(json["harness_limit"]["produced"]["records"].as_u64() > Some(0));
    assert!(
        fs::read_to_string(scratch.path("out/a-produced.hgrm"))
            .unwrap()
            .contains("#[Mean")
    );

    let compared = bench(&["compare", &format!("{result}:a"), &format!("{result}:b")]);
    assert!(String::from_utf8_lossy(&compared.stdout).contains("produce p50"));
    let page = scratch.path("page.html");
    assert!(bench(&["report", &result, "--output", &page]).status.success());
    assert!(fs::read_to_string(&page).unwrap().contains("<svg"));
    let rows = scratch.path("rows.json");
    let row = r#"[{"work": "w", "result": "out/result.json", "metric": "produce.p50", "target": "a", "against": "b", "must": 1000, "goal": 0}]"#;
    fs::write(&rows, row).unwrap();
    let table = bench(&["table", &rows]);
    assert!(
        String::from_utf8_lossy(&table.stdout).contains("| w | a / b |"),
        "{table:?}"
    );
}

/// Goal: who misspells a target is told so before anything is measured.
#[test]
fn a_target_that_is_not_there_is_said_before_the_first_round() {
    let null = Null::start();
    let there = format!("there={}", null.address);
    // Port 1 of this machine has nobody, unless somebody has gone out of their way.
    let words = ["run", "--target", &there, "--target", "gone=127.0.0.1:1", "--target"];
    let more = ["lost=exec:/nowhere/load", "--no-floor", "--no-null", "--json"];
    let output = bench(&[&words[..], &more[..]].concat());
    assert!(!output.status.success() && output.stdout.is_empty(), "{output:?}");
    let said = String::from_utf8_lossy(&output.stderr);
    for expected in [
        "target gone is not there: cannot connect to 127.0.0.1:1: Connection refused",
        "target lost is not there: exec:/nowhere/load: No such file",
        "nothing was measured",
    ] {
        assert!(said.contains(expected), "{expected} is missing: {said}");
    }
    assert!(!said.contains("round 1") && !said.contains("target there"), "{said}");
}

/// A program that loads what does not speak Kafka: it gets the load in numbers, and what it counts is a round like all others.
#[test]
fn a_program_loads_what_does_not_speak_kafka() {
    use std::os::unix::fs::PermissionsExt;
    let scratch = Scratch::new("exec");
    let program = scratch.path("load");
    let counted = r#"{"produced": {"records": 30, "bytes": 3000, "buckets": [[2000000, 29], [9000000, 1]], "records_over_time": [30],
        "bytes_over_time": [3000], "latency_max_us_over_time": [9000]}, "lateness": [], "errors": {}, "unanswered": 0, "client_cpu_seconds": 0.1}"#;
    let script = format!(
        "#!/bin/sh\ncat >{}\n[ \"$1\" = --url=there ] || exit 1\necho begin\necho end\necho '{}'\n",
        scratch.path("order"),
        counted.replace('\n', " ")
    );
    fs::write(&program, script).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    let target = |url: &str| format!("other=exec:{program},url={url}");
    let words = ["--rounds", "1", "--seconds", "2", "--no-floor", "--no-null", "--json"];
    let load = ["--in-flight", "5", "--batch-bytes", "1MiB", "--partitions", "8"];
    let output = bench(&[&["run", "--target", &target("there")], &words[..], &load[..]].concat());
    assert!(output.status.success(), "{output:?}");
    let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let produced = &json["rounds"][0]["produced"];
    assert_eq!(produced["records_per_second"], 15.0);
    assert_eq!(produced["latency"]["count"], 30);
    let order: serde_json::Value = serde_json::from_str(&fs::read_to_string(scratch.path("order")).unwrap()).unwrap();
    assert_eq!((&order["outstanding"], &order["partitions"]), (&5120.into(), &8.into()));

    // Its failure is a result; another target is still measured.
    let null = Null::start();
    let both = [
        "run",
        "--target",
        &target("elsewhere"),
        "--target",
        &format!("there={}", null.address),
    ];
    let short = [
        "--rounds",
        "1",
        "--seconds",
        "0.2",
        "--warm-up",
        "0",
        "--no-floor",
        "--no-null",
        "--json",
    ];
    let output = bench(&[&both[..], &short[..]].concat());
    assert!(!output.status.success());
    let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let failure = json["rounds"][0]["failure"].as_str().unwrap();
    assert!(failure.contains("ended without a result"), "{json}");
    assert!(json["rounds"][1]["produced"]["records"].as_u64() > Some(0));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("1 of 2 rounds failed"), "{said}");
}

#[test]
fn wrong_words_are_answered_with_right_ones() {
    let target = ["run", "--target", "a=localhost:1"];
    for (words, right) in [
        (&["--target", "b"][..], "NAME=HOST:PORT"),
        (&["--target", "a=localhost:2"], "two targets are called a"),
        (&["--pid", "c=1"], "there is a"),
        (&["--workload", "consumer"], "consume"),
        (&["--rate", "fast"], "records per second"),
        (&["--record-bytes", "1kb"], "uniform:100-2000"),
        (&["--keys", "zip:10"], "zipf:1000"),
        (&["--codec", "brotli"], "zstd"),
        (&["--acks", "2"], "all"),
        (&["--seconds", "ten"], "0.5"),
        (&["--idempotence", "--acks", "1"], "needs --acks all"),
        (&["--workload", "end-to-end", "--record-bytes", "8"], "at least 16"),
        (&["--workload", "consume", "--rate", "5"], "reads as fast as it goes"),
        (&["--workload", "mixed", "--fill", "0"], "1GiB"),
        (&["--workload", "consume", "--one-topic"], "each needs its own"),
        (&["--find-max", "--rate", "5"], "cannot be used with"),
        (&["--client-cpus", "0,1"], "raise --producers"),
    ] {
        let error = error_of(&[&target[..], words, &["--no-null", "--no-floor"]].concat());
        assert!(error.contains(right), "{words:?}: {error}");
    }
    assert!(error_of(&["run"]).contains("--target"));
    assert!(error_of(&["compare", "nowhere.json", "nowhere.json"]).contains("nowhere.json"));
    assert!(error_of(&["null", "--listen", "here"]).contains("--listen"));
    assert!(error_of(&["table", "nowhere.json"]).contains("nowhere.json"));
}
