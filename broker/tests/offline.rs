//! Goal: the commands that ask no broker work beside one, on what it leaves behind, and where it cannot run at all.

mod harness;

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use harness::TempFolder;
use harness::broker::Broker;
use harness::wire::Wire;
use serde_json::Value;

fn corelane(words: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_corelane"));
    // As where nobody has a terminal or settings.
    command.env_remove("CORELANE_LOG_DIRS");
    command.args(words).output().expect("run it")
}

fn out(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn text(output: &Output) -> String {
    out(output) + &String::from_utf8_lossy(&output.stderr)
}

/// The rows of a directory's summary.
fn summary(directory: &Path) -> Vec<Value> {
    let output = corelane(&["inspect", "--json", &directory.display().to_string()]);
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {}", text(&output)))
}

fn items(words: &[&str]) -> Vec<Value> {
    let output = corelane(&[&["inspect", "--json", "--full"], words].concat());
    let lines = out(&output);
    lines
        .lines()
        .map(|line| serde_json::from_str(line).expect("an object a line"))
        .collect()
}

fn find(directory: &Path, ending: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).expect("a directory") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            found.extend(find(&path, ending));
        } else if path.to_string_lossy().ends_with(ending) {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// Goal: every file of a broker that runs, was killed or stopped is told and sound; damage is told with its place; nothing is changed.
#[test]
fn a_data_directory_is_inspected_and_left_as_it_is() {
    let segments = ("log.segment.bytes", "1048576");
    let mut broker = Broker::start_with("inspect", 1, &[segments]);
    let data = broker.folder().join("data");
    let mut wire = Wire::connect(broker.port);
    wire.create_topic("words", 2);
    for round in 0..300_u32 {
        wire.send_produce("words", (round % 2) as i32, &round.to_be_bytes().repeat(8192));
        wire.produced_offset();
    }
    // Beside a running broker the newest frame may be half there, everything else is not.
    let running = summary(&data);
    for kind in [
        "superblock",
        "journal",
        "checkpoint",
        "segment",
        "index",
        "timeindex",
        "snapshot",
        "leader-epochs",
    ] {
        assert!(
            running.iter().any(|row| row["kind"] == kind),
            "no {kind} in {running:?}"
        );
    }
    assert!(wire.is_served().is_ok());

    broker.kill();
    let before: Vec<(PathBuf, i64, u64)> = find(&data, "").into_iter().map(stamp).collect();
    let wrong: Vec<Value> = summary(&data).into_iter().filter(|row| row["wrong"] != 0).collect();
    assert!(wrong.is_empty(), "after a kill: {wrong:?}");
    let after: Vec<(PathBuf, i64, u64)> = find(&data, "").into_iter().map(stamp).collect();
    assert_eq!(before, after, "it only reads");

    // What was produced is in the journal, record by record.
    let journal: Vec<String> = find(&data, ".wal")
        .iter()
        .map(|path| path.display().to_string())
        .collect();
    let journal: Vec<&str> = journal.iter().map(String::as_str).collect();
    let found = items(&journal);
    let created = found
        .iter()
        .find(|item| item["what"] == "create" && item["says"]["topic"] == "words");
    assert!(created.is_some(), "the topic's log was made in the journal");
    assert!(found.iter().filter(|item| item["what"] == "data").count() > 100);

    let logs = find(&data.join("log"), ".log");
    let segment = logs
        .iter()
        .find(|path| path.to_string_lossy().contains("/words-0."))
        .expect("a segment");
    let batches = items(&[&segment.display().to_string()]);
    assert!(
        batches.len() > 20 && batches.iter().all(|item| item["wrong"].is_null()),
        "{batches:?}"
    );

    // A copy with one bit turned in the middle: one batch is wrong, those around it are told.
    let copy = broker.folder().join("damaged");
    let mut bytes = fs::read(segment).expect("a segment");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&copy, &bytes).expect("a copy");
    let output = corelane(&["inspect", &copy.display().to_string()]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output).contains("say --as"), "{}", text(&output));
    let output = corelane(&["inspect", "--as", "segment", &copy.display().to_string()]);
    assert_eq!(output.status.code(), Some(1), "{}", text(&output));
    let lines = out(&output);
    assert_eq!(lines.matches("WRONG: crc").count(), 1, "{lines}");
    let whole = batches.iter().filter(|item| item["what"] == "batch").count();
    assert_eq!(lines.matches(" batch base_offset=").count(), whole, "{lines}");

    let output = corelane(&["inspect", "/nowhere"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output).contains("/nowhere: No such file"), "{}", text(&output));
}

