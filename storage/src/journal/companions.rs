//! Whether a frame waits for the batches that follow the last acknowledgements. Pure: the caller says what time it is.
//!
//! Producers that wait for their answers send again as soon as they have them. If the next frame leaves at the moment
//! at which the last one is durable, it takes those who came meanwhile and just misses those who were answered: the
//! producers fall into two halves that take turns, and every one of them waits for nearly two flushes, with twice the
//! commits. A short wait after the answers makes one group of them.
//!
//! Whoever sends at a rate of its own must not pay for that. What tells the two apart is how many batches are under way
//! when a frame becomes durable: with producers that wait it is the same number each time, with others it is a matter of
//! chance and differs by about its square root. So a frame waits only while that number stays what it was, only until as
//! many batches are there, and no longer than a frame takes. Batches at an even rate would look the same, but for one thing:
//! they also come while the frame that waited is on its way, when producers that wait are all in it.

/// Of a moving average, a new value is one part in this many.
const AVERAGE_OVER: i64 = 16;
/// The number under way may differ from its average by one part in this many, on average.
const STEADY_WITHIN: i64 = 8;
/// More batches than this share their commit well enough; and the square root of a larger number is a small part of it.
const BATCHES_MAX: i64 = 24;
/// Of the batches under way, one part in this many may come while the frame that waited is on its way.
const LATE_MAX: u32 = 4;
/// Averages of counts are kept in parts of one.
const ONE: i64 = 256;

#[derive(Clone, Debug, Default)]
pub struct Companions {
    /// How long frames take from seal to durable: moving average.
    flight_ns: i64,
    /// Batches under way when a frame becomes durable: moving average, in [`ONE`]s.
    under_way: i64,
    /// What a single number differs from that: moving average, in [`ONE`]s.
    deviation: i64,
    /// When the frame that follows the last one has waited long enough.
    ends_ns: u64,
    /// That frame waited.
    waited: bool,
}

impl Companions {
    /// A frame with `answered` batches became durable `flight_ns` after its seal; `waiting` came since.
    pub fn answered(&mut self, answered: u32, waiting: u32, flight_ns: u64, now_ns: u64) {
        let under_way = (i64::from(answered) + i64::from(waiting)) * ONE;
        average(&mut self.deviation, (under_way - self.under_way).abs());
        average(&mut self.under_way, under_way);
        if std::mem::take(&mut self.waited) && waiting * LATE_MAX > answered + waiting {
            // It waited in vain: not again for some forty frames.
            self.deviation = self.deviation.max(self.under_way);
        }
        average(&mut self.flight_ns, flight_ns as i64);
        self.ends_ns = now_ns + self.flight_ns as u64;
    }

    /// Until when a frame with so many batches, that could leave now, waits at most. None: it leaves.
    pub fn waits_until(&mut self, batches: u32, now_ns: impl FnOnce() -> u64) -> Option<u64> {
        let expected = (self.under_way + ONE / 2) / ONE;
        let steady = self.deviation * STEADY_WITHIN <= self.under_way && expected <= BATCHES_MAX;
        let waits = steady && i64::from(batches) < expected && now_ns() < self.ends_ns;
        self.waited |= waits;
        waits.then_some(self.ends_ns)
    }
}

/// Rounds towards the new value, so that it can be reached.
fn average(average: &mut i64, new: i64) {
    let difference = new - *average;
    *average += difference.signum() * ((difference.abs() + AVERAGE_OVER - 1) / AVERAGE_OVER);
}

#[cfg(test)]
mod tests {
    use super::*;

    const FLIGHT: u64 = 200;

    /// Producers that take turns: `sizes` batches in one frame after the other.
    fn trained(sizes: [u32; 2]) -> Companions {
        let mut companions = Companions::default();
        for turn in 0..64 {
            companions.answered(sizes[turn % 2], sizes[(turn + 1) % 2], FLIGHT, turn as u64 * FLIGHT);
        }
        companions
    }

