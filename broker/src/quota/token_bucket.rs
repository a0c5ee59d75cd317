//! What may be used at once fills up again steadily: Kafka's `TokenBucket` (KIP-599). One may overdraw it, and then waits.

use super::Window;

#[derive(Clone, Debug, Default)]
pub struct TokenBucket {
    /// What is missing from a full one.
    used: f64,
    at_ms: i64,
}

impl TokenBucket {
    pub fn record(&mut self, per_second: f64, value: f64, now_ms: i64) {
        self.refill(per_second, now_ms);
        self.used = (self.used + value).max(0.0);
    }

    /// Milliseconds until what was overdrawn is there again; 0 if nothing was.
    pub fn wait_ms(&mut self, window: Window, per_second: f64, now_ms: i64) -> i64 {
        self.refill(per_second, now_ms);
        let full = per_second * window.ms() as f64 / 1000.0;
        let tokens = full - self.used;
        if tokens >= 0.0 {
            return 0;
        }
        (-tokens / per_second * 1000.0).round() as i64
    }

    /// It is full again.
    pub fn is_idle(&mut self, per_second: f64, now_ms: i64) -> bool {
        self.refill(per_second, now_ms);
        self.used == 0.0
    }

    fn refill(&mut self, per_second: f64, now_ms: i64) {
        let filled = per_second * (now_ms - self.at_ms).max(0) as f64 / 1000.0;
        self.used = (self.used - filled).max(0.0);
        self.at_ms = now_ms;
    }
}
