//! What was used in a second, over a sliding window: Kafka's `Rate` over its `SampledStat`.
//!
//! The window is a few samples of a fixed length. A rate is what they hold over the time they cover, and that counts as at least
//! all but one of them: a client that was silent may use at once what it did not use before.

/// `quota.window.num` samples of `quota.window.size.seconds` each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    pub samples: i64,
    pub sample_ms: i64,
}

impl Window {
    pub fn ms(self) -> i64 {
        self.samples * self.sample_ms
    }

    /// What may be used at once by somebody who used nothing before.
    pub fn burst(self, per_second: f64) -> f64 {
        per_second * ((self.samples - 1).max(1) * self.sample_ms) as f64 / 1000.0
    }
}

#[derive(Clone, Debug, Default)]
pub struct Rate {
    /// Oldest first; one more than the window's may overlap its beginning.
    samples: Vec<Sample>,
}

#[derive(Clone, Copy, Debug)]
struct Sample {
    value: f64,
    began_ms: i64,
    last_ms: i64,
}

impl Rate {
    pub fn record(&mut self, window: Window, value: f64, now_ms: i64) {
        self.forget(window, now_ms);
        match self.samples.last_mut() {
            Some(sample) if now_ms - sample.began_ms < window.sample_ms => {
                sample.value += value;
                sample.last_ms = now_ms;
            }
            _ => self.samples.push(Sample {
                value,
                began_ms: now_ms,
                last_ms: now_ms,
            }),
        }
    }

    /// For how many milliseconds nothing may be used, so that the rate comes down to `per_second`; 0 if it is not above.
    pub fn wait_ms(&mut self, window: Window, per_second: f64, now_ms: i64) -> i64 {
        self.forget(window, now_ms);
        let covered_ms = self.covered_ms(window, now_ms) as f64;
        let used: f64 = self.samples.iter().map(|sample| sample.value).sum();
        let rate = used / covered_ms * 1000.0;
        if rate <= per_second {
            return 0;
        }
        ((rate - per_second) / per_second * covered_ms).round() as i64
    }

    /// Nothing of it is in the window any more.
    pub fn is_idle(&self, window: Window, now_ms: i64) -> bool {
        self.samples.iter().all(|sample| now_ms - sample.last_ms >= window.ms())
    }

    fn forget(&mut self, window: Window, now_ms: i64) {
        self.samples.retain(|sample| now_ms - sample.last_ms < window.ms());
        let most = window.samples as usize + 1;
        if self.samples.len() > most {
            self.samples.drain(..self.samples.len() - most);
        }
    }

    fn covered_ms(&self, window: Window, now_ms: i64) -> i64 {
        let elapsed_ms = self.samples.first().map_or(0, |oldest| now_ms - oldest.began_ms);
        let missing = (window.samples - 1 - elapsed_ms / window.sample_ms).max(0);
        (elapsed_ms + missing * window.sample_ms).max(1)
    }
}
