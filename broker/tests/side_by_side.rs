//! Goal: nobody can tell this broker from Apache Kafka by its answers.
//!
//! Both are started, and both are sent the scripts of `side_by_side/scripts`: requests with good and bad arguments, whose
//! answers must be equal but for what differs between any two brokers (ids, ports, the time). The requests and answers pass
//! through Kafka's own codec, in `clients/java/sidebyside`. What differs on purpose stands in `side_by_side/differences.txt`
//! with its reason, in the README in the same words, and in the script where it shows; one that vanished fails.

mod harness;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use harness::broker::Broker;
use harness::client::{Family, java};
use harness::program::Program;

const LIMIT: Duration = Duration::from_secs(240);
/// What the scripts ask at least; fewer means that some were not run.
const REQUESTS_MIN: usize = 800;

/// Small, and quick where a script waits.
const SETTINGS: &[(&str, &str)] = &[("offsets.topic.num.partitions", "5")];

#[test]
fn answers_are_those_of_kafka() {
    if !Family::Java.is_installed() {
        return;
    }
    let kafka = Broker::start_kafka("side-kafka", SETTINGS);
    // On one core: what a fetch of several partitions gives depends on who owns them, which is drawn with a topic's id.
    let ours = Broker::start_with("side-ours", 1, SETTINGS);
    let mut command = java("sidebyside.SideBySide");
    // What the tools log goes to their output, whose lines are this program's verdicts.
    command.env("JDK_JAVA_OPTIONS", "-Dorg.apache.logging.log4j.level=OFF");
    command
        .args([kafka.port.to_string(), ours.port.to_string()])
        .args(scripts());
    let outcome = Program::spawn(command, "side-by-side", ours.folder()).finish(LIMIT, || {});
    println!("{}", outcome.lines.join("\n"));
    outcome.expect_success("side by side");

    let compared = outcome
        .lines
        .iter()
        .find_map(|line| line.strip_prefix("compared ")?.parse().ok());
    assert!(compared >= Some(REQUESTS_MIN), "{compared:?} requests were compared");
    let shown: BTreeSet<&str> = outcome
        .lines
        .iter()
        .filter_map(|line| line.strip_prefix("difference "))
        .collect();
    let stated: BTreeSet<String> = differences().into_iter().map(|one| one.name).collect();
    let stated: BTreeSet<&str> = stated.iter().map(String::as_str).collect();
    assert_eq!(shown, stated, "differences that scripts show, and those of the table");
}

/// The README says what the table says.
#[test]
fn differences_stand_in_the_readme() {
    let readme = std::fs::read_to_string(folder().join("../../../README.md")).expect("README.md");
    let differences = differences();
    for one in &differences {
        assert!(readme.contains(&one.row), "README.md has no row\n{}", one.row);
    }
}

struct Difference {
    name: String,
    /// `| what | here | why |`
    row: String,
}

/// `NAME | what | here | why`, line by line.
fn differences() -> Vec<Difference> {
    let text = std::fs::read_to_string(folder().join("differences.txt")).expect("the table");
    let lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines
        .map(|line| {
            let (name, row) = line.split_once(" | ").expect("a name and a row");
            assert_eq!(row.split(" | ").count(), 3, "what, here, why: {line}");
            Difference {
                name: name.to_owned(),
                row: format!("| {row} |"),
            }
        })
        .collect()
}

fn scripts() -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder().join("scripts")).expect("scripts");
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.expect("a script").path()).collect();
    paths.sort();
    paths
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/side_by_side")
}
