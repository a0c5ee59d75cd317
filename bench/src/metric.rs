//! The figures of a round that are compared: one table. Names are used in rows files, titles as headings.

use crate::{
    latency::Summary,
    result::{Round, RunResult, SideResult},
};

pub struct Metric {
    pub name: &'static str,
    pub title: &'static str,
    pub unit: &'static str,
    pub is_less_better: bool,
    pub of: fn(&Round) -> Option<f64>,
}

macro_rules! metrics {
    ($($name:literal, $title:literal, $unit:literal, $better:ident, $of:expr;)*) => {
        pub const METRICS: &[Metric] = &[$(Metric {
            name: $name,
            title: $title,
            unit: $unit,
            is_less_better: metrics!(@ $better),
            of: $of,
        }),*];
    };
    (@ less) => { true };
    (@ more) => { false };
}

metrics! {
    "produce.p50",      "produce p50",          "ms",        less, |round| produced(round, |latency| latency.p50_us / 1e3);
    "produce.p99",      "produce p99",          "ms",        less, |round| produced(round, |latency| latency.p99_us / 1e3);
    "produce.p999",     "produce p99.9",        "ms",        less, |round| produced(round, |latency| latency.p999_us / 1e3);
    "produce.max",      "produce max",          "ms",        less, |round| produced(round, |latency| latency.max_us / 1e3);
    "produce.records",  "produced",             "records/s", more, |round| Some(round.produced.as_ref()?.records_per_second);
    "produce.mb",       "produced",             "MB/s",      more, |round| Some(round.produced.as_ref()?.mb_per_second);
    "produce.requests", "produce requests",     "1/s",       more, |round| Some(round.produced.as_ref()?.requests_per_second);
    "deliver.p50",      "end-to-end p50",       "ms",        less, |round| delivered(round, |latency| latency.p50_us / 1e3);
    "deliver.p99",      "end-to-end p99",       "ms",        less, |round| delivered(round, |latency| latency.p99_us / 1e3);
    "deliver.p999",     "end-to-end p99.9",     "ms",        less, |round| delivered(round, |latency| latency.p999_us / 1e3);
    "deliver.max",      "end-to-end max",       "ms",        less, |round| delivered(round, |latency| latency.max_us / 1e3);
    "replay.mb",        "read",                 "MB/s",      more, |round| Some(round.replayed.as_ref()?.mb_per_second);
    "replay.records",   "read",                 "records/s", more, |round| Some(round.replayed.as_ref()?.records_per_second);
    "cpu.record",       "server CPU per record", "µs",       less, |round| per(cpu(round)? * 1e6, records(round));
    "cpu.gib",          "server CPU per GiB",   "s",         less, |round| per(cpu(round)?, bytes(round) / f64::from(1 << 30));
    "cpu.share",        "server CPU",           "%",         less, |round| per(cpu(round)? * 100.0, round.seconds);
    "memory",           "server memory",        "MiB",       less, |round| Some(round.server?.rss_bytes as f64 / f64::from(1 << 20));
    "others.cpu",       "CPU of other targets", "%",         less, |round| per(round.others_cpu_seconds? * 100.0, round.seconds);
    "client.cpu",       "client CPU",           "%",         less, |round| per(round.client_cpu_seconds * 100.0, round.seconds);
    "client.lateness",  "client late p99.9",    "ms",        less, |round| Some(round.lateness.as_ref()?.p999_us / 1e3);
}

impl Metric {
    pub fn named(name: &str) -> Result<&'static Metric, String> {
        METRICS.iter().find(|metric| metric.name == name).ok_or_else(|| {
            let names: Vec<&str> = METRICS.iter().map(|metric| metric.name).collect();
            format!("there is no metric {name:?}; there is {}", names.join(", "))
        })
    }

    /// The values of a target, round by round.
    pub fn values(&self, result: &RunResult, target: &str) -> Vec<f64> {
        result.rounds_of(target).filter_map(self.of).collect()
    }
}

fn produced(round: &Round, of: fn(&Summary) -> f64) -> Option<f64> {
    round.produced.as_ref()?.latency.as_ref().map(of)
}

fn delivered(round: &Round, of: fn(&Summary) -> f64) -> Option<f64> {
    round.delivered.as_ref()?.latency.as_ref().map(of)
}

fn cpu(round: &Round) -> Option<f64> {
    round.server.map(|server| server.cpu_seconds)
}

/// What the server's CPU time is divided by: what went in, or, of a pure reader, what came out.
fn main_side(round: &Round) -> Option<&SideResult> {
    round.produced.as_ref().or(round.replayed.as_ref())
}

fn records(round: &Round) -> f64 {
    main_side(round).map_or(0.0, |side| side.records as f64)
}

fn bytes(round: &Round) -> f64 {
    main_side(round).map_or(0.0, |side| side.bytes as f64)
}

fn per(value: f64, by: f64) -> Option<f64> {
    (by > 0.0).then(|| value / by)
}
