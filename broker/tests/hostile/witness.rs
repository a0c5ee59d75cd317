//! A client that behaves: produces, fetches what it produced, and counts. That it gets on is what the others must not prevent.
//! How long it waited is told, for people to read; no test judges by it.

use std::panic::resume_unwind;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::harness::wait_until;
use crate::harness::wire::Wire;

/// Longer than anything takes on a loaded machine; no measure of speed.
const LIMIT: Duration = Duration::from_secs(60);
/// Rounds that count as getting on.
const ROUNDS: u64 = 3;

pub struct Witness {
    rounds: Arc<AtomicU64>,
    /// Of the rounds since it last told.
    took: Arc<Mutex<Vec<Duration>>>,
    told_to_stop: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

impl Witness {
    pub fn start(port: u16) -> Witness {
        let (rounds, told_to_stop) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
        let (count, stop) = (rounds.clone(), told_to_stop.clone());
        let took = Arc::new(Mutex::new(Vec::new()));
        let times = took.clone();
        let thread = std::thread::spawn(move || {
            let mut wire = Wire::connect(port);
            wire.create_topic("witness", 2);
            while !stop.load(Ordering::Relaxed) {
                let round = count.load(Ordering::Relaxed);
                let offset = (round / 2) as i64;
                let partition = (round % 2) as i32;
                let began = Instant::now();
                wire.send_produce("witness", partition, &round.to_be_bytes());
                assert_eq!(wire.produced_offset(), offset);
                wire.send_fetch("witness", partition, offset);
                assert_eq!(wire.fetched(), [(offset, round.to_be_bytes().to_vec())]);
                times.lock().expect("nothing panics under it").push(began.elapsed());
                count.store(round + 1, Ordering::Relaxed);
                // One of many clients, not a load.
                std::thread::sleep(Duration::from_millis(1));
            }
        });
        Witness {
            rounds,
            took,
            told_to_stop,
            thread,
        }
    }

    /// It is answered some more times from now on.
    pub fn gets_on(&self, what: &str, log: impl Fn() -> String) {
        self.gets_on_for(ROUNDS, what, log);
    }

    pub fn gets_on_for(&self, rounds: u64, what: &str, log: impl Fn() -> String) {
        let wanted = self.rounds.load(Ordering::Relaxed) + rounds;
        let done = wait_until(LIMIT, || {
            let is_there = self.rounds.load(Ordering::Relaxed) >= wanted;
            (is_there || self.thread.is_finished()).then_some(is_there)
        });
        assert_eq!(
            done,
            Some(true),
            "{what}: another client is not served any more\n{}",
            log()
        );
    }

    /// Prints how long its rounds since the last time took.
    pub fn tell(&self, what: &str) {
        let mut took = std::mem::take(&mut *self.took.lock().expect("nothing panics under it"));
        took.sort_unstable();
        let at = |part: f64| {
            took.get((took.len() as f64 * part) as usize)
                .or(took.last())
                .copied()
                .unwrap_or_default()
        };
        println!(
            "{what}: {} rounds of a produce and a fetch, p50 {:.2?}, p99 {:.2?}, slowest {:.2?}",
            took.len(),
            at(0.5),
            at(0.99),
            at(1.0)
        );
    }

    pub fn stop(self) {
        self.told_to_stop.store(true, Ordering::Relaxed);
        if let Err(panic) = self.thread.join() {
            resume_unwind(panic);
        }
    }
}
