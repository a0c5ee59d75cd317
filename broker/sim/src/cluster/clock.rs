//! A node's own clock: it runs faster or slower than the simulation's, and never back. Safety must not depend on it.

use std::time::Duration;

use super::timeline::Micros;

/// Thousandths of the simulation's speed.
pub const TRUE_RATE: u64 = 1000;

#[derive(Clone, Copy, Debug)]
pub struct Clock {
    rate: u64,
    /// Where the rate was set last: simulated time, and what this clock showed.
    since: Micros,
    shown: Micros,
}

impl Clock {
    /// Clocks of different nodes show different times from the first moment.
    pub fn new(shown: Micros, rate: u64) -> Clock {
        Clock { rate, since: 0, shown }
    }

    pub fn set_rate(&mut self, now: Micros, rate: u64) {
        self.shown = self.micros(now);
        self.since = now;
        self.rate = rate;
    }

    pub fn micros(&self, now: Micros) -> Micros {
        self.shown + (now - self.since) * self.rate / TRUE_RATE
    }

    pub fn read(&self, now: Micros) -> Duration {
        Duration::from_micros(self.micros(now))
    }

    /// The first simulated moment at which this clock shows `local` or more.
    pub fn when(&self, now: Micros, local: Duration) -> Micros {
        let local = local.as_nanos().div_ceil(1000) as Micros;
        let missing = local.saturating_sub(self.shown);
        (self.since + (missing * TRUE_RATE).div_ceil(self.rate)).max(now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whatever the rate, a wake-up that is asked for is not early, and a change of rate does not turn time back.
    #[test]
    fn wakes_are_never_early() {
        for rate in [500, 1000, 1337, 2000] {
            let mut clock = Clock::new(77, rate);
            for now in [0, 13, 999, 1_000_003] {
                let shown = clock.read(now);
                clock.set_rate(now, rate);
                assert!(clock.read(now) <= shown + Duration::from_micros(1) && clock.read(now) >= shown);
                let due = clock.read(now) + Duration::from_nanos(600_000_001);
                let at = clock.when(now, due);
                assert!(clock.read(at) >= due, "rate {rate} at {now}");
                assert!(clock.read(at - 4) < due, "rate {rate} at {now}");
            }
        }
    }
}
