//! What a run shows while it goes on: one line on standard error, rewritten on a terminal, and every ten seconds
//! elsewhere.

use std::{
    io::{IsTerminal, Write, stderr},
    sync::atomic::Ordering::Relaxed,
    time::{Duration, Instant},
};

use crate::load::Shared;

const LINE_EVERY: Duration = Duration::from_secs(10);

pub struct Progress {
    what: String,
    is_terminal: bool,
    last: Instant,
    shown: Instant,
    acknowledged: u64,
    acknowledged_bytes: u64,
    replayed_bytes: u64,
}

impl Progress {
    pub fn new(what: String) -> Progress {
        let now = Instant::now();
        Progress {
            what,
            is_terminal: stderr().is_terminal(),
            last: now,
            shown: now,
            acknowledged: 0,
            acknowledged_bytes: 0,
            replayed_bytes: 0,
        }
    }

    /// Shows how it stands, with what happened since the last time.
    pub fn show(&mut self, phase: &str, shared: &Shared) {
        let every = if self.is_terminal { Duration::ZERO } else { LINE_EVERY };
        if self.shown.elapsed() < every {
            return;
        }
        self.shown = Instant::now();
        let seconds = self.last.elapsed().as_secs_f64().max(1e-3);
        self.last = Instant::now();
        let since = |now: u64, before: &mut u64| {
            let gained = gained(now, std::mem::replace(before, now));
            gained as f64 / seconds
        };
        let records = since(shared.acknowledged.load(Relaxed), &mut self.acknowledged);
        let bytes = since(shared.acknowledged_bytes.load(Relaxed), &mut self.acknowledged_bytes);
        let replayed = since(shared.replayed_bytes.load(Relaxed), &mut self.replayed_bytes);
        let errors = shared.errors.load(Relaxed);
        let mut line = format!(
            "{}: {phase}, {records:.0} records/s, {:.1} MB/s",
            self.what,
            bytes / 1e6
        );
        if replayed > 0.0 {
            line += &format!(", replayed {:.1} MB/s", replayed / 1e6);
        }
        if errors > 0 {
            line += &format!(", {errors} errors");
        }
        if self.is_terminal {
            eprint!("\r\x1b[K{line}");
            // A display that cannot be written is no reason to end a measurement.
            let _ = stderr().flush();
        } else {
            eprintln!("{line}");
        }
    }

    /// The last word.
    pub fn finish(&mut self, text: &str) {
        if self.is_terminal {
            eprint!("\r\x1b[K");
        }
        eprintln!("{}: {text}", self.what);
    }
}

/// How far a counter went; one that fell is another load's, which began at zero.
fn gained(now: u64, before: u64) -> u64 {
    now.checked_sub(before).unwrap_or(now)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: after a topic was filled, the load that reads it is shown by its own counters.
    #[test]
    fn a_new_load_counts_from_zero() {
        assert_eq!(gained(70, 50), 20);
        assert_eq!(gained(70, 5_000), 70);
    }
}
