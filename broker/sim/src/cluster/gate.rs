//! Many seeds over all cores, one after the other on each, until enough steps were made.

use std::{
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use super::{
    marks::Marks,
    plan::Plan,
    run::{Report, run},
    timeline::Micros,
};

/// What all seeds together gave.
#[derive(Debug, Default)]
pub struct Totals {
    pub seeds: u64,
    pub steps: u64,
    pub simulated: Micros,
    pub recovery_max: Micros,
    pub marks: Marks,
    /// Every seed's hash, so that two gates over the same seeds can be compared.
    pub hash: u64,
    pub failed: Vec<Report>,
    pub elapsed: Duration,
}

/// Seeds from `first` on, until `steps` were made or `seeds` were run. Ends early after `failures_max` failures.
pub struct Gate<'a> {
    pub first: u64,
    pub seeds: u64,
    pub steps: u64,
    pub threads: usize,
    pub failures_max: usize,
    pub plan: &'a (dyn Fn(u64) -> Plan + Sync),
}

impl Gate<'_> {
    pub fn run(&self) -> Totals {
        let started = Instant::now();
        let next = AtomicU64::new(self.first);
        let steps = AtomicU64::new(0);
        let totals = Mutex::new(Totals::default());
        std::thread::scope(|scope| {
            for _ in 0..self.threads {
                scope.spawn(|| self.work(&next, &steps, &totals));
            }
        });
        let mut totals = totals.into_inner().expect("no thread panicked");
        totals.failed.sort_by_key(|report| report.seed);
        totals.elapsed = started.elapsed();
        totals
    }

    fn work(&self, next: &AtomicU64, steps: &AtomicU64, totals: &Mutex<Totals>) {
        loop {
            let enough = steps.load(Ordering::Relaxed) >= self.steps;
            let failures = totals.lock().expect("no thread panicked").failed.len();
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if enough || failures >= self.failures_max || seed >= self.first.saturating_add(self.seeds) {
                return;
            }
            let report = run(&(self.plan)(seed), false);
            steps.fetch_add(report.steps, Ordering::Relaxed);
            totals.lock().expect("no thread panicked").add(report);
        }
    }
}

impl Totals {
    fn add(&mut self, report: Report) {
        self.seeds += 1;
        self.steps += report.steps;
        self.simulated += report.simulated;
        self.recovery_max = self.recovery_max.max(report.recovery);
        self.marks.add(&report.marks);
        // Order of seeds is the threads' affair, so the sum must not depend on it.
        self.hash = self.hash.wrapping_add(report.hash ^ report.seed);
        if report.violation.is_some() {
            self.failed.push(report);
        }
    }
}