    #[test]
    fn producers_that_wait_are_waited_for_until_they_are_all_there() {
        let mut companions = trained([2, 3]);
        companions.answered(2, 3, FLIGHT, 100_000);
        assert_eq!(
            companions.waits_until(3, || 100_000),
            Some(100_200),
            "as long as a frame takes"
        );
        assert_eq!(companions.waits_until(4, || 100_050), Some(100_200));
        assert_eq!(companions.waits_until(5, || 100_060), None, "all are there");
        assert_eq!(companions.waits_until(4, || 100_200), None, "long enough");
        // From now on they come together.
        for turn in 0..64 {
            companions.answered(5, 0, FLIGHT, 200_000 + turn * 300);
            assert!(companions.waits_until(4, || 200_000 + turn * 300).is_some());
        }
    }

    #[test]
    fn one_producer_never_waits() {
        let mut companions = trained([1, 0]);
        companions.answered(1, 0, FLIGHT, 100_000);
        assert_eq!(companions.waits_until(1, || 100_010), None);
    }

    #[test]
    fn nobody_is_waited_for_at_first_or_among_many() {
        let mut companions = Companions::default();
        companions.answered(2, 3, FLIGHT, 0);
        assert_eq!(companions.waits_until(3, || 0), None);
        let mut companions = trained([30, 34]);
        companions.answered(30, 34, FLIGHT, 100_000);
        assert_eq!(companions.waits_until(34, || 100_000), None);
    }

    #[test]
    fn who_stays_away_is_soon_not_waited_for() {
        let mut companions = trained([2, 3]);
        let waits = (0..32).filter(|turn| {
            companions.answered(1, 1, FLIGHT, 100_000 + turn * 400);
            companions.waits_until(1, || 100_000 + turn * 400).is_some()
        });
        assert!(waits.count() <= 4);
    }

    /// Runs frames over batches that come with these gaps; how many frames waited.
    fn waits_of(mut gap: impl FnMut() -> u64) -> usize {
        let mut companions = Companions::default();
        let (mut next, mut now, mut waits) = (gap(), 0, 0);
        let mut come = |until: u64| {
            let mut count = 0;
            while next <= until {
                count += 1;
                next += gap();
            }
            (count, next)
        };
        let (mut filled, mut following) = (0, 0);
        for _ in 0..10_000 {
            if filled == 0 {
                now = now.max(following);
                filled = come(now).0;
            }
            let mut waited = false;
            while let Some(until) = companions.waits_until(filled, || now) {
                waited = true;
                now = come(now).1.min(until);
                filled += come(now).0;
            }
            waits += usize::from(waited);
            now += FLIGHT;
            let (waiting, next) = come(now);
            companions.answered(filled, waiting, FLIGHT, now);
            (filled, following) = (waiting, next);
        }
        waits
    }

    /// From one batch in three flights to twelve in one.
    const PER_FLIGHT: [f64; 7] = [0.3, 0.7, 1.0, 2.0, 4.0, 8.0, 12.0];

    #[test]
    fn batches_at_random_times_hardly_ever_wait() {
        for per_flight in PER_FLIGHT {
            let mut random = 7u64;
            let waits = waits_of(|| {
                random = random
                    .wrapping_mul(6364136223846793005)
                    .wrapping_add(1442695040888963407);
                let unit = ((random >> 11) as f64 + 1.0) / (1u64 << 53) as f64;
                (-unit.ln() * FLIGHT as f64 / per_flight) as u64
            });
            assert!(
                waits < 500,
                "{waits} of 10,000 frames waited at {per_flight} batches a flight"
            );
        }
    }

    #[test]
    fn batches_at_an_even_rate_hardly_ever_wait() {
        for per_flight in PER_FLIGHT {
            let waits = waits_of(|| (FLIGHT as f64 / per_flight) as u64);
            assert!(
                waits < 500,
                "{waits} of 10,000 frames waited at {per_flight} batches a flight"
            );
        }
    }

    #[test]
    fn a_world_whose_clock_stands_never_waits() {
        let mut companions = Companions::default();
        for _ in 0..64 {
            companions.answered(2, 3, 0, 0);
            assert_eq!(companions.waits_until(3, || 0), None);
        }
    }
}
