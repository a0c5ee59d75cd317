//! Goal: what `deploy/` hands to operators works with this broker: files parse, filters let it run and forbid what they should,
//! settings are accepted, and every metric that is asked for exists.
//!
//! promtool and helm are brought by `deploy/setup.sh` beside this file. A tool that is not there is a skipped check, in CI a failure.

mod harness;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use bytes::Bytes;
use corelane_broker::metrics::FAMILIES;
use corelane_protocol::messages::produce::ProduceResponse;
use harness::broker::{Broker, dies_with_test, free_port};
use harness::http::{get, scrape};
use harness::wire::{Wire, produce};
use harness::{TempFolder, in_ci, wait_until};

#[path = "deploy/promql.rs"]
mod promql;

const START_LIMIT: Duration = Duration::from_secs(60);

fn deploy() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../deploy")
}

fn read(path: &str) -> String {
    fs::read_to_string(deploy().join(path)).unwrap_or_else(|error| panic!("deploy/{path}: {error}"))
}

/// Where a tool of `deploy/setup.sh` is; None if it cannot be had.
fn tool(name: &str) -> Option<PathBuf> {
    let here = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/deploy/setup.sh");
    let cache = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../.cache/deploy");
    let said = Command::new(here)
        .arg(name)
        .arg(&cache)
        .output()
        .expect("run the setup");
    if said.status.success() {
        return Some(cache.join(name));
    }
    skip(&format!("{name}: {}", text(&said)));
    None
}

/// Whether a program of the system is there.
fn has(program: &str, probe: &str) -> bool {
    let found = Command::new(program)
        .arg(probe)
        .output()
        .is_ok_and(|said| said.status.success());
    if !found {
        skip(&format!("{program} is not installed"));
    }
    found
}

