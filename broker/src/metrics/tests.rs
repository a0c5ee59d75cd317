use std::{collections::HashMap, time::Duration};

use corelane_protocol::{api_key::ApiKey, error_code::ErrorCode};
use corelane_storage::StoreStats;
use uuid::Uuid;

use super::{table::LEFT_OUT, *};
use crate::{
    limits::{METRIC_CORES_MAX, METRIC_LINES_MAX},
    metadata::PartitionKey,
    runtime::world::Instant,
};

fn at(micros: u64) -> Instant {
    Instant(1_000_000_000 + micros * 1000)
}

fn micros(micros: u64) -> Duration {
    Duration::from_micros(micros)
}

/// Taken up by the connection, then sent.
fn ended(timeline: &Timeline, taken_up: u64, sent: u64) -> Spent {
    timeline.note_ready(|| at(taken_up));
    timeline.end(at(sent))
}

fn stages(spent: &Spent) -> Vec<(Stage, u128)> {
    spent.stages().map(|(stage, took)| (stage, took.as_micros())).collect()
}

/// Goal: the stages of a produce request are what they are called, and nothing of its time is lost or counted twice.
#[test]
fn the_stages_of_a_request_are_all_of_its_time() {
    let timeline = Timeline::begin(at(0), at(10));
    timeline.set_api(ApiKey::PRODUCE);
    // Asked at 15, taken by another core at 20, its frame sealed at 50 and durable at 150, the answer back at 157.
    timeline.note_journal(Marks::new(at(20), at(50), at(150)), Some((at(15), at(157))));
    let spent = ended(&timeline, 160, 170);
    assert_eq!(
        stages(&spent),
        [
            (Stage::Queue, 10),
            (Stage::CoreHop, 5 + 7),
            (Stage::Handle, 5),
            (Stage::JournalWait, 30),
            (Stage::Flush, 100),
            (Stage::Respond, 13),
        ]
    );
    assert_eq!(spent.stages().map(|(_, took)| took).sum::<Duration>(), spent.total);
    assert_eq!(spent.total, micros(170));
    assert_eq!(spent.longest(), (Stage::Flush, micros(100)));
}

/// Goal: a call that waited for no frame (a duplicate, a refusal) has no time of the journal, and a clock that was read in another
/// order than things happened makes no absurd number.
#[test]
fn moments_out_of_order_count_as_nothing() {
    let marks = Marks::new(at(100), at(30), at(40));
    assert_eq!(
        marks,
        Marks {
            taken: at(100),
            sealed: at(100),
            durable: at(100)
        }
    );
    let timeline = Timeline::begin(at(120), at(90));
    timeline.note_journal(marks, None);
    let spent = ended(&timeline, 80, 110);
    assert_eq!(spent.total, micros(20));
    assert!(spent.stages().all(|(_, took)| took <= micros(20)));
}

/// Goal: a fetch that was asked to wait is not slow.
#[test]
fn the_wait_that_a_client_asks_for_is_told_apart() {
    let timeline = Timeline::begin(at(0), at(0));
    timeline.note(Stage::Wait, micros(400));
    timeline.note(Stage::Wait, micros(100));
    timeline.note(Stage::Read, micros(30));
    let spent = ended(&timeline, 560, 570);
    assert_eq!(
        (spent.unasked(), spent.longest()),
        (micros(70), (Stage::Read, micros(30)))
    );
}

fn latency(values: &[u64]) -> Latency {
    let mut latency = Latency::default();
    values.iter().for_each(|value| latency.record(micros(*value)));
    latency
}

/// Goal: buckets are cumulative and hold what their bounds say; the sum is exact, also of what takes less than a bucket.
#[test]
fn latencies_become_buckets() {
    let mut all = latency(&[0, 20, 21, 999, 1_500, 700_000_000]);
    let counts = all.cumulative();
    assert_eq!(counts[0], 2, "up to 20 µs");
    assert_eq!(counts[1], 3, "up to 50 µs");
    assert_eq!(counts[5], 4, "up to 1 ms");
    assert_eq!(counts[6], 5, "up to 2 ms");
    assert_eq!((counts[18], all.count()), (5, 6), "what is longer is in +Inf alone");
    all.merge(&latency(&[40]));
    assert_eq!((all.count(), all.cumulative()[1]), (7, 4));
    assert_eq!(all.sum(), micros(700_000_000 + 1_500 + 999 + 21 + 20 + 40));
    let median = latency(&[100, 200, 300]).quantile(0.5);
    assert!((198..=202).contains(&median.as_micros()), "{median:?}");
}

