//! One round on one target: a topic of its own, filled if the load reads, the load, its figures.

use std::{fs, io};

use super::{
    clients::Plan,
    measure::{Measured, measure},
    progress::Progress,
    rest::sync,
    topic::Topic,
};
use crate::{
    clock::{self, Nanos, seconds},
    load::{BIN, Position, Side, Times},
    result::{Round, ServerResult, SideResult},
    settings::{Acks, Settings, Workload},
    words::{ByteCount, Keys, Size, Target},
};

/// Time for all threads to stand ready before the first record is due.
const READY: Nanos = 100_000_000;
/// Longest time that filling, or reading what was filled, may take.
const FILL_MAX: Nanos = 3_600_000_000_000;
/// A search grows the requests in flight up to this.
const IN_FLIGHT_MAX: u16 = 256;
/// What more in flight must gain to be tried further.
const GAIN_MIN: f64 = 1.05;
/// More than Kafka's `log.index.interval.bytes`.
const TOUCH_BYTES: ByteCount = ByteCount(5000);
/// Less than its `socket.request.max.bytes`.
const TOUCH_REQUEST_BYTES: ByteCount = ByteCount(64 << 20);
const PROBE: Nanos = 2_000_000_000;
const PROBE_WARM_UP: Nanos = 500_000_000;

/// How long the parts of a load take.
struct Span {
    /// Whether there are producers to stop at the end; else the load is over when all is read.
    has_load: bool,
    warm_up: Nanos,
    measured: Nanos,
    patience: Nanos,
    bytes_max: u64,
}

impl Span {
    fn times(&self, begin: Nanos) -> Times {
        let window = begin + self.warm_up..begin + self.warm_up + self.measured;
        Times {
            begin,
            load_end: if self.has_load { window.end } else { begin },
            patience_end: window.end + self.patience,
            window,
            bytes_max: self.bytes_max,
        }
    }
}

/// Who is measured in this round, and who else is there.
pub struct Subject<'a> {
    pub target: &'a Target,
    pub pid: Option<u32>,
    pub other_pids: Vec<u32>,
}

impl Subject<'_> {
    /// Whoever is measured first.
    pub fn all_pids(&self) -> Vec<u32> {
        self.pid.into_iter().chain(self.other_pids.iter().copied()).collect()
    }
}

pub struct RoundRun<'a> {
    settings: &'a Settings,
    subject: &'a Subject<'a>,
    topic: Topic,
    stamp: u64,
    progress: Progress,
}

/// Runs it and deletes the topic, also when it fails; with `one_topic`, a topic that is in `kept` is used and left there.
pub fn run_round(
    settings: &Settings,
    subject: &Subject<'_>,
    what: String,
    stamp: u64,
    kept: &mut Option<Topic>,
) -> io::Result<Round> {
    let is_new = kept.is_none();
    let topic = match kept.take() {
        Some(topic) => topic,
        None => {
            let name = format!("corelane-bench-{stamp:016x}");
            Topic::create(subject.target, name, settings.partitions, settings.replication_factor)?
        }
    };
    let mut run = RoundRun {
        settings,
        subject,
        topic,
        stamp,
        progress: Progress::new(what),
    };
    let result = run.prepare(is_new).and_then(|()| run.run());
    match &result {
        Ok(round) => run.progress.finish(&round.describe()),
        Err(error) => run.progress.finish(&format!("failed: {error}")),
    }
    if settings.one_topic && result.is_ok() {
        *kept = Some(run.topic);
        return result;
    }
    let deleted = run.topic.delete();
    result.and_then(|round| deleted.map(|()| round))
}

