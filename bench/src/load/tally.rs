//! What is counted while the load runs, on one thread; threads are added up afterwards.
//!
//! A latency counts by when it was *meant to begin*: it belongs to the measured window if its intended time does,
//! however late the answer comes. Throughput counts by when the answer came. So a stall at the end of the window
//! still shows.

use std::{collections::BTreeMap, ops::Range};

use crate::{clock::Nanos, latency::Latencies};

/// Width of a step of the curves over time.
pub const BIN: Nanos = 200_000_000;

/// One direction of the load.
#[derive(Clone, Default)]
pub struct Side {
    pub records: u64,
    pub bytes: u64,
    pub requests: u64,
    pub latency: Latencies,
    /// Records and longest latency by bins of the window.
    pub bins: Vec<Bin>,
}

#[derive(Clone, Copy, Default)]
pub struct Bin {
    pub records: u64,
    pub bytes: u64,
    pub latency_max: Nanos,
}

#[derive(Clone)]
pub struct Tally {
    pub window: Range<Nanos>,
    pub produced: Side,
    /// Records read at the tail, with their way from the intended send to the reader.
    pub delivered: Side,
    /// Records read from the beginning.
    pub replayed: Side,
    /// How late the harness itself was at taking a record that was due.
    pub lateness: Latencies,
    /// Of the whole load, the window or not: records that were acknowledged, and those that came out at the tail.
    pub acknowledged: u64,
    pub acknowledged_bytes: u64,
    pub received: u64,
    pub replayed_bytes: u64,
    /// Errors by what they say.
    pub errors: BTreeMap<String, u64>,
    /// Records of the window that had no answer when patience ended.
    pub unanswered: u64,
    /// CPU that the load's threads used in the window.
    pub cpu: Nanos,
    pub finished: Nanos,
}

impl Tally {
    pub fn new(window: Range<Nanos>) -> Tally {
        Tally {
            window,
            produced: Side::default(),
            delivered: Side::default(),
            replayed: Side::default(),
            lateness: Latencies::default(),
            acknowledged: 0,
            acknowledged_bytes: 0,
            received: 0,
            replayed_bytes: 0,
            errors: BTreeMap::new(),
            unanswered: 0,
            cpu: 0,
            finished: 0,
        }
    }

    pub fn error(&mut self, what: impl ToString, records: u64) {
        *self.errors.entry(what.to_string()).or_default() += records;
    }

    pub fn add(&mut self, other: Tally) {
        self.produced.add(other.produced);
        self.delivered.add(other.delivered);
        self.replayed.add(other.replayed);
        self.lateness.add(&other.lateness);
        self.acknowledged += other.acknowledged;
        self.acknowledged_bytes += other.acknowledged_bytes;
        self.received += other.received;
        self.replayed_bytes += other.replayed_bytes;
        self.finished = self.finished.max(other.finished);
        for (what, count) in other.errors {
            self.error(what, count);
        }
        self.unanswered += other.unanswered;
        self.cpu += other.cpu;
    }
}

impl Side {
    /// An answer came for so many records that were all meant to begin at the same time.
    pub fn latency(&mut self, window: &Range<Nanos>, intended: Nanos, now: Nanos, records: u64) {
        if window.contains(&intended) {
            let latency = now.saturating_sub(intended);
            self.latency.record_many(latency, records);
            let bin = self.bin(window, intended);
            bin.latency_max = bin.latency_max.max(latency);
        }
    }

    /// Records and bytes have arrived now.
    pub fn throughput(&mut self, window: &Range<Nanos>, now: Nanos, records: u64, bytes: u64) {
        if window.contains(&now) {
            self.records += records;
            self.bytes += bytes;
            let bin = self.bin(window, now);
            bin.records += records;
            bin.bytes += bytes;
        }
    }

    pub fn request(&mut self, window: &Range<Nanos>, now: Nanos) {
        self.requests += u64::from(window.contains(&now));
    }

    fn bin(&mut self, window: &Range<Nanos>, at: Nanos) -> &mut Bin {
        let index = ((at - window.start) / BIN) as usize;
        if self.bins.len() <= index {
            self.bins.resize(index + 1, Bin::default());
        }
        &mut self.bins[index]
    }

    fn add(&mut self, other: Side) {
        self.records += other.records;
        self.bytes += other.bytes;
        self.requests += other.requests;
        self.latency.add(&other.latency);
        if self.bins.len() < other.bins.len() {
            self.bins.resize(other.bins.len(), Bin::default());
        }
        for (bin, theirs) in self.bins.iter_mut().zip(other.bins) {
            bin.records += theirs.records;
            bin.bytes += theirs.bytes;
            bin.latency_max = bin.latency_max.max(theirs.latency_max);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn latency_counts_by_its_beginning_and_throughput_by_its_end() {
        let window = 1000..1000 + 2 * BIN;
        let mut side = Side::default();
        side.latency(&window, 999, 1001, 1);
        side.throughput(&window, 1001, 1, 10);
        side.latency(&window, window.end - 1, window.end + 50, 3);
        side.throughput(&window, window.end + 50, 3, 30);
        assert_eq!((side.records, side.bytes, side.latency.summary().count), (1, 10, 3));
        assert_eq!(side.bins.iter().map(|bin| bin.latency_max).collect::<Vec<_>>(), [0, 51]);
    }
}
