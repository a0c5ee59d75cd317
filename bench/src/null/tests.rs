//! Goal: what the null server does wrong on purpose is what the harness reports. A loaded machine makes everything
//! later, never earlier, so the bounds count what must be late and what must not be hidden, and leave the rest room.

use std::{
    sync::{Arc, atomic::AtomicBool, atomic::Ordering::Relaxed},
    thread::{self, JoinHandle},
    time::Duration,
};

use clap::{Args, FromArgMatches};

use super::{Faults, Server};
use crate::{
    clock::nanos,
    result::{Round, SideResult},
    run::run_once,
    settings::Settings,
    wire::Wait,
    words::Target,
};

const MS: u64 = 1_000_000;

struct Running {
    address: String,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Running {
    fn start(faults: Faults) -> Running {
        let server = Server::bind("127.0.0.1:0".parse().unwrap(), 64 << 20, faults).unwrap();
        let address = server.address().to_string();
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let thread = thread::spawn(move || server.run(Wait::Sleep, &stopped).unwrap());
        Running {
            address,
            stop,
            thread: Some(thread),
        }
    }

    fn load(&self, words: &[&str]) -> Round {
        let settings = settings(words);
        settings.check().unwrap();
        let target = Target {
            name: "null".to_owned(),
            address: self.address.clone(),
            topic_configs: Vec::new(),
            note: String::new(),
        };
        run_once(&settings, &target).unwrap()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop.store(true, Relaxed);
        if let Some(Err(panic)) = self.thread.take().map(JoinHandle::join)
            && !thread::panicking()
        {
            std::panic::resume_unwind(panic);
        }
    }
}

fn settings(words: &[&str]) -> Settings {
    let command = Settings::augment_args(clap::Command::new("test"));
    let words = ["test", "--warm-up", "0"].iter().chain(words);
    Settings::from_arg_matches(&command.get_matches_from(words)).unwrap()
}

fn late(side: &SideResult, least: u64) -> u64 {
    // A bucket's value is its upper end; a part of a thousand is its width.
    side.buckets
        .iter()
        .filter(|(latency, _)| *latency >= least)
        .map(|(_, count)| count)
        .sum()
}

#[test]
fn a_known_delay_is_reported() {
    let server = Running::start(Faults {
        delay: 200 * MS,
        delay_every: 4,
        ..Faults::default()
    });
    let round = server.load(&["--seconds", "3", "--in-flight", "1", "--batch-records", "1"]);
    let side = round.produced.unwrap();
    let latency = side.latency.as_ref().unwrap();
    // Every fourth answer was held back, and no other: at least a quarter is late, and not all are.
    let late = late(&side, 200 * MS);
    assert!(late >= latency.count / 4 && late > 0, "{late} of {}", latency.count);
    assert!(late <= latency.count / 2, "{late} of {}", latency.count);
    assert_eq!(round.errors.len() as u64 + round.unanswered, 0);
}

#[test]
fn every_answer_late_is_every_latency_late() {
    let server = Running::start(Faults {
        delay: 20 * MS,
        delay_every: 1,
        ..Faults::default()
    });
    let round = server.load(&["--seconds", "1", "--rate", "200"]);
    let side = round.produced.unwrap();
    assert_eq!(side.latency.as_ref().unwrap().count, 200);
    assert_eq!(late(&side, 20 * MS), 200);
}

/// Every record that does not fit any more begins a batch of the next partition, and no batch goes before it is full.
#[test]
fn a_closed_loop_sends_full_batches() {
    for (batch_bytes, records) in [("16KiB", 15), ("1MiB", 1014)] {
        let server = Running::start(Faults::default());
        let words = ["--seconds", "0.5", "--partitions", "4", "--record-bytes", "1KiB"];
        let round = server.load(&[&words[..], &["--batch-bytes", batch_bytes, "--request-batches", "1"]].concat());
        let side = round.produced.unwrap();
        assert!(side.requests > 0);
        assert_eq!(
            side.records,
            records * side.requests,
            "{batch_bytes} in {} requests",
            side.requests
        );
        // Of a batch of every partition in each request, just as many are in each.
        let round = server.load(&[&words[..], &["--batch-bytes", batch_bytes, "--request-bytes", "8MiB"]].concat());
        let side = round.produced.unwrap();
        assert!(side.requests > 0);
        assert_eq!(
            side.records,
            4 * records * side.requests,
            "{batch_bytes} in {} requests",
            side.requests
        );
    }
}

/// Coordinated omission: a client that waits for its answer before it sends the next would see one late answer only.
#[test]
fn a_stall_is_not_hidden_in_an_open_loop() {
    let faults = Faults {
        stall: nanos(Duration::from_secs(1)),
        stall_after: 500 * MS,
        ..Faults::default()
    };
    let words = ["--seconds", "3", "--in-flight", "1", "--batch-records", "1"];
    let open = Running::start(faults).load(&[&words[..], &["--rate", "1000"]].concat());
    let side = open.produced.unwrap();
    // Each record of that second was due at its own time: of a thousand, nine hundred waited for 100 ms or longer.
    assert_eq!(side.latency.as_ref().unwrap().count, 3000);
    assert!(late(&side, 100 * MS) >= 850, "{}", late(&side, 100 * MS));
    assert!(late(&side, 500 * MS) >= 450, "{}", late(&side, 500 * MS));
    assert!(side.latency.as_ref().unwrap().max_us >= 950_000.0);

    // The closed loop of the same tool shows what hiding looks like.
    let closed = Running::start(faults).load(&words).produced.unwrap();
    assert!(late(&closed, 500 * MS) <= 5, "{}", late(&closed, 500 * MS));
}

#[test]
fn a_stall_beyond_patience_counts_as_long_as_it_was_waited_for() {
    let server = Running::start(Faults {
        stall: nanos(Duration::from_secs(4)),
        stall_after: 100 * MS,
        ..Faults::default()
    });
    let round = server.load(&[
        "--seconds",
        "1",
        "--rate",
        "500",
        "--patience",
        "0.5",
        "--in-flight",
        "1",
    ]);
    let side = round.produced.unwrap();
    assert_eq!(
        side.latency.as_ref().unwrap().count,
        500,
        "every record that was due is in"
    );
    assert!(round.unanswered >= 200, "{}", round.unanswered);
    assert!(
        late(&side, 500 * MS) >= round.unanswered,
        "{} late",
        late(&side, 500 * MS)
    );
}

#[test]
fn everything_that_goes_in_comes_out_at_the_tail() {
    let server = Running::start(Faults::default());
    let words = [
        "--workload",
        "end-to-end",
        "--seconds",
        "1",
        "--rate",
        "3000",
        "--partitions",
        "7",
    ];
    let more = [
        "--producers",
        "3",
        "--consumers",
        "2",
        "--keys",
        "zipf:50",
        "--record-bytes",
        "uniform:16-600",
    ];
    for codec in ["none", "lz4"] {
        let round = server.load(&[&words[..], &more[..], &["--codec", codec, "--linger-us", "2000"]].concat());
        let (produced, delivered) = (round.produced.unwrap(), round.delivered.unwrap());
        assert_eq!(produced.latency.unwrap().count, 3000);
        assert_eq!(delivered.latency.unwrap().count, 3000, "{:?}", round.errors);
        assert_eq!(round.errors.len() as u64 + round.unanswered, 0);
    }
}

#[test]
fn a_replay_reads_what_was_filled_in_and_ends() {
    let server = Running::start(Faults::default());
    let words = [
        "--workload",
        "consume",
        "--fill",
        "8MiB",
        "--partitions",
        "5",
        "--consumers",
        "2",
    ];
    let round = server.load(&[&words[..], &["--fetch-partition-bytes", "100KiB", "--idempotence"]].concat());
    let replayed = round.replayed.unwrap();
    assert!(replayed.bytes >= 8 << 20, "{}", replayed.bytes);
    assert!(replayed.requests >= 5 && round.errors.is_empty(), "{:?}", round.errors);
    assert!(round.produced.is_none());
}

#[test]
fn mixed_replays_again_and_again_beside_the_tail() {
    let server = Running::start(Faults::default());
    let words = [
        "--workload",
        "mixed",
        "--fill",
        "1MiB",
        "--seconds",
        "1",
        "--rate",
        "500",
        "--partitions",
        "2",
    ];
    let round = server.load(&words);
    assert!(round.replayed.unwrap().bytes > 2 << 20);
    assert_eq!(round.delivered.unwrap().latency.unwrap().count, 500);
    assert!(round.errors.is_empty(), "{:?}", round.errors);
}

#[test]
fn acks_0_ends_though_nobody_answers() {
    let server = Running::start(Faults::default());
    let round = server.load(&["--seconds", "0.5", "--acks", "0", "--rate", "1000"]);
    assert_eq!(round.produced.unwrap().latency.unwrap().count, 500);
    assert_eq!(round.unanswered, 0);
}

#[test]
fn a_maximum_is_searched_and_used() {
    let server = Running::start(Faults {
        delay: 20 * MS,
        delay_every: 1,
        ..Faults::default()
    });
    let round = server.load(&["--seconds", "0.5", "--find-max", "--batch-records", "1"]);
    // With every answer 20 ms late, twice in flight is twice as much for a long way.
    assert!(round.in_flight >= 4, "{}", round.in_flight);
}
