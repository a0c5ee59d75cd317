//! The one clock of a run: nanoseconds since the process first asked. Producers write it into records and consumers, in
//! the same process, read it back, so that end-to-end latency needs no second clock.

use std::{
    sync::OnceLock,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

pub type Nanos = u64;

static BASE: OnceLock<Instant> = OnceLock::new();

/// Never 0, so that 0 can stand for "never".
pub fn now() -> Nanos {
    BASE.get_or_init(Instant::now).elapsed().as_nanos() as Nanos + 1
}

/// Wall time of this clock's zero in milliseconds since 1970.
pub fn epoch_ms() -> i64 {
    let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    wall.as_millis() as i64 - (now() / 1_000_000) as i64
}

pub fn seconds(nanos: Nanos) -> f64 {
    nanos as f64 / 1e9
}

pub fn nanos(duration: Duration) -> Nanos {
    duration.as_nanos() as Nanos
}

/// Sleeps until then; returns at once if that has passed.
pub fn sleep_until(then: Nanos) {
    std::thread::sleep(Duration::from_nanos(then.saturating_sub(now())));
}
