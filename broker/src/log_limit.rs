//! Lines of the log that clients cause: said, but not more often than somebody can read.
//!
//! A port that a scanner or a misconfigured health check knocks on every few milliseconds, or a client that asks again and
//! again for what it is refused, must not bury the rest of the log. Each kind of line has a limit of its own, on each core.

use std::{cell::Cell, time::Duration};

use crate::runtime::world::Instant;

/// So many lines of a kind are said …
const SAID_MAX: u32 = 10;
/// … in so long.
const WINDOW: Duration = Duration::from_secs(10);

/// Of one core, by kind.
#[derive(Default)]
pub struct LogLimits {
    /// A connection ended by its client's fault.
    pub connection_closed: LogLimit,
    /// A connection was not let in.
    pub connection_refused: LogLimit,
    /// Something of a request was refused by whoever took it.
    pub request_refused: LogLimit,
    /// A batch does not follow its producer's last one.
    pub batch_out_of_turn: LogLimit,
    /// A topic that was only named could not be made.
    pub topic_not_created: LogLimit,
    /// A log takes or gives no records.
    pub log_refused: LogLimit,
    /// A request took long.
    pub slow_request: LogLimit,
}

#[derive(Default)]
pub struct LogLimit {
    window_began: Cell<Option<Instant>>,
    said: Cell<u32>,
    held_back: Cell<u32>,
}

/// What becomes of one more line.
#[derive(Debug, PartialEq, Eq)]
pub enum Verdict {
    /// After so many that were held back, if any were.
    Say {
        held_back: Option<u32>,
    },
    HoldBack,
}

impl LogLimit {
    pub fn judge(&self, now: Instant) -> Verdict {
        let is_over = |began: Instant| now.since(began) >= WINDOW;
        if self.window_began.get().is_none_or(is_over) {
            self.window_began.set(Some(now));
            self.said.set(0);
        }
        if self.said.get() < SAID_MAX {
            self.said.set(self.said.get() + 1);
            let held_back = self.held_back.take();
            return Verdict::Say {
                held_back: (held_back > 0).then_some(held_back),
            };
        }
        self.held_back.set(self.held_back.get().saturating_add(1));
        Verdict::HoldBack
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: a storm is said ten times, and how large it was is said after it.
    #[test]
    fn a_storm_is_said_and_counted() {
        let limit = LogLimit::default();
        let start = Instant::default();
        for _ in 0..SAID_MAX {
            assert_eq!(limit.judge(start), Verdict::Say { held_back: None });
        }
        for _ in 0..5 {
            assert_eq!(limit.judge(start.after(WINDOW / 2)), Verdict::HoldBack);
        }
        let after = start.after(WINDOW);
        assert_eq!(limit.judge(after), Verdict::Say { held_back: Some(5) });
        assert_eq!(limit.judge(after), Verdict::Say { held_back: None });
    }
}