impl RoundRun<'_> {
    /// What there must be before the load.
    fn prepare(&mut self, is_new: bool) -> io::Result<()> {
        if self.settings.has_replay() {
            self.fill()?;
            if self.settings.drop_caches {
                drop_caches()?;
            }
        } else if is_new {
            self.touch()?;
        }
        Ok(())
    }

    fn run(&mut self) -> io::Result<Round> {
        let in_flight = if self.settings.find_max {
            self.find_max()?
        } else {
            self.settings.in_flight
        };
        let settings = self.settings;
        let is_consume = settings.workload == Workload::Consume;
        let span = Span {
            has_load: !is_consume,
            warm_up: if is_consume { 0 } else { nanos(settings.warm_up) },
            measured: if is_consume { FILL_MAX } else { nanos(settings.seconds) },
            patience: nanos(settings.patience),
            bytes_max: u64::MAX,
        };
        let (times, mut measured) = self.load(settings, in_flight, &span)?;
        if settings.has_tail() && measured.tally.received < measured.tally.acknowledged {
            let lost = measured.tally.acknowledged - measured.tally.received;
            measured
                .tally
                .error("acknowledged, but never came out at the tail", lost);
        }
        Ok(self.figures(in_flight, &times, measured))
    }

    /// Two records to each partition, all the first ones in one request. The beginning of a partition is dear to some
    /// brokers: files are opened, checkpoints written, and once there are 4 KiB, indexes are begun. All of that happens
    /// once in the life of a log file, so it is not in the figures.
    fn touch(&mut self) -> io::Result<()> {
        let settings = Settings {
            workload: Workload::Produce,
            rate: None,
            producers: 1,
            keys: Keys::None,
            record_bytes: Size::Fixed(TOUCH_BYTES),
            batch_records: Some(1),
            request_batches: None,
            request_bytes: TOUCH_REQUEST_BYTES,
            buffer_bytes: TOUCH_REQUEST_BYTES,
            acks: Acks::All,
            ..self.settings.clone()
        };
        let span = Span {
            has_load: true,
            warm_up: 0,
            measured: FILL_MAX,
            patience: 0,
            // The second time every partition has had its record, and not the first.
            bytes_max: 2 * u64::from(settings.partitions) * TOUCH_BYTES.0,
        };
        let (_, measured) = self.load(&settings, 1, &span)?;
        refused(&measured, "the first records of each partition")
    }

    /// Closed loop of the same producers until the topic has what will be read.
    fn fill(&mut self) -> io::Result<()> {
        let settings = Settings {
            workload: Workload::Produce,
            rate: None,
            ..self.settings.clone()
        };
        let filling = settings.threads().min(usize::from(settings.producers));
        let span = Span {
            has_load: true,
            warm_up: 0,
            measured: FILL_MAX,
            patience: 0,
            bytes_max: (settings.fill.0 / filling as u64).max(1),
        };
        let (_, measured) = self.load(&settings, settings.in_flight, &span)?;
        refused(&measured, "filling the topic")
    }

    /// The number in flight after which doubling it gains next to nothing.
    fn find_max(&mut self) -> io::Result<u16> {
        let mut best = (1, 0.0);
        let mut in_flight = 1;
        while in_flight <= IN_FLIGHT_MAX {
            let settings = Settings {
                workload: Workload::Produce,
                ..self.settings.clone()
            };
            let span = Span {
                has_load: true,
                warm_up: PROBE_WARM_UP.min(nanos(settings.warm_up)),
                measured: PROBE.min(nanos(settings.seconds)),
                patience: FILL_MAX,
                bytes_max: u64::MAX,
            };
            let (_, measured) = self.load(&settings, in_flight, &span)?;
            let rate = measured.tally.produced.bytes as f64;
            if rate < best.1 * GAIN_MIN {
                break;
            }
            best = (in_flight, rate);
            in_flight *= 2;
        }
        Ok(best.0)
    }

    fn load(&mut self, settings: &Settings, in_flight: u16, span: &Span) -> io::Result<(Times, Measured)> {
        let plan = Plan {
            settings,
            in_flight: usize::from(in_flight),
            stamp: self.stamp,
            producers: if settings.has_producers() {
                usize::from(settings.producers)
            } else {
                0
            },
            tails: if settings.has_tail() {
                usize::from(settings.consumers)
            } else {
                0
            },
            replays: if settings.has_replay() {
                usize::from(settings.consumers)
            } else {
                0
            },
            replay: if settings.workload == Workload::Mixed {
                Position::ReplayAgain
            } else {
                Position::Replay
            },
            ends: self.topic.ends()?,
        };
        let mut clients = plan.connect(&mut self.topic)?;
        let times = span.times(clock::now() + READY);
        plan.schedule(&mut clients, times.begin..times.load_end);
        let pids: Vec<Option<u32>> = std::iter::once(self.subject.pid)
            .chain(self.subject.other_pids.iter().copied().map(Some))
            .collect();
        let cpus = &settings.client_cpus;
        let measured = measure(clients, &times, settings.wait, cpus, &pids, &mut self.progress)?;
        Ok((times, measured))
    }

    fn figures(&self, in_flight: u16, times: &Times, measured: Measured) -> Round {
        let Measured { tally, usages } = measured;
        let is_consume = self.settings.workload == Workload::Consume;
        let end = if is_consume { tally.finished } else { times.window.end };
        let time = seconds(end - times.window.start);
        let side = |side: &Side, wanted: bool| wanted.then(|| SideResult::of(side, time));
        // Of nobody, nothing is known either.
        let others: Option<Vec<_>> = usages[1..].iter().copied().collect();
        let others = others.filter(|others| !others.is_empty());
        Round {
            target: self.subject.target.name.clone(),
            seconds: time,
            in_flight,
            produced: side(&tally.produced, self.settings.has_producers()),
            delivered: side(&tally.delivered, self.settings.has_tail()),
            replayed: side(&tally.replayed, self.settings.has_replay()),
            lateness: (!tally.lateness.is_empty()).then(|| tally.lateness.summary()),
            errors: tally.errors,
            unanswered: tally.unanswered,
            client_cpu_seconds: seconds(tally.cpu),
            server: usages[0].map(|usage| ServerResult {
                cpu_seconds: usage.cpu_seconds,
                rss_bytes: usage.rss_bytes,
            }),
            others_cpu_seconds: others.map(|others| others.iter().map(|usage| usage.cpu_seconds).sum()),
            ..Default::default()
        }
    }
}

