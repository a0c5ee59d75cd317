//! Goal: whoever scrapes a broker sees where its requests' time goes, every metric that the table promises and no other; and
//! nobody over HTTP can hold it up.

mod harness;

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::net::{TcpListener, TcpStream};
use std::process::Stdio;
use std::thread;
use std::time::{Duration, Instant};

use corelane_broker::metrics::FAMILIES;
use corelane_protocol::error_code::ErrorCode;
use corelane_protocol::messages::produce::ProduceResponse;
use corelane_protocol::records::Builder;
use harness::broker::{Broker, dies_with_test, free_port};
use harness::http::{exchange, get, scrape, status};
use harness::wire::{Wire, errors, produce};
use harness::{TempFolder, wait_until};

const LIMIT: Duration = Duration::from_secs(20);

fn broker(name: &str, cores: usize, settings: &[(&str, &str)]) -> (Broker, u16) {
    let port = free_port();
    let listener = format!("HTTP://127.0.0.1:{port}");
    let mut all = vec![("metrics.listeners", listener.as_str())];
    all.extend(settings);
    (Broker::start_with(name, cores, &all), port)
}

/// The sum over all series of this name whose labels have all of these.
fn sum(series: &BTreeMap<String, f64>, name: &str, labels: &[&str]) -> f64 {
    let is_it = |key: &str| key.split('{').next() == Some(name) && labels.iter().all(|label| key.contains(label));
    let found = series.iter().filter(|(key, _)| is_it(key));
    found.map(|(_, value)| value).sum()
}

#[test]
fn every_metric_of_the_table_is_in_a_scrape_and_no_other() {
    let (broker, port) = broker("metrics-all", 2, &[]);
    let mut wire = Wire::connect(broker.port);
    wire.create_topic("words", 3);
    for value in [b"a", b"b", b"c"] {
        wire.send_produce("words", 0, value);
        wire.produced_offset();
    }
    wire.send(
        9,
        &produce(
            "nowhere",
            [{
                let mut batch = Builder::new();
                batch.push(0, None, Some(b"x"));
                batch.build()
            }],
        ),
    );
    let refused: ProduceResponse = wire.receive(9).expect("an answer");
    assert_eq!(errors(&refused), [ErrorCode::UNKNOWN_TOPIC_OR_PARTITION]);
    wire.commit_offset("readers", "words", 1);

    let series = scrape(port);
    let base = |name: &str| {
        let name = name.split('{').next().unwrap_or_default();
        let histogram = ["_bucket", "_sum", "_count"]
            .iter()
            .find_map(|suffix| name.strip_suffix(suffix));
        let known = |name: &&str| FAMILIES.iter().any(|family| family.name == *name);
        histogram.filter(known).unwrap_or(name).to_owned()
    };
    let mut seen: BTreeSet<String> = series.keys().map(|name| base(name)).collect();
    assert!(seen.remove("corelane_metrics_left_out"));
    let promised: BTreeSet<String> = FAMILIES.iter().map(|family| family.name.to_owned()).collect();
    assert_eq!(seen, promised);

    let lag = sum(
        &series,
        "corelane_group_lag_records",
        &["group=\"readers\"", "topic=\"words\"", "partition=\"0\""],
    );
    assert_eq!(lag, 2.0);
    let errors = ["api=\"Produce\"", "code=\"UNKNOWN_TOPIC_OR_PARTITION\""];
    assert_eq!(sum(&series, "corelane_errors_total", &errors), 1.0);
    assert_eq!(sum(&series, "corelane_requests_total", &["api=\"Produce\""]), 4.0);
    assert_eq!(sum(&series, "corelane_ready", &[]), 1.0);
    assert_eq!(sum(&series, "corelane_core_answered", &[]), 2.0);
    assert_eq!(sum(&series, "corelane_connections", &[]), 1.0);
    assert_eq!(sum(&series, "corelane_partitions_led", &[]), 3.0 + 50.0);
    assert!(sum(&series, "corelane_journal_files", &["core=\"1\""]) >= 2.0);
    assert!(sum(&series, "process_resident_memory_bytes", &[]) > 1e6);
    // Recovery alone takes more; a thread beside the core's that has its name does not.
    for core in ["core=\"0\"", "core=\"1\""] {
        assert!(
            sum(&series, "corelane_core_busy_seconds_total", &[core]) > 0.002,
            "{core}"
        );
    }
}

