//! Latencies as every command here counts and shows them: nanoseconds up to a minute, three digits.

use std::time::Duration;

use hdrhistogram::Histogram;
use serde::Serialize;

pub struct Latencies(Histogram<u64>);

/// What is said of them, in microseconds.
#[derive(Serialize)]
pub struct Summary {
    pub count: u64,
    pub p50_us: f64,
    pub p99_us: f64,
    pub max_us: f64,
}

impl Latencies {
    pub fn new() -> Latencies {
        Latencies(Histogram::new_with_bounds(1, 60_000_000_000, 3).expect("valid bounds"))
    }

    pub fn record(&mut self, latency: Duration) {
        self.0.saturating_record(latency.as_nanos() as u64);
    }

    pub fn add(&mut self, others: &Latencies) {
        self.0.add(&others.0).expect("all have the same bounds");
    }

    pub fn summary(&self) -> Summary {
        let us = |nanoseconds: u64| nanoseconds as f64 / 1000.0;
        Summary {
            count: self.0.len(),
            p50_us: us(self.0.value_at_quantile(0.5)),
            p99_us: us(self.0.value_at_quantile(0.99)),
            max_us: us(self.0.max()),
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