fn api(api: ApiKey) -> ApiSnapshot {
    ApiSnapshot {
        api,
        requests: 3,
        request_bytes: 300,
        response_bytes: 30,
        errors: vec![(ErrorCode::NOT_LEADER_OR_FOLLOWER, 2)],
        total: latency(&[30, 400]),
        stages: vec![(Stage::Flush, latency(&[25]))],
    }
}

fn node() -> NodeSnapshot {
    let group = |group_id: &str| GroupSnapshot {
        group_id: group_id.to_owned(),
        members: 2,
        generation: 7,
    };
    let core = CoreSnapshot {
        apis: vec![api(ApiKey::PRODUCE)],
        connections: 4,
        store: Some(StoreStats {
            frames: 9,
            journal_files: 16,
            ..StoreStats::default()
        }),
        groups: GroupsSnapshot {
            count: 3,
            named: vec![group("a\"b\\c\nd"), group("é")],
            ..GroupsSnapshot::default()
        },
        readiness: Readiness::Ready,
        ..CoreSnapshot::default()
    };
    NodeSnapshot {
        cores: vec![Some(core), None],
        readiness: Readiness::Ready,
        ..NodeSnapshot::default()
    }
}

/// The lines of one family, its HELP and TYPE left out.
fn lines<'a>(text: &'a str, family: &str) -> Vec<&'a str> {
    let is_it = |line: &&str| {
        let name = line.split(['{', ' ']).next().unwrap_or_default();
        let base = ["_bucket", "_sum", "_count"]
            .iter()
            .find_map(|suffix| name.strip_suffix(suffix));
        name == family || base == Some(family)
    };
    text.lines().filter(is_it).collect()
}

/// Goal: the text is what Prometheus reads: names, labels and their escapes, histograms, and a core that did not answer.
#[test]
fn the_text_is_prometheus_own() {
    let text = text(&node());
    assert_eq!(
        lines(&text, "corelane_core_answered"),
        [
            "corelane_core_answered{core=\"0\"} 1",
            "corelane_core_answered{core=\"1\"} 0"
        ]
    );
    assert_eq!(lines(&text, "corelane_ready"), ["corelane_ready 1"]);
    assert_eq!(
        lines(&text, "corelane_errors_total"),
        ["corelane_errors_total{core=\"0\",api=\"Produce\",code=\"NOT_LEADER_OR_FOLLOWER\"} 2"]
    );
    assert_eq!(
        lines(&text, "corelane_group_members"),
        [
            "corelane_group_members{group=\"a\\\"b\\\\c\\nd\"} 2",
            "corelane_group_members{group=\"é\"} 2"
        ]
    );
    let stage = lines(&text, "corelane_request_stage_seconds");
    assert_eq!(
        (stage[0], stage[1]),
        (
            "corelane_request_stage_seconds_bucket{core=\"0\",api=\"Produce\",stage=\"flush\",le=\"0.00002\"} 0",
            "corelane_request_stage_seconds_bucket{core=\"0\",api=\"Produce\",stage=\"flush\",le=\"0.00005\"} 1"
        )
    );
    assert_eq!(
        stage[19..],
        [
            "corelane_request_stage_seconds_bucket{core=\"0\",api=\"Produce\",stage=\"flush\",le=\"+Inf\"} 1",
            "corelane_request_stage_seconds_sum{core=\"0\",api=\"Produce\",stage=\"flush\"} 0.000025",
            "corelane_request_stage_seconds_count{core=\"0\",api=\"Produce\",stage=\"flush\"} 1"
        ]
    );
    assert_eq!(
        lines(&text, LEFT_OUT.name),
        ["corelane_metrics_left_out{family=\"all\"} 1"],
        "one group is not named"
    );
    for family in FAMILIES.iter().chain([&LEFT_OUT]) {
        let head = format!(
            "# HELP {0} {1}\n# TYPE {0} {2}\n",
            family.name,
            family.help,
            family.kind.name()
        );
        assert_eq!(text.matches(&head).count(), 1, "{head}");
    }
}

