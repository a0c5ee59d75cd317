//! When each record of an open loop is meant to be sent. The times follow from the rate alone, never from what the
//! server does: that is what keeps a slow server from being asked less often, and its latency from looking better
//! (coordinated omission).

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

use crate::{clock::Nanos, random::Random};

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Arrivals {
    /// Evenly spaced
    Uniform,
    /// Independent of each other, as from many users
    Poisson,
}

pub struct Schedule {
    begin: Nanos,
    end: Nanos,
    /// Nanoseconds from one record to the next, on average.
    gap: f64,
    arrivals: Arrivals,
    random: Random,
    /// Of the next record, relative to `begin`; a float so that a gap of 333.3 ns adds up.
    next: f64,
}

impl Schedule {
    /// Of `rate` records a second from `begin` until before `end`.
    pub fn new(begin: Nanos, end: Nanos, rate: f64, arrivals: Arrivals, seed: u64) -> Schedule {
        let mut schedule = Schedule {
            begin,
            end,
            gap: 1e9 / rate,
            arrivals,
            random: Random::new(seed),
            next: 0.0,
        };
        if arrivals == Arrivals::Poisson {
            schedule.advance();
        }
        schedule
    }

    /// When the next record is due; `None` after the end.
    pub fn next_due(&self) -> Option<Nanos> {
        let due = self.begin + self.next as Nanos;
        (due < self.end).then_some(due)
    }

    /// Takes the next record if it is due.
    pub fn pop(&mut self, now: Nanos) -> Option<Nanos> {
        let due = self.next_due().filter(|due| *due <= now)?;
        self.advance();
        Some(due)
    }

    fn advance(&mut self) {
        self.next += match self.arrivals {
            Arrivals::Uniform => self.gap,
            Arrivals::Poisson => self.gap * -(1.0 - self.random.unit()).ln(),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_late_caller_gets_every_record_with_its_own_time() {
        let mut schedule = Schedule::new(1000, 11_000, 1e6, Arrivals::Uniform, 1);
        assert_eq!(schedule.pop(999), None);
        let taken: Vec<Nanos> = std::iter::from_fn(|| schedule.pop(1_000_000)).collect();
        assert_eq!(taken, (1..=10).map(|step| step * 1000).collect::<Vec<_>>());
        assert_eq!(schedule.next_due(), None);
    }

    #[test]
    fn both_kinds_keep_the_rate() {
        for arrivals in [Arrivals::Uniform, Arrivals::Poisson] {
            let mut schedule = Schedule::new(5, 5 + 1_000_000_000, 3000.0, arrivals, 9);
            let count = std::iter::from_fn(|| schedule.pop(Nanos::MAX)).count();
            assert!((2800..=3200).contains(&count), "{arrivals:?}: {count}");
        }
    }
}
