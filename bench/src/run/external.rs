//! A target that does not speak Kafka, loaded by a program that speaks what it does.
//!
//! The program gets what the load is as one JSON object on standard input, and runs on the clients' CPUs. It prints
//! `begin` and `end` when the measured time does so, and then one JSON object with what it has counted. Rounds, floors,
//! rest, the server's CPU, tables and figures are those of every other target.

use std::{
    collections::BTreeMap,
    io::{self, BufRead, BufReader, Write},
    process::{Child, Command, Stdio},
    thread,
};

use serde::{Deserialize, Serialize};

use super::{progress::Progress, round::Subject};
use crate::{
    clock::seconds,
    cpu::{self, Usage},
    latency::{Buckets, Latencies},
    load::BIN,
    result::{Round, ServerResult, SideResult},
    settings::{Settings, Workload},
};

/// What the program is asked for.
#[derive(Serialize)]
struct Order {
    rate: Option<f64>,
    producers: u16,
    partitions: u32,
    /// Records that a producer of a closed loop keeps under way: as many as would be in its batches.
    outstanding: u64,
    record_bytes: u64,
    random_percent: u8,
    warm_up: f64,
    seconds: f64,
    patience: f64,
    step_seconds: f64,
}

#[derive(Deserialize)]
struct Counted {
    produced: CountedSide,
    lateness: Buckets,
    errors: BTreeMap<String, u64>,
    unanswered: u64,
    client_cpu_seconds: f64,
}

#[derive(Deserialize)]
struct CountedSide {
    records: u64,
    bytes: u64,
    buckets: Buckets,
    records_over_time: Vec<u64>,
    bytes_over_time: Vec<u64>,
    latency_max_us_over_time: Vec<f64>,
}

/// One round.
///
/// # Errors
/// When the program does not run, says that it cannot, or says what is not understood.
pub fn run_external(settings: &Settings, subject: &Subject<'_>, program: &str, what: String) -> io::Result<Round> {
    let mut progress = Progress::new(what);
    let result = run(settings, subject, program);
    match &result {
        Ok(round) => progress.finish(&round.describe()),
        Err(error) => progress.finish(&format!("failed: {error}")),
    }
    result
}

fn run(settings: &Settings, subject: &Subject<'_>, program: &str) -> io::Result<Round> {
    if settings.workload != Workload::Produce || settings.find_max {
        return Err(io::Error::other(format!(
            "{program} can only produce, at a rate or with so much in flight"
        )));
    }
    let mut child = spawn(settings, subject, program)?;
    let result = watch(settings, subject, &mut child);
    if result.is_err() {
        // It may be through already.
        let _ = child.kill();
    }
    let status = child.wait()?;
    match result {
        Ok(round) if status.success() => Ok(round),
        Ok(_) => Err(io::Error::other(format!("{program}: {status}"))),
        Err(error) => Err(io::Error::other(format!("{program}: {error}"))),
    }
}

fn spawn(settings: &Settings, subject: &Subject<'_>, program: &str) -> io::Result<Child> {
    let mut command = Command::new(program);
    for (key, value) in &subject.target.topic_configs {
        command.arg(format!("--{key}={value}"));
    }
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    let named = |error: io::Error| io::Error::new(error.kind(), format!("{program}: {error}"));
    // A child stays on the CPUs of the thread that makes it.
    thread::scope(|scope| {
        let spawner = scope.spawn(|| {
            if !settings.client_cpus.is_empty() {
                cpu::pin(&settings.client_cpus)?;
            }
            command.spawn().map_err(named)
        });
        spawner
            .join()
            .map_err(|_| io::Error::other("starting a program panicked"))?
    })
}

fn watch(settings: &Settings, subject: &Subject<'_>, child: &mut Child) -> io::Result<Round> {
    let mut stdin = child
        .stdin
        .take()
        .ok_or_else(|| io::Error::other("no standard input"))?;
    let stdout = child
        .stdout
        .take()
        .ok_or_else(|| io::Error::other("no standard output"))?;
    stdin.write_all(serde_json::to_string(&order(settings))?.as_bytes())?;
    drop(stdin);
    let mut lines = BufReader::new(stdout).lines();
    let mut expect = |words: &str| match lines.next().transpose()? {
        Some(line) if words.is_empty() || line == words => Ok(line),
        Some(line) => Err(io::Error::other(format!("says {line:?} instead of {words:?}"))),
        None => Err(io::Error::other("ended without a result")),
    };
    let usage = |pid: u32| Usage::of(pid).unwrap_or_default();
    let used_by_others = || {
        subject
            .other_pids
            .iter()
            .map(|pid| usage(*pid).cpu_seconds)
            .sum::<f64>()
    };
    expect("begin")?;
    let (before, others_before) = (subject.pid.map(usage), used_by_others());
    expect("end")?;
    let (after, others_after) = (subject.pid.map(usage), used_by_others());
    let counted: Counted = serde_json::from_str(&expect("")?)?;
    let server = before.zip(after).map(|(before, after)| ServerResult {
        cpu_seconds: after.cpu_seconds - before.cpu_seconds,
        rss_bytes: after.rss_bytes,
    });
    let lateness = latencies(&counted.lateness);
    Ok(Round {
        seconds: settings.seconds,
        in_flight: settings.in_flight,
        produced: Some(counted.produced.result(settings.seconds)),
        lateness: (!lateness.is_empty()).then(|| lateness.summary()),
        errors: counted.errors,
        unanswered: counted.unanswered,
        client_cpu_seconds: counted.client_cpu_seconds,
        server,
        others_cpu_seconds: (!subject.other_pids.is_empty()).then_some(others_after - others_before),
        ..Default::default()
    })
}

fn order(settings: &Settings) -> Order {
    let record_bytes = settings.record_bytes.most();
    let of_a_batch =
        (settings.batch_bytes.0 / record_bytes).clamp(1, settings.batch_records.unwrap_or(u32::MAX).into());
    Order {
        rate: settings.rate,
        producers: settings.producers,
        partitions: settings.partitions,
        outstanding: of_a_batch * u64::from(settings.in_flight),
        record_bytes,
        random_percent: settings.random_percent,
        warm_up: settings.warm_up,
        seconds: settings.seconds,
        patience: settings.patience,
        step_seconds: seconds(BIN),
    }
}

impl CountedSide {
    /// Every record is a request of its own.
    fn result(self, time: f64) -> SideResult {
        let per_second = |count: u64| count as f64 / time.max(1e-9);
        let latencies = latencies(&self.buckets);
        SideResult {
            records: self.records,
            bytes: self.bytes,
            requests: self.records,
            records_per_second: per_second(self.records),
            mb_per_second: per_second(self.bytes) / 1e6,
            requests_per_second: per_second(self.records),
            latency: (!latencies.is_empty()).then(|| latencies.summary()),
            buckets: latencies.buckets(),
            step: seconds(BIN),
            records_over_time: self.records_over_time,
            bytes_over_time: self.bytes_over_time,
            latency_max_us_over_time: self.latency_max_us_over_time,
        }
    }
}

fn latencies(buckets: &Buckets) -> Latencies {
    let mut latencies = Latencies::default();
    latencies.add_buckets(buckets);
    latencies
}