/// Goal: however much there is, the answer has its bound, and says what it left out.
#[test]
fn the_answer_is_bounded() {
    let groups = 30_000;
    let mut node = node();
    let core = node.cores[0].as_mut().expect("it answered");
    core.apis = (0..90).map(|key| api(ApiKey(key))).collect();
    for one in &mut core.apis {
        one.errors = (0..500).map(|code| (ErrorCode(code), 1)).collect();
        one.stages = Stage::ALL.iter().map(|stage| (*stage, latency(&[7]))).collect();
    }
    core.groups.named = (0..groups)
        .map(|number| GroupSnapshot {
            group_id: format!("group-{number}"),
            members: 1,
            generation: 1,
        })
        .collect();
    core.groups.count = groups;
    node.cores = vec![node.cores[0].clone(); 12];
    let text = text(&node);
    for family in FAMILIES {
        assert!(lines(&text, family.name).len() <= METRIC_LINES_MAX, "{}", family.name);
    }
    assert!(text.len() < 8 << 20, "{} bytes", text.len());
    let left_out = lines(&text, LEFT_OUT.name);
    let members = format!(
        "corelane_metrics_left_out{{family=\"corelane_group_members\"}} {}",
        12 * groups - METRIC_LINES_MAX as u64
    );
    assert!(left_out.contains(&members.as_str()), "{left_out:?}");
    // Of histograms, whole series are left out, never some of their buckets.
    let stage_lines = lines(&text, "corelane_request_stage_seconds");
    assert!(stage_lines.last().is_some_and(|line| line.contains("_count{")));
}

/// Goal: many cores are shown together, so that more of them do not make the text longer.
#[test]
fn many_cores_share_their_histograms() {
    let mut node = node();
    node.cores = vec![node.cores[0].clone(); METRIC_CORES_MAX + 1];
    let text = text(&node);
    let all = format!(
        "corelane_request_seconds_count{{core=\"all\",api=\"Produce\"}} {}",
        2 * (METRIC_CORES_MAX + 1)
    );
    assert!(text.contains(&all));
    assert!(!text.contains("corelane_request_seconds_count{core=\"0\""));
}

/// Goal: a group's lag is what lies between its offset and the high watermark; a partition that nobody leads has none.
#[test]
fn lags_need_both_ends() {
    let key = |partition| PartitionKey {
        topic_id: Uuid::from_u128(1),
        partition,
    };
    let committed = |partition, offset| CommittedOffset {
        group_id: "g".to_owned(),
        topic: "t".to_owned(),
        partition: key(partition),
        offset,
    };
    let high_watermarks = HashMap::from([(key(0), 10), (key(1), 4)]);
    let lags = lags(
        vec![committed(0, 7), committed(1, 5), committed(2, 0)],
        &high_watermarks,
    );
    let seen: Vec<_> = lags.iter().map(|lag| (lag.partition, lag.records)).collect();
    assert_eq!(seen, [(0, 3), (1, 0)]);
}

/// Goal: counting is by API, and an API that nobody asked for takes no room.
#[test]
fn a_core_counts_by_api() {
    let metrics = CoreMetrics::default();
    let timeline = Timeline::begin(at(0), at(1));
    let bytes = Bytes {
        request: 100,
        response: 10,
    };
    timeline.note_ready(|| at(2));
    metrics.request_ends(&timeline, bytes, at(3));
    assert!(metrics.apis().is_empty(), "it was no request that we know");
    timeline.set_api(ApiKey::FETCH);
    timeline.add_errors(vec![ErrorCode::OFFSET_OUT_OF_RANGE]);
    metrics.request_ends(&timeline, bytes, at(3));
    assert_eq!(metrics.apis(), [ApiKey::FETCH]);
    let fetch = metrics.api(ApiKey::FETCH).expect("it was asked for");
    assert_eq!(
        (fetch.requests, fetch.request_bytes, fetch.response_bytes),
        (1, 100, 10)
    );
    assert_eq!(fetch.errors, [(ErrorCode::OFFSET_OUT_OF_RANGE, 1)]);
    assert_eq!(fetch.total.count(), 1);
    let seen: Vec<Stage> = fetch.stages.iter().map(|(stage, _)| *stage).collect();
    assert_eq!(seen, [Stage::Queue, Stage::Handle, Stage::Respond]);
}

/// Goal: names follow Prometheus' conventions, and the reference page is the table's. `UPDATE=1` rewrites the page.
#[test]
fn names_are_conventional_and_the_page_is_up_to_date() {
    let mut names = std::collections::BTreeSet::new();
    for family in FAMILIES {
        assert!(names.insert(family.name), "{} twice", family.name);
        assert!(family.name.starts_with("corelane_") || family.name.starts_with("process_"));
        let is_total = family.name.ends_with("_total");
        assert_eq!(is_total, family.kind == table::Kind::Counter, "{}", family.name);
        assert!(
            family.help.ends_with('.') && !family.help.contains(['\n', '\\']),
            "{}",
            family.name
        );
    }
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/METRICS.md");
    if std::env::var("UPDATE").is_ok() {
        std::fs::write(path, markdown()).expect("write the page");
    }
    let page = std::fs::read_to_string(path).unwrap_or_default();
    assert_eq!(page, markdown(), "run this test with UPDATE=1");
}
