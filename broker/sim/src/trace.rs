//! What happened, as a hash of everything and, on demand, as one readable line per event.
//!
//! Columns of a line: virtual time in seconds, who (`n1.0` is core 0 of node 1, `n1'2.0` the same in its second life),
//! what kind of event, and its details.

/// Folds every event; prints each if it was told to.
#[derive(Debug, Default)]
pub struct Trace {
    hash: u64,
    events: u64,
    verbose: bool,
    /// The last lines, for a failure's report.
    recent: std::collections::VecDeque<String>,
    recent_max: usize,
}

impl Trace {
    pub fn new(verbose: bool, recent_max: usize) -> Trace {
        Trace {
            hash: 0xcbf2_9ce4_8422_2325,
            verbose,
            recent_max,
            ..Trace::default()
        }
    }

    /// `text` is asked only if somebody reads it; so all that matters must also be in `number`.
    pub fn event(
        &mut self,
        at_ns: u64,
        kind: &'static str,
        place: (u64, usize),
        number: u64,
        text: impl FnOnce() -> String,
    ) {
        self.events += 1;
        for word in [at_ns, place.0 << 8 | place.1 as u64, number] {
            self.fold(&word.to_le_bytes());
        }
        self.fold(kind.as_bytes());
        if self.verbose || self.recent_max > 0 {
            let line = format!("{:>13.6} {}", at_ns as f64 / 1e9, text());
            if self.verbose {
                println!("{line}");
            }
            if self.recent_max > 0 {
                if self.recent.len() == self.recent_max {
                    self.recent.pop_front();
                }
                self.recent.push_back(line);
            }
        }
    }

    /// FNV-1a, eight bytes at a time would do as well; what counts is that every byte counts.
    fn fold(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.hash = (self.hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    }

    /// Of everything so far.
    pub fn hash(&self) -> u64 {
        self.hash
    }

    pub fn events(&self) -> u64 {
        self.events
    }

    pub fn recent(&self) -> impl Iterator<Item = &str> {
        self.recent.iter().map(String::as_str)
    }
}