fn stamp(path: PathBuf) -> (PathBuf, i64, u64) {
    let metadata = fs::metadata(&path).expect("a file");
    (path, metadata.mtime_nsec(), metadata.len())
}

/// Goal: the doctor looks at the real host and comes to an end with an answer, for people and for programs.
#[test]
fn the_doctor_looks_at_this_host() {
    let folder = TempFolder::new("doctor");
    let data = folder.path().join("not/there/yet");
    let data = data.display().to_string();
    let output = corelane(&["doctor", "--json", "--data", &data]);
    let findings: Vec<Value> =
        serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {}", text(&output)));
    let of = |check: &str| {
        findings
            .iter()
            .find(|finding| finding["check"] == check)
            .unwrap_or_else(|| panic!("{check}"))
    };
    // Tests need a host on which brokers run.
    for check in ["kernel", "io_uring", "memlock", "direct I/O"] {
        assert_ne!(of(check)["verdict"], "bad", "{}", of(check));
    }
    let found = of("data directory")["found"].as_str().expect("words");
    let instead = format!(
        "{data} does not exist yet; looked at {} instead",
        folder.path().display()
    );
    assert_eq!(found, instead);
    let is_bad = findings.iter().any(|finding| finding["verdict"] == "bad");
    assert_eq!(output.status.code(), Some(i32::from(is_bad)), "{}", text(&output));
    assert_eq!(
        fs::read_dir(folder.path()).expect("the folder").count(),
        0,
        "nothing is left behind, nor made"
    );
    let said = out(&corelane(&["doctor", "--data", &data, "--cores", "1"]));
    assert_eq!(
        said.lines().filter(|line| !line.starts_with(' ')).count(),
        findings.len(),
        "{said}"
    );
}

/// Goal: what shells and man are given parses, and knows every command.
#[test]
fn completions_and_pages_know_every_command() {
    let bash = corelane(&["completions", "bash"]);
    let folder = TempFolder::new("words");
    let script = folder.path().join("corelane.bash");
    fs::write(&script, &bash.stdout).expect("a script");
    // Two letters of a command become the command.
    let completed = format!(
        "source {}; COMP_WORDS=(corelane ins); COMP_CWORD=1; _corelane corelane ins corelane; echo ${{COMPREPLY[@]}}",
        script.display()
    );
    let said = Command::new("bash").args(["-c", &completed]).output().expect("bash");
    assert_eq!(out(&said).trim(), "inspect", "{}", text(&said));
    for shell in ["zsh", "fish"] {
        assert!(out(&corelane(&["completions", shell])).contains("inspect"), "{shell}");
    }

    let pages = folder.path().join("man1");
    let output = corelane(&["man", &pages.display().to_string()]);
    assert!(output.status.success(), "{}", text(&output));
    let names: Vec<PathBuf> = find(&pages, ".1");
    let has = |name: &str| names.iter().any(|path| path.ends_with(name));
    for page in [
        "corelane.1",
        "corelane-start.1",
        "corelane-inspect.1",
        "corelane-doctor.1",
        "corelane-topic-create.1",
    ] {
        assert!(has(page), "{page} is not in {names:?}");
    }
    let start = fs::read_to_string(pages.join("corelane-start.1")).expect("a page");
    assert!(start.contains(".TH") && start.contains("\\-\\-config"), "{start}");
}