/// Goal: while traffic flows, the stages together are the whole time, which is what a client saw and no more; on one core and over
/// two.
#[test]
fn the_stages_of_flowing_traffic_are_its_time() {
    let (broker, port) = broker("metrics-stages", 2, &[]);
    let mut wire = Wire::connect(broker.port);
    wire.create_topic("words", 8);
    let mut reader = Wire::connect(broker.port);
    let mut seen = Duration::ZERO;
    for round in 0..25 {
        for partition in 0..8 {
            let begin = Instant::now();
            wire.send_produce("words", partition, b"value");
            wire.produced_offset();
            seen += begin.elapsed();
        }
        if round == 10 {
            assert_eq!(sum(&scrape(port), "corelane_ready", &[]), 1.0, "a scrape in between");
        }
        reader.send_fetch("words", round % 8, i64::from(round / 8));
        assert!(!reader.fetched().is_empty());
    }
    // One fetch that waits for its record.
    reader.send_fetch("words", 0, 25);
    thread::sleep(Duration::from_millis(50));
    wire.send_produce("words", 0, b"late");
    wire.produced_offset();
    assert_eq!(reader.fetched().len(), 1);

    let series = scrape(port);
    for (api, count) in [("Produce", 201.0), ("Fetch", 26.0)] {
        let api = format!("api=\"{api}\"");
        assert_eq!(sum(&series, "corelane_request_seconds_count", &[&api]), count);
        let total = sum(&series, "corelane_request_seconds_sum", &[&api]);
        let stages = sum(&series, "corelane_request_stage_seconds_sum", &[&api]);
        assert!((stages - total).abs() < total / 100.0, "{api}: {stages} s of {total} s");
    }
    let of = |api: &str, stage: &str, what: &str| {
        let labels = [format!("api=\"{api}\""), format!("stage=\"{stage}\"")];
        let labels: Vec<&str> = labels.iter().map(String::as_str).collect();
        sum(&series, &format!("corelane_request_stage_seconds_{what}"), &labels)
    };
    let total = sum(&series, "corelane_request_seconds_sum", &["api=\"Produce\""]);
    // The last one is not in what was seen: it is one of 201.
    assert!(total < seen.as_secs_f64() * 1.5, "{total} s, and a client saw {seen:?}");
    for stage in ["queue", "handle", "journal_wait", "flush", "respond"] {
        assert_eq!(of("Produce", stage, "count"), 201.0, "{stage}");
    }
    assert!(of("Produce", "flush", "sum") > 0.0);
    let hops = of("Produce", "core_hop", "count");
    assert!(hops > 0.0 && hops < 201.0, "{hops} of 8 partitions on two cores");
    assert!(of("Fetch", "wait", "count") >= 1.0 && of("Fetch", "wait", "sum") > 0.01);
}

