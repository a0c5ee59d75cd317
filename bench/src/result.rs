//! The file that a run leaves: all that is needed to draw it, to compare it and to do it again.
//!
//! Times are seconds, latencies microseconds, except in `buckets`, which are nanoseconds. Bytes are those of record
//! batches as they go over the wire; a megabyte is 1,000,000.

use std::{collections::BTreeMap, fs, io, path::Path};

use serde::{Deserialize, Serialize};

use crate::{
    floor::Floors,
    latency::{Buckets, Latencies, Summary},
    machine::Machine,
    settings::Settings,
    spread::{Spread, number},
    words::Target,
};

/// Of the file; a reader refuses others.
pub const FORMAT: u32 = 1;

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RunResult {
    pub format: u32,
    pub title: String,
    pub tool_version: String,
    /// Seconds since 1970.
    pub began: u64,
    pub command_line: Vec<String>,
    pub settings: Settings,
    pub machine: Machine,
    /// Over all rounds; bandwidth before them.
    pub floors: Floors,
    /// The same load against a server that does nothing: what the harness itself costs, and how far it can go.
    pub harness_limit: Option<Round>,
    pub targets: Vec<Target>,
    /// In the order in which they ran.
    pub rounds: Vec<Round>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Round {
    pub target: String,
    pub round: u16,
    /// Seconds since the run began.
    pub at: f64,
    /// Just before this round.
    #[serde(default)]
    pub floors: Floors,
    /// Measured seconds.
    pub seconds: f64,
    pub in_flight: u16,
    pub produced: Option<SideResult>,
    pub delivered: Option<SideResult>,
    pub replayed: Option<SideResult>,
    /// How late the harness was itself at taking records that were due.
    pub lateness: Option<Summary>,
    pub errors: BTreeMap<String, u64>,
    pub unanswered: u64,
    pub client_cpu_seconds: f64,
    pub server: Option<ServerResult>,
    /// CPU that the other targets' processes used meanwhile, as far as they are known.
    pub others_cpu_seconds: Option<f64>,
    /// Why there are no figures.
    pub failure: Option<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct SideResult {
    pub records: u64,
    pub bytes: u64,
    pub requests: u64,
    pub records_per_second: f64,
    pub mb_per_second: f64,
    pub requests_per_second: f64,
    pub latency: Option<Summary>,
    pub buckets: Buckets,
    /// Seconds of a step of the curves below.
    pub step: f64,
    pub records_over_time: Vec<u64>,
    pub bytes_over_time: Vec<u64>,
    pub latency_max_us_over_time: Vec<f64>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ServerResult {
    pub cpu_seconds: f64,
    /// At the end of the measured time.
    pub rss_bytes: u64,
}

/// Which side of a round is looked at.
pub type SideOf = fn(&Round) -> Option<&SideResult>;

impl RunResult {
    pub fn read(path: &Path) -> io::Result<RunResult> {
        let fail = |why: String| io::Error::other(format!("{}: {why}", path.display()));
        let text = fs::read_to_string(path).map_err(|error| fail(error.to_string()))?;
        let value: serde_json::Value = serde_json::from_str(&text).map_err(|error| fail(error.to_string()))?;
        match value.get("format").and_then(serde_json::Value::as_u64) {
            Some(format) if format == u64::from(FORMAT) => {}
            Some(format) => return Err(fail(format!("format {format} is not {FORMAT}, which this tool reads"))),
            None => return Err(fail("no result of corelane-bench run".to_owned())),
        }
        serde_json::from_value(value).map_err(|error| fail(error.to_string()))
    }

    pub fn write(&self, path: &Path) -> io::Result<()> {
        fs::write(path, serde_json::to_string(self)?)
    }

    /// Rounds of this target that have figures.
    pub fn rounds_of<'a>(&'a self, target: &'a str) -> impl Iterator<Item = &'a Round> {
        self.rounds
            .iter()
            .filter(move |round| round.target == target && round.failure.is_none())
    }

    /// A line for each floor that was looked at, for people: over all rounds, with how far it drifted between them.
    pub fn describe_floors(&self) -> Vec<String> {
        type FloorOf = fn(&Floors) -> Option<&Summary>;
        let floors: [(&str, FloorOf); 2] = [
            ("F (4 KiB write + flush)", |floors| floors.commit_4k.as_ref()),
            ("loopback round trip", |floors| floors.loopback_round_trip.as_ref()),
        ];
        let mut lines = Vec::new();
        for (name, of) in floors {
            let Some(all) = of(&self.floors) else { continue };
            let by_round: Vec<f64> = self
                .rounds
                .iter()
                .filter_map(|round| Some(of(&round.floors)?.p50_us))
                .collect();
            let drift = Spread::of(&by_round)
                .map(|by_round| format!(" ({} – {} by round)", number(by_round.low), number(by_round.high)))
                .unwrap_or_default();
            lines.push(format!(
                "{name}: p50 {} µs{drift}, p99 {} µs",
                number(all.p50_us),
                number(all.p99_us)
            ));
        }
        if let Some(bandwidth) = &self.floors.bandwidth {
            let (write, read) = (bandwidth.write_1m_mb_per_second, bandwidth.read_1m_mb_per_second);
            lines.push(format!(
                "disk: {} MB/s write, {} MB/s read",
                number(write),
                number(read)
            ));
        }
        lines
    }

    /// All latencies of a target, its rounds together. `side` chooses which.
    pub fn latencies(&self, target: &str, side: SideOf) -> Latencies {
        let mut all = Latencies::default();
        self.rounds_of(target)
            .filter_map(side)
            .for_each(|side| all.add_buckets(&side.buckets));
        all
    }
}

impl Round {
    /// Whether all that was asked for was answered: only then its figures are those of the load.
    pub fn is_whole(&self) -> bool {
        self.failure.is_none() && self.errors.is_empty() && self.unanswered == 0
    }

    /// One line for people.
    pub fn describe(&self) -> String {
        if let Some(failure) = &self.failure {
            return format!("failed: {failure}");
        }
        let mut parts = Vec::new();
        let sides = [
            ("produced", &self.produced),
            ("delivered", &self.delivered),
            ("replayed", &self.replayed),
        ];
        for (name, side) in sides {
            let Some(side) = side else { continue };
            let mut part = format!(
                "{name} {:.0} records/s, {:.1} MB/s",
                side.records_per_second, side.mb_per_second
            );
            if let Some(latency) = &side.latency {
                let ms = |us: f64| us / 1000.0;
                part += &format!(
                    ", p50 {:.3} p99 {:.3} p99.9 {:.3} max {:.1} ms",
                    ms(latency.p50_us),
                    ms(latency.p99_us),
                    ms(latency.p999_us),
                    ms(latency.max_us)
                );
            }
            parts.push(part);
        }
        let errors: u64 = self.errors.values().sum();
        if errors > 0 {
            let names: Vec<String> = self
                .errors
                .iter()
                .map(|(name, count)| format!("{name} × {count}"))
                .collect();
            parts.push(format!("{errors} errors: {}", names.join(", ")));
        }
        if self.unanswered > 0 {
            parts.push(format!("{} records unanswered", self.unanswered));
        }
        parts.join("; ")
    }
}
