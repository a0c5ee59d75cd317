//! Latencies as every command here counts and shows them: nanoseconds up to ten minutes, three digits.

use std::time::Duration;

use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};

use crate::clock::Nanos;

const LATENCY_MAX: Nanos = 600_000_000_000;

#[derive(Clone)]
pub struct Latencies(Histogram<u64>);

/// What is said of them, in microseconds.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    pub count: u64,
    pub mean_us: f64,
    pub p50_us: f64,
    pub p90_us: f64,
    pub p99_us: f64,
    pub p999_us: f64,
    pub p9999_us: f64,
    pub max_us: f64,
}

/// Everything that was recorded: how many latencies have each value in nanoseconds, smallest first. Lists merge by
/// concatenation.
pub type Buckets = Vec<(Nanos, u64)>;

impl Default for Latencies {
    fn default() -> Latencies {
        Latencies(Histogram::new_with_bounds(1, LATENCY_MAX, 3).expect("valid bounds"))
    }
}

impl Latencies {
    pub fn record(&mut self, latency: Duration) {
        self.record_many(latency.as_nanos() as Nanos, 1);
    }

    pub fn record_many(&mut self, latency: Nanos, count: u64) {
        self.0.saturating_record_n(latency.max(1), count);
    }

    pub fn add(&mut self, others: &Latencies) {
        self.0.add(&others.0).expect("all have the same bounds");
    }

    pub fn add_buckets(&mut self, buckets: &[(Nanos, u64)]) {
        for (latency, count) in buckets {
            self.record_many(*latency, *count);
        }
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn histogram(&self) -> &Histogram<u64> {
        &self.0
    }

    pub fn buckets(&self) -> Buckets {
        let recorded = self.0.iter_recorded();
        recorded
            .map(|step| (step.value_iterated_to(), step.count_at_value()))
            .collect()
    }

    pub fn at_us(&self, quantile: f64) -> f64 {
        self.0.value_at_quantile(quantile) as f64 / 1000.0
    }

    pub fn summary(&self) -> Summary {
        Summary {
            count: self.0.len(),
            mean_us: self.0.mean() / 1000.0,
            p50_us: self.at_us(0.5),
            p90_us: self.at_us(0.9),
            p99_us: self.at_us(0.99),
            p999_us: self.at_us(0.999),
            p9999_us: self.at_us(0.9999),
            max_us: self.0.max() as f64 / 1000.0,
        }
    }
}

impl Summary {
    pub fn print_header() {
        println!("{:<42} {:>9} {:>9} {:>9}", "latency in µs", "p50", "p99", "max");
    }

    pub fn print(&self, name: &str) {
        println!(
            "{name:<42} {:>9.1} {:>9.1} {:>9.1}   {} times",
            self.p50_us, self.p99_us, self.max_us, self.count
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: merging rounds, whether as histograms or as the buckets of a result file, is as if all had been one round.
    #[test]
    fn merged_is_as_recorded_together() {
        let mut random = crate::random::Random::new(5);
        let [mut together, mut one, mut other] = [(); 3].map(|()| Latencies::default());
        for index in 0..10_000 {
            let latency = 1000 + random.below(1 << (10 + index % 20));
            together.record_many(latency, 1);
            if index % 3 == 0 { &mut one } else { &mut other }.record_many(latency, 1);
        }
        let mut of_buckets = Latencies::default();
        of_buckets.add_buckets(&one.buckets());
        of_buckets.add_buckets(&other.buckets());
        one.add(&other);
        for merged in [one, of_buckets] {
            assert_eq!(merged.buckets(), together.buckets());
            let (merged, together) = (merged.summary(), together.summary());
            assert_eq!(
                (merged.count, merged.p50_us, merged.p999_us),
                (10_000, together.p50_us, together.p999_us)
            );
        }
    }

    #[test]
    fn what_is_beyond_the_scale_is_not_lost() {
        let mut latencies = Latencies::default();
        latencies.record_many(0, 1);
        latencies.record_many(u64::MAX, 1);
        assert_eq!(latencies.summary().count, 2);
        assert!(latencies.summary().max_us >= 6e8);
    }
}
