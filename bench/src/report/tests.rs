//! Goal: on fixed input the page and its figures stay as they are, and need nothing from elsewhere.

use std::collections::BTreeMap;

use super::*;
use crate::{
    floor::Floors,
    latency::{Latencies, Summary},
    machine::Machine,
    result::{FORMAT, Round, ServerResult, SideResult},
    settings::Settings,
    words::Target,
};

/// Two targets and two rounds: one answers in 2 ms, the other in 1.
pub fn sample() -> RunResult {
    let target = |name: &str| Target {
        name: name.to_owned(),
        address: "localhost:1".to_owned(),
        topic_configs: Vec::new(),
        note: String::new(),
    };
    let round = |name: &str, round, latency, cpu_seconds| Round {
        target: name.to_owned(),
        round,
        floors: floors(),
        seconds: 2.0,
        produced: Some(side(latency)),
        server: Some(ServerResult {
            cpu_seconds,
            rss_bytes: 64 << 20,
        }),
        ..Default::default()
    };
    RunResult {
        format: FORMAT,
        title: "sample".to_owned(),
        tool_version: "0".to_owned(),
        began: 1,
        command_line: vec!["corelane-bench".to_owned(), "<run>".to_owned()],
        settings: default_settings(),
        machine: Machine::default(),
        floors: floors(),
        harness_limit: Some(round("null server", 1, 100_000, 0.01)),
        targets: vec![target("slow"), target("fast")],
        rounds: vec![
            round("slow", 1, 2_000_000, 0.2),
            round("fast", 1, 1_000_000, 0.1),
            round("fast", 2, 1_000_000, 0.1),
            round("slow", 2, 2_000_000, 0.2),
        ],
    }
}

fn floors() -> Floors {
    Floors {
        commit_4k: Some(summary(70_000)),
        loopback_round_trip: Some(summary(10_000)),
        bandwidth: None,
    }
}

fn summary(latency: u64) -> Summary {
    latencies(latency).summary()
}

fn latencies(latency: u64) -> Latencies {
    let mut latencies = Latencies::default();
    latencies.record_many(latency, 1980);
    latencies.record_many(latency * 10, 20);
    latencies
}

fn side(latency: u64) -> SideResult {
    SideResult {
        records: 2000,
        bytes: 2_000_000,
        requests: 2000,
        records_per_second: 1000.0,
        mb_per_second: 1.0,
        requests_per_second: 1000.0,
        latency: Some(Summary {
            p50_us: latency as f64 / 1e3,
            ..summary(latency)
        }),
        buckets: latencies(latency).buckets(),
        step: 0.2,
        records_over_time: vec![200; 10],
        bytes_over_time: vec![200_000; 10],
        latency_max_us_over_time: vec![latency as f64 / 100.0; 10],
    }
}

fn default_settings() -> Settings {
    use clap::{Args, FromArgMatches};
    let command = Settings::augment_args(clap::Command::new("settings"));
    let matches = command.get_matches_from(["settings", "--rounds", "2"]);
    Settings::from_arg_matches(&matches).expect("the defaults are right")
}

#[test]
fn a_result_is_read_as_it_was_written() {
    let path = std::env::temp_dir().join(format!("corelane-bench-result-{}.json", std::process::id()));
    let result = sample();
    result.write(&path).unwrap();
    let read = RunResult::read(&path).unwrap();
    assert_eq!(read.rounds, result.rounds);
    assert_eq!(read.settings, result.settings);
    assert_eq!(read.floors, result.floors);
    fs::write(&path, "{\"format\": 99}").unwrap();
    let error = RunResult::read(&path).unwrap_err().to_string();
    fs::remove_file(&path).unwrap();
    assert!(error.contains("format 99 is not 1"), "{error}");
}

#[test]
fn the_page_stands_alone_and_escapes() {
    let page = html(&[sample()], &[]);
    for foreign in ["<script", "http:", "https:", "src=", "@import", "url("] {
        assert!(!page.contains(foreign), "{foreign}");
    }
    assert!(page.contains("corelane-bench &lt;run&gt;") && !page.contains("<run>"));
    assert_eq!(page.matches("<figure>").count(), page.matches("</figure>").count());
}

#[test]
fn golden_figures() {
    let page = html(&[sample()], &[]);
    // Two targets and the null server by percentile; two rounds of two targets over time, twice; bars for three
    // metrics.
    assert_eq!(page.matches("<polyline").count(), 3 + 4 + 4);
    assert_eq!(page.matches("<rect").count(), 3 * 2);
    // p50 of slow stands at 2 ms on the figure's axis of 0.0316 to 31.6 ms: 60 % of the height up from the bottom.
    let slow = page.split("<polyline class=\"c0\" points=\"").nth(1).unwrap();
    assert!(slow.starts_with("70.0,116.7 "), "{}", &slow[..40]);
    // 1.98 of 2 thousand are at the median, so the curve rises at 99 %, which is two thirds of 3.3 decades along.
    for words in [
        "99.9 %",
        "seconds of the measured time",
        "server CPU per record",
        "<td>1.00 <small>1.00 – 1.00</small></td>",
    ] {
        assert!(page.contains(words), "{words}");
    }
}

