//! How long something took, over and over: an HDR histogram of fixed size, and the exact sum.

use std::time::Duration;

use hdrhistogram::Histogram;

/// Two digits, so that a value is known to 1 %.
const DIGITS: u8 = 2;
/// Longer than anything that a client may ask for; what is longer still counts as this.
const MICROS_MAX: u64 = 600_000_000;

/// Upper bounds of the buckets that Prometheus sees, in microseconds: 1, 2, 5 a decade, from a system call to a minute.
pub const BOUNDS_MICROS: [u64; 19] = [
    20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 20_000, 50_000, 100_000, 200_000, 500_000, 1_000_000,
    2_000_000, 5_000_000, 10_000_000, 60_000_000,
];

/// About 25 KiB, whatever is recorded.
#[derive(Clone, Debug)]
pub struct Latency {
    micros: Histogram<u64>,
    sum: Duration,
}

impl Default for Latency {
    fn default() -> Latency {
        let micros = Histogram::new_with_bounds(1, MICROS_MAX, DIGITS).expect("the bounds are those of a histogram");
        Latency {
            micros,
            sum: Duration::ZERO,
        }
    }
}

impl Latency {
    pub fn record(&mut self, took: Duration) {
        self.micros.saturating_record(took.as_micros() as u64);
        self.sum = self.sum.saturating_add(took);
    }

    pub fn merge(&mut self, other: &Latency) {
        self.micros.add(&other.micros).expect("all have the same bounds");
        self.sum = self.sum.saturating_add(other.sum);
    }

    pub fn count(&self) -> u64 {
        self.micros.len()
    }

    pub fn sum(&self) -> Duration {
        self.sum
    }

    pub fn quantile(&self, quantile: f64) -> Duration {
        Duration::from_micros(self.micros.value_at_quantile(quantile))
    }

    /// For each of [`BOUNDS_MICROS`], how many took at most as long.
    pub fn cumulative(&self) -> [u64; BOUNDS_MICROS.len()] {
        let mut counts = [0; BOUNDS_MICROS.len()];
        for value in self.micros.iter_recorded() {
            let bucket = BOUNDS_MICROS.partition_point(|bound| *bound < value.value_iterated_to());
            if let Some(count) = counts.get_mut(bucket) {
                *count += value.count_at_value();
            }
        }
        let mut before = 0;
        for count in &mut counts {
            before += *count;
            *count = before;
        }
        counts
    }
}