fn skip(why: &str) {
    assert!(!in_ci(), "{why}");
    eprintln!("skipped: {why}");
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

fn succeeds(command: &mut Command) -> String {
    let output = command.output().expect("run it");
    assert!(output.status.success(), "{command:?}\n{}", text(&output));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Starts a broker with these words before and after it, and calls back once it says that it is ready.
fn run_broker(name: &str, before: &[&str], after: &[&str], when_ready: impl FnOnce()) {
    let folder = TempFolder::new(name);
    let log = folder.path().join("log");
    let said = fs::File::create(&log).expect("a log");
    let mut words = before.to_vec();
    words.extend([env!("CARGO_BIN_EXE_corelane"), "start", "--cores", "1"]);
    words.extend(after);
    let mut broker = dies_with_test(words[0])
        .args(&words[1..])
        .current_dir(folder.path())
        .stdin(Stdio::null())
        .stdout(said.try_clone().expect("a log"))
        .stderr(said)
        .spawn()
        .expect("start it");
    let is_ready = || fs::read_to_string(&log).is_ok_and(|said| said.lines().any(|line| line == "ready"));
    let ready = wait_until(START_LIMIT, || {
        is_ready()
            .then_some(true)
            .or_else(|| broker.try_wait().expect("wait").map(|_| is_ready()))
    });
    assert_eq!(ready, Some(true), "{}", fs::read_to_string(&log).unwrap_or_default());
    when_ready();
    let _ = broker.kill();
    let _ = broker.wait();
}

/// `server.properties` as it is handed out is accepted, with only the machine's own ports and folder put in.
fn runs_with(name: &str, properties: &str) {
    let folder = TempFolder::new(&format!("{name}-properties"));
    let (kafka, metrics) = (free_port(), free_port());
    let file = folder.path().join("server.properties");
    assert!(properties.contains("/var/lib/corelane") && properties.contains(":9092") && properties.contains(":9644"));
    let here = properties
        .replace("/var/lib/corelane", &folder.path().display().to_string())
        .replace(":9092", &format!(":{kafka}"))
        .replace(":9644", &format!(":{metrics}"));
    fs::write(&file, here).expect("a file");
    run_broker(name, &[], &["--config", &file.display().to_string()], || {
        assert_eq!(get(metrics, "/readyz").0, 200);
        Wire::connect(kafka).is_served().expect("clients are served");
    });
    assert!(folder.path().join("data/wal").is_dir(), "below the mount point");
}

#[test]
fn rules_and_dashboard_ask_for_what_a_broker_has() {
    let port = free_port();
    let listener = format!("HTTP://127.0.0.1:{port}");
    let broker = Broker::start_with("deploy-metrics", 1, &[("metrics.listeners", &listener)]);
    let mut wire = Wire::connect(broker.port);
    wire.create_topic("words", 1);
    wire.send_produce("words", 0, b"a");
    wire.produced_offset();
    wire.commit_offset("readers", "words", 1);
    // Something that fails, so that there are errors to count.
    let _: ProduceResponse = wire.ask(9, &produce("words", [Bytes::new()]));
    let live: BTreeSet<String> = scrape(port)
        .into_keys()
        .map(|series| series.split('{').next().unwrap_or_default().to_owned())
        .collect();

    let rules = read("prometheus/rules.yaml");
    let recorded: BTreeSet<&str> = rules
        .lines()
        .filter_map(|line| line.trim().strip_prefix("- record: "))
        .collect();
    let mut asked = promql::of_rules(&rules);
    assert!(asked.len() > 15, "this test finds expressions in rules");
    let of_dashboard = promql::of_dashboard(&read("grafana/corelane.json"));
    assert!(of_dashboard.len() > 50, "and in the dashboard");
    asked.extend(of_dashboard);

    let labels: BTreeMap<&str, &[&str]> = FAMILIES.iter().map(|family| (family.name, family.labels)).collect();
    let mut seen = BTreeSet::new();
    for query in &asked {
        let mut may_group_by: BTreeSet<&str> = ["instance", "job", "le"].into();
        for (metric, matched) in promql::selectors(query) {
            if recorded.contains(metric) || ["up", "ALERTS"].contains(&metric) {
                may_group_by.extend(["api", "stage", "group", "topic"]);
                continue;
            }
            assert!(live.contains(metric), "{metric} is in no scrape: {query}");
            let base = ["_bucket", "_sum", "_count"]
                .iter()
                .find_map(|end| metric.strip_suffix(end))
                .unwrap_or(metric);
            // The last family stands apart from the table.
            let known = if base == "corelane_metrics_left_out" {
                &["family"][..]
            } else {
                labels
                    .get(base)
                    .copied()
                    .unwrap_or_else(|| panic!("{base} is not in the table: {query}"))
            };
            for label in matched {
                assert!(
                    ["instance", "job", "le"].contains(&label) || known.contains(&label),
                    "{metric} has no {label}: {query}"
                );
            }
            may_group_by.extend(known);
            seen.insert(base);
        }
        for label in promql::grouped_by(query) {
            assert!(may_group_by.contains(label), "nothing has the label {label}: {query}");
        }
    }
    assert!(
        seen.len() > 40,
        "of the table's metrics only {seen:?} are shown to anybody"
    );
}

#[test]
fn rules_hold_and_every_query_parses() {
    let Some(promtool) = tool("promtool") else { return };
    let folder = deploy().join("prometheus");
    succeeds(
        Command::new(&promtool)
            .current_dir(&folder)
            .args(["check", "config", "scrape.yaml"]),
    );
    succeeds(Command::new(&promtool).current_dir(&folder).args([
        "check",
        "rules",
        "--lint=all",
        "--lint-fatal",
        "rules.yaml",
    ]));
    succeeds(
        Command::new(&promtool)
            .current_dir(&folder)
            .args(["test", "rules", "rules_test.yaml"]),
    );

    // Each query as a rule, since rules are what promtool parses.
    let rule = |(index, query): (usize, &String)| {
        let query = query.replace("$__rate_interval", "1m").replace('\n', " ");
        format!(
            "  - {{record: 'query:{index}', expr: {}}}\n",
            serde_json::to_string(&query).expect("a string")
        )
    };
    let queries = promql::of_dashboard(&read("grafana/corelane.json"));
    let rules: String = queries.iter().enumerate().map(rule).collect();
    let scratch = TempFolder::new("deploy-queries");
    let file = scratch.path().join("queries.yaml");
    let check = |rules: &str| {
        fs::write(&file, format!("groups:\n- name: dashboard\n  rules:\n{rules}")).expect("a file");
        Command::new(&promtool)
            .args(["check", "rules"])
            .arg(&file)
            .output()
            .expect("run it")
    };
    let said = check(&rules);
    assert!(said.status.success(), "{}", text(&said));
    let broken = rule((0, &"sum by (core (corelane_logs)".to_owned()));
    assert!(!check(&broken).status.success(), "and a query that is none is noticed");
}

#[test]
fn the_chart_lints_and_a_broker_runs_with_what_it_makes() {
    let Some(helm) = tool("helm") else { return };
    let chart = deploy().join("chart/corelane");
    // A version that exists: helm built by itself thinks of an old one.
    let helm = |words: &[&str]| {
        let mut command = Command::new(&helm);
        command.args(words).arg(&chart).args(["--kube-version", "1.31.0"]);
        command
    };
    succeeds(&mut helm(&["lint", "--strict"]));
    let made = succeeds(&mut helm(&["template", "prod"]));
    for needed in [
        "kind: StatefulSet",
        "replicas: 1\n",
        "localhostProfile: profiles/corelane.json",
        "path: /healthz",
        "path: /readyz",
        "storage: 20Gi",
        "whenDeleted: Retain",
        "value: PLAINTEXT://$(POD_NAME).prod-corelane-pods.default.svc:9092",
    ] {
        assert!(made.contains(needed), "{needed} is not in\n{made}");
    }
    let other = succeeds(helm(&["template", "corelane"]).args([
        "--set",
        "seccomp.type=Unconfined",
        "--set",
        "advertised=kafka.example.com:31092",
        "--set",
        "metrics.podMonitor=true",
        "--set",
        "config.log\\.retention\\.hours=2",
    ]));
    for needed in [
        "type: Unconfined",
        "\"PLAINTEXT://kafka.example.com:31092\"",
        "kind: PodMonitor",
        "log.retention.hours=2",
    ] {
        assert!(other.contains(needed), "{needed} is not in\n{other}");
    }
    assert!(!other.contains("localhostProfile"));
    for refused in ["cores=0", "replicas=3", "seccomp.type=Nothing", "storage.size=much"] {
        let said = helm(&["template", "x"])
            .args(["--set", refused])
            .output()
            .expect("run it");
        assert!(!said.status.success(), "{refused} is accepted");
    }
    let block = made.split_once("server.properties: |\n").expect("the file is in it").1;
    let lines = block.lines().take_while(|line| line.starts_with("    "));
    runs_with(
        "deploy-chart",
        &lines.map(|line| format!("{}\n", line.trim())).collect::<String>(),
    );
}

#[test]
fn the_service_is_sound_and_its_filter_lets_a_broker_run() {
    runs_with("deploy-service", &read("systemd/server.properties"));
    if !has("systemd-analyze", "--version") {
        return;
    }
    let folder = TempFolder::new("deploy-unit");
    let unit = folder.path().join("corelane.service");
    let here = read("systemd/corelane.service").replace("/usr/bin/corelane", env!("CARGO_BIN_EXE_corelane"));
    fs::write(&unit, here).expect("a unit");
    succeeds(Command::new("systemd-analyze").arg("verify").arg(&unit));
    // Of ten, where nine are exposed and none is sealed off.
    succeeds(
        Command::new("systemd-analyze")
            .args(["security", "--offline=true", "--threshold=20"])
            .arg(&unit),
    );
    filtered("deploy-filter", &deploy().join("systemd/corelane.service"));
}

#[test]
fn the_seccomp_profile_lets_a_broker_run() {
    filtered("deploy-seccomp", &deploy().join("container/seccomp.json"));
}

/// A broker serves under this filter, and is told what is missing without io_uring.
fn filtered(name: &str, filter: &Path) {
    if !has("python3", "--version") {
        return;
    }
    let python = Command::new("python3")
        .args(["-c", "import ctypes; ctypes.CDLL('libseccomp.so.2')"])
        .status();
    if !python.is_ok_and(|status| status.success()) {
        return skip("libseccomp is not installed");
    }
    let under = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/deploy/under_seccomp.py");
    let (under, filter) = (under.display().to_string(), filter.display().to_string());
    let port = free_port();
    let listener = format!("listeners=PLAINTEXT://127.0.0.1:{port}");
    run_broker(name, &["python3", &under, &filter, "--"], &["--set", &listener], || {
        let mut wire = Wire::connect(port);
        wire.create_topic("words", 1);
        wire.send_produce("words", 0, b"a");
        assert_eq!(wire.produced_offset(), 0);
        wire.send_fetch("words", 0, 0);
        assert_eq!(wire.fetched(), [(0, b"a".to_vec())]);
    });
    let folder = TempFolder::new(&format!("{name}-without"));
    let refused = dies_with_test("python3")
        .args([
            &under,
            &filter,
            "--without",
            "io_uring_setup",
            "--",
            env!("CARGO_BIN_EXE_corelane"),
            "start",
        ])
        .args(["--set", &listener])
        .current_dir(folder.path())
        .output()
        .expect("run it");
    assert_eq!(refused.status.code(), Some(78), "{}", text(&refused));
    assert!(
        text(&refused).contains("deploy/container/seccomp.json"),
        "{}",
        text(&refused)
    );
    let advice = Command::new("python3")
        .args([&under, &filter, "--without", "io_uring_setup", "--"])
        .args([env!("CARGO_BIN_EXE_corelane"), "doctor", "--data"])
        .arg(folder.path())
        .output()
        .expect("run it");
    assert_eq!(advice.status.code(), Some(1), "{}", text(&advice));
    assert!(text(&advice).contains("bad     io_uring"), "{}", text(&advice));
}

/// The profile is docker's own and nothing less: what it admits beyond is io_uring.
#[test]
fn the_seccomp_profile_admits_io_uring_and_nothing_else_of_its_own() {
    let profile: serde_json::Value = serde_json::from_str(&read("container/seccomp.json")).expect("JSON");
    assert_eq!(profile["defaultAction"], "SCMP_ACT_ERRNO");
    let rules = profile["syscalls"].as_array().expect("rules");
    let of_ours: Vec<_> = rules
        .iter()
        .filter(|rule| rule["comment"].as_str().is_some_and(|text| text.contains("Corelane")))
        .collect();
    assert_eq!(of_ours.len(), 1);
    assert_eq!(
        of_ours[0]["names"],
        serde_json::json!(["io_uring_enter", "io_uring_register", "io_uring_setup"])
    );
    for never in ["mount", "kexec_load", "add_key", "userfaultfd"] {
        let admitted = rules.iter().any(|rule| {
            let names = rule["names"].as_array().expect("names");
            rule["includes"].is_null() && rule["action"] == "SCMP_ACT_ALLOW" && names.iter().any(|name| name == never)
        });
        assert!(!admitted, "{never} is admitted to whoever has no capability");
    }
}

#[test]
fn the_health_check_of_the_image_asks_a_broker() {
    let file = read("container/Containerfile");
    assert!(file.contains("VOLUME /var/lib/corelane") && file.contains("USER corelane"));
    let line = file
        .lines()
        .find_map(|line| line.trim().strip_prefix("CMD [\"bash\""))
        .expect("a health check");
    let command: Vec<String> = serde_json::from_str(&format!("[\"bash\"{line}")).expect("an array of words");
    let port = free_port();
    let listener = format!("HTTP://127.0.0.1:{port}");
    let mut broker = Broker::start_with("deploy-health", 1, &[("metrics.listeners", &listener)]);
    let script = command[2].replace("9644", &port.to_string());
    let check = || {
        Command::new(&command[0])
            .args(["-c", &script])
            .stderr(Stdio::null())
            .status()
            .expect("bash")
            .success()
    };
    assert!(check(), "a broker that is well");
    broker.kill();
    assert!(!check(), "a broker that is gone");
}