#[test]
fn rows_are_judged_against_what_they_must_be() {
    let directory = std::env::temp_dir().join(format!("corelane-bench-rows-{}", std::process::id()));
    fs::create_dir_all(&directory).unwrap();
    sample().write(&directory.join("r.json")).unwrap();
    let row = |metric: &str, against: &str, must: f64, goal: f64| serde_json::json!({"work": metric, "result": "r.json", "metric": metric, "target": "fast", "against": against, "must": must, "goal": goal});
    let rows = serde_json::json!([
        row("produce.p50", "slow", 0.6, 0.4),
        row("produce.records", "slow", 1.0, 1.0),
        row("produce.p50", "floor", 1.6, 1.25),
        row("deliver.p50", "slow", 1.0, 1.0),
        {"work": "start", "values": [0.5, 0.7], "against_values": [6.0, 6.0], "unit": "s", "target": "a", "against": "b", "must": 0.1, "goal": 0.05},
    ]);
    let path = directory.join("rows.json");
    fs::write(&path, rows.to_string()).unwrap();
    let judged = table::judge(&path).unwrap();
    let verdicts: Vec<String> = judged.iter().map(Judged::verdict).collect();
    assert_eq!(
        verdicts,
        ["must", "goal", "missed", "not measured", "must, not in every round"]
    );
    // 1 ms over 80 µs.
    let over_floor = judged[2].figures.as_ref().unwrap().ratio;
    assert!((over_floor.median - 12.5).abs() < 0.05, "{over_floor}");
    assert!(html(&[sample()], &judged).contains("<td class=\"missed\">missed</td>"));
    let line = table::markdown(&judged).lines().nth(2).unwrap().to_owned();
    assert_eq!(
        line,
        "| produce.p50 | fast / slow | 1.00 ms | 2.00 | 0.500 (0.500 – 0.500) | ≤ 0.6 | ≤ 0.4 | must |"
    );

    // In one of two rounds it does not hold; one failed; none is left.
    let mut result = sample();
    let of = |result: &RunResult, target: &str, round: u16| {
        let at = result
            .rounds
            .iter()
            .position(|one| one.target == target && one.round == round);
        at.unwrap()
    };
    let verdict = |result: &RunResult| {
        result.write(&directory.join("r.json")).unwrap();
        fs::write(
            &path,
            serde_json::json!([row("produce.p50", "slow", 0.6, 0.4)]).to_string(),
        )
        .unwrap();
        table::judge(&path).unwrap()[0].verdict()
    };
    let at = of(&result, "fast", 2);
    result.rounds[at]
        .produced
        .as_mut()
        .unwrap()
        .latency
        .as_mut()
        .unwrap()
        .p50_us *= 1.3;
    assert_eq!(verdict(&result), "must, not in every round");
    result.rounds[at].errors = BTreeMap::from([("NOT_LEADER_OR_FOLLOWER".to_owned(), 7)]);
    assert_eq!(verdict(&result), "must, 1 failed");
    let at = of(&result, "slow", 1);
    result.rounds[at].unanswered = 1;
    assert_eq!(verdict(&result), "not measured");
    sample().write(&directory.join("r.json")).unwrap();

    fs::write(&path, r#"[{"work": "w", "result": "r.json", "metric": "p50", "target": "fast", "against": "slow", "must": 1, "goal": 1}]"#).unwrap();
    let error = table::judge(&path).err().unwrap().to_string();
    fs::remove_dir_all(&directory).unwrap();
    assert!(error.contains("produce.p50, produce.p99"), "{error}");
}

#[test]
fn a_run_is_shown_with_its_errors_and_the_harness_limit() {
    let mut result = sample();
    result.rounds[0].errors = BTreeMap::from([("NOT_LEADER_OR_FOLLOWER".to_owned(), 7)]);
    result.rounds[1].failure = Some("connection reset".to_owned());
    let text = table::text(&result);
    assert!(text.contains("NOT_LEADER_OR_FOLLOWER × 7"), "{text}");
    assert!(text.contains("fast, round 1: failed: connection reset"), "{text}");
    let p50 = text.lines().find(|line| line.starts_with("produce p50")).unwrap();
    let words: Vec<&str> = p50.split_whitespace().collect();
    assert_eq!(
        words,
        [
            "produce", "p50", "ms", "2.00", "(2.00", "–", "2.00)", "1.00", "(1.00", "–", "1.00)", "0.100"
        ]
    );
}

#[test]
fn dates_are_those_of_the_calendar() {
    let known = [
        (0, "1970-01-01 00:00 UTC"),
        (951_782_400, "2000-02-29 00:00 UTC"),
        (1_795_284_157, "2026-11-21 18:02 UTC"),
    ];
    for (seconds, words) in known {
        assert_eq!(date(seconds), words);
    }
}