/// A load that only prepares must go through whole.
fn refused(measured: &Measured, what: &str) -> io::Result<()> {
    match measured.tally.errors.iter().next() {
        Some((error, records)) => Err(io::Error::other(format!("{what}: {error}, {records} records"))),
        None => Ok(()),
    }
}

fn nanos(seconds: f64) -> Nanos {
    (seconds * 1e9) as Nanos
}

/// Clean pages only can be dropped, so everything is written back first; for a server that has written its log
/// itself, this changes nothing.
fn drop_caches() -> io::Result<()> {
    let path = "/proc/sys/vm/drop_caches";
    sync()?;
    fs::write(path, "3").map_err(|error| io::Error::new(error.kind(), format!("--drop-caches: {path}: {error}")))
}

impl SideResult {
    fn of(side: &Side, time: f64) -> SideResult {
        let per_second = |count: u64| count as f64 / time.max(1e-9);
        SideResult {
            records: side.records,
            bytes: side.bytes,
            requests: side.requests,
            records_per_second: per_second(side.records),
            mb_per_second: per_second(side.bytes) / 1e6,
            requests_per_second: per_second(side.requests),
            latency: (!side.latency.is_empty()).then(|| side.latency.summary()),
            buckets: side.latency.buckets(),
            step: seconds(BIN),
            records_over_time: side.bins.iter().map(|bin| bin.records).collect(),
            bytes_over_time: side.bins.iter().map(|bin| bin.bytes).collect(),
            latency_max_us_over_time: side.bins.iter().map(|bin| bin.latency_max as f64 / 1e3).collect(),
        }
    }
}
