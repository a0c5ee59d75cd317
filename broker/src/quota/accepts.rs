//! Accepted connections, let on one after the other and no faster than so many in a second (`max.connection.creation.rate`).
//!
//! As in Kafka's `ConnectionQuotas`, one that comes too fast waits until the rate is right again, for a sample at most, and those
//! behind it with it; nobody is refused.

use std::{collections::VecDeque, time::Duration};

use super::rate::{Rate, Window};

/// `Asker` is what is let on.
#[derive(Debug)]
pub struct Accepts<Asker> {
    window: Window,
    rate: Rate,
    waiting: VecDeque<Asker>,
    /// When the first of them, which is counted already, may go on.
    first_at_ms: Option<i64>,
}

/// What to do next.
#[derive(Debug, PartialEq, Eq)]
pub enum Turn<Asker> {
    Now(Asker),
    /// Ask again then. It is said once.
    In(Duration),
    /// Nobody is there, or somebody waits already.
    Nobody,
}

impl<Asker> Accepts<Asker> {
    pub fn new(window: Window) -> Accepts<Asker> {
        Accepts {
            window,
            rate: Rate::default(),
            waiting: VecDeque::new(),
            first_at_ms: None,
        }
    }

    pub fn push(&mut self, asker: Asker) {
        self.waiting.push_back(asker);
    }

    /// Who may go on now. A limit that changed counts for those behind the first who waits.
    pub fn next(&mut self, per_second: f64, now_ms: i64) -> Turn<Asker> {
        match self.first_at_ms {
            Some(at_ms) if now_ms < at_ms => return Turn::Nobody,
            Some(_) => self.first_at_ms = None,
            None if self.waiting.is_empty() => return Turn::Nobody,
            None => {
                self.rate.record(self.window, 1.0, now_ms);
                let wait_ms = self.rate.wait_ms(self.window, per_second, now_ms);
                let wait_ms = wait_ms.min(self.window.sample_ms);
                if let Ok(wait @ 1..) = u64::try_from(wait_ms) {
                    self.first_at_ms = Some(now_ms + wait_ms);
                    return Turn::In(Duration::from_millis(wait));
                }
            }
        }
        self.waiting.pop_front().map_or(Turn::Nobody, Turn::Now)
    }

    /// The last one that went on was sent away for another reason, and does not count.
    pub fn take_back(&mut self, now_ms: i64) {
        self.rate.record(self.window, -1.0, now_ms);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A second in two samples: what was not used of one may be used at once.
    fn accepts() -> Accepts<i32> {
        Accepts::new(Window {
            samples: 2,
            sample_ms: 1_000,
        })
    }

    fn wait(ms: u64) -> Turn<i32> {
        Turn::In(Duration::from_millis(ms))
    }

    /// Goal: who comes too fast waits, and whoever is behind with it; all are let on in their order.
    #[test]
    fn too_fast_is_slowed_down() {
        let mut accepts = accepts();
        (1..=4).for_each(|asker| accepts.push(asker));
        assert_eq!(accepts.next(2.0, 0), Turn::Now(1));
        assert_eq!(accepts.next(2.0, 0), Turn::Now(2));
        assert_eq!(
            accepts.next(2.0, 0),
            wait(500),
            "three in a second are half a second too many"
        );
        assert_eq!(accepts.next(2.0, 0), Turn::Nobody, "somebody waits already");
        accepts.push(5);
        assert_eq!(accepts.next(2.0, 499), Turn::Nobody);
        assert_eq!(accepts.next(2.0, 500), Turn::Now(3), "it is not counted twice");
        assert_eq!(accepts.next(2.0, 500), wait(500));
        assert_eq!(
            accepts.next(1e9, 999),
            Turn::Nobody,
            "a higher limit is not for who waits"
        );
        assert_eq!(accepts.next(1e9, 1_000), Turn::Now(4));
        assert_eq!(accepts.next(1e9, 1_000), Turn::Now(5));
        assert_eq!(accepts.next(1e9, 1_000), Turn::Nobody);
    }

    /// Goal: who was sent away does not count, and nobody waits longer than a sample: a limit of 0 lets in one in that time, as Kafka's
    /// does.
    #[test]
    fn who_is_sent_away_does_not_count() {
        let mut accepts = accepts();
        for asker in 0..100 {
            accepts.push(asker);
            assert_eq!(accepts.next(2.0, 0), Turn::Now(asker));
            accepts.take_back(0);
        }
        accepts.push(7);
        assert_eq!(accepts.next(0.0, 0), wait(1_000));
        assert_eq!(accepts.next(0.0, 1_000), Turn::Now(7));
    }
}