#[test]
fn health_is_told_and_nonsense_over_http_is_answered() {
    let (mut broker, port) = broker("metrics-http", 2, &[]);
    assert_eq!(get(port, "/healthz"), (200, "ok\n".to_owned()));
    assert_eq!(get(port, "/readyz"), (200, "ready\n".to_owned()));
    assert_eq!(get(port, "/").0, 404);
    assert_eq!(get(port, "/metrics/../x").0, 404);
    assert_eq!(
        status(&exchange(
            port,
            b"POST /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n"
        )),
        405
    );
    assert_eq!(
        status(&exchange(port, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n")),
        400
    );
    let long = format!("GET /metrics HTTP/1.1\r\nX: {}\r\n\r\n", "y".repeat(1 << 20));
    assert!(!exchange(port, long.as_bytes()).contains("corelane_ready"));

    // Many that ask nothing, or half, and many that ask.
    let idle: Vec<TcpStream> = (0..40)
        .map(|_| {
            let mut stream = TcpStream::connect(("127.0.0.1", port)).expect("connect");
            let _ = stream.write_all(b"GET /met");
            stream
        })
        .collect();
    let scrapers: Vec<_> = (0..30)
        .map(|_| thread::spawn(move || get(port, "/metrics").0))
        .collect();
    for scraper in scrapers {
        assert_eq!(scraper.join().expect("a scraper"), 200);
    }
    Wire::connect(broker.port)
        .is_served()
        .expect("clients are served meanwhile");
    drop(idle);
    broker.signal("TERM");
    let gone = wait_until(LIMIT, || TcpStream::connect(("127.0.0.1", port)).is_err().then_some(()));
    assert!(gone.is_some(), "the side thread ends with the process");
    broker.kill();
}

/// Goal: a listener without a host is every address of the machine, of both families.
#[test]
fn metrics_are_served_on_every_address() {
    let port = free_port();
    let listener = format!("HTTP://:{port}");
    let _broker = Broker::start_with("metrics-everywhere", 1, &[("metrics.listeners", &listener)]);
    assert_eq!(get(port, "/readyz").0, 200);
    let has_v6 = TcpListener::bind("[::1]:0").is_ok();
    assert_eq!(
        TcpStream::connect(("::1", port)).is_ok(),
        has_v6,
        "IPv6 is served where there is any"
    );
}

#[test]
fn a_slow_request_is_named_with_its_stage() {
    let (broker, port) = broker("metrics-slow", 1, &[("slow.request.log.ms", "0")]);
    let mut wire = Wire::connect(broker.port);
    wire.create_topic("words", 1);
    for _ in 0..30 {
        wire.send_produce("words", 0, b"value");
        wire.produced_offset();
    }
    let log = broker.log_text();
    let lines: Vec<&str> = log.lines().filter(|line| line.contains("slow request")).collect();
    assert!(
        (1..=10).contains(&lines.len()),
        "said, but not over and over: {lines:?}"
    );
    assert!(
        lines
            .iter()
            .any(|line| line.contains("api=Produce") && line.contains("stage=")),
        "{lines:?}"
    );
    assert!(sum(&scrape(port), "corelane_slow_requests_total", &[]) >= 31.0);
}

/// What a broker says that cannot start.
fn refusal(metrics_listeners: &str) -> String {
    let folder = TempFolder::new(&format!("metrics-refused-{}", free_port()));
    let output = dies_with_test(env!("CARGO_BIN_EXE_corelane"))
        .args(["start", "--cores", "1"])
        .args(["--set", &format!("listeners=PLAINTEXT://127.0.0.1:{}", free_port())])
        .args(["--set", &format!("log.dirs={}", folder.path().join("data").display())])
        .args(["--set", &format!("metrics.listeners={metrics_listeners}")])
        .stdin(Stdio::null())
        .output()
        .expect("run the broker");
    assert_eq!(output.status.code(), Some(78));
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn a_listener_that_cannot_be_is_refused_with_what_would_be_right() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("it has one");
    let said = refusal(&format!("HTTP://{address}"));
    assert!(
        said.contains(&format!("metrics.listeners: {address} is taken")),
        "{said}"
    );
    for wrong in ["127.0.0.1:9644", "HTTPS://127.0.0.1:9644", "HTTP://localhost"] {
        let said = refusal(wrong);
        assert!(
            said.contains("for example metrics.listeners=HTTP://localhost:9644"),
            "{wrong}: {said}"
        );
    }
}
