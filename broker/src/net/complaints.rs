//! Connections that ended by their client's fault: said in the log, but not more often than somebody can read.
//!
//! A port that a scanner or a misconfigured health check knocks on every few milliseconds must not bury the rest of the log.

use std::{cell::Cell, net::SocketAddr, time::Duration};

use crate::runtime::world::Instant;

/// So many are said …
const SAID_MAX: u32 = 10;
/// … in so long, on each core.
const WINDOW: Duration = Duration::from_secs(10);

#[derive(Default)]
pub struct Complaints {
    window_began: Cell<Option<Instant>>,
    said: Cell<u32>,
    held_back: Cell<u32>,
}

/// What becomes of one more.
#[derive(Debug, PartialEq, Eq)]
enum Verdict {
    /// After so many that were held back.
    Say {
        held_back: u32,
    },
    HoldBack,
}

impl Complaints {
    pub(super) fn closed(&self, now: Instant, peer: SocketAddr, reason: &str) {
        match self.judge(now) {
            Verdict::Say { held_back: 0 } => tracing::warn!(%peer, reason, "connection closed"),
            Verdict::Say { held_back } => {
                tracing::warn!(%peer, reason, held_back, "connection closed, as others before")
            }
            Verdict::HoldBack => tracing::debug!(%peer, reason, "connection closed"),
        }
    }

    fn judge(&self, now: Instant) -> Verdict {
        let is_over = |began: Instant| now.since(began) >= WINDOW;
        if self.window_began.get().is_none_or(is_over) {
            self.window_began.set(Some(now));
            self.said.set(0);
        }
        if self.said.get() < SAID_MAX {
            self.said.set(self.said.get() + 1);
            return Verdict::Say {
                held_back: self.held_back.take(),
            };
        }
        self.held_back.set(self.held_back.get() + 1);
        Verdict::HoldBack
    }
}

/// What the first bytes of a connection look like, if they are a protocol that people try by mistake.
pub(super) fn other_protocol(first: &[u8]) -> Option<&'static str> {
    // A TLS record: handshake, version 3.x.
    if let [0x16, 0x03, ..] = first {
        return Some("this looks like TLS; this listener is PLAINTEXT");
    }
    const METHODS: [&[u8]; 7] = [b"GET ", b"POST", b"PUT ", b"HEAD", b"OPTI", b"CONN", b"PRI "];
    METHODS
        .iter()
        .any(|method| first.starts_with(method))
        .then_some("this looks like HTTP; this listener speaks Kafka's protocol")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: a storm is said ten times, and how large it was is said after it.
    #[test]
    fn a_storm_is_said_and_counted() {
        let complaints = Complaints::default();
        let start = Instant::default();
        for _ in 0..SAID_MAX {
            assert_eq!(complaints.judge(start), Verdict::Say { held_back: 0 });
        }
        for _ in 0..5 {
            assert_eq!(complaints.judge(start.after(WINDOW / 2)), Verdict::HoldBack);
        }
        assert_eq!(complaints.judge(start.after(WINDOW)), Verdict::Say { held_back: 5 });
        assert_eq!(complaints.judge(start.after(WINDOW)), Verdict::Say { held_back: 0 });
    }

    #[test]
    fn other_protocols_are_known_by_their_first_bytes() {
        assert!(other_protocol(b"GET /metrics HTTP/1.1").is_some_and(|what| what.contains("HTTP")));
        assert!(other_protocol(&[0x16, 0x03, 0x01, 0x02, 0x00]).is_some_and(|what| what.contains("TLS")));
        assert_eq!(other_protocol(&[0, 0, 0, 20, 0, 18, 0, 3]), None);
    }
}
