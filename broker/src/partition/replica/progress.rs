//! What a leader knows of one follower in its epoch.

use std::time::Duration;

use uuid::Uuid;

/// Appends that may be under way to one follower. With appends of 1 MiB that is the window of 4 MiB for a partition.
const IN_FLIGHT_MAX: usize = 4;

/// Resends double their interval this often.
const BACKOFFS: u8 = 2;

/// Ends of the appends that got no answer yet, oldest first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct InFlight {
    ends: [i64; IN_FLIGHT_MAX],
    count: usize,
}

impl InFlight {
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    pub fn is_full(&self) -> bool {
        self.count == IN_FLIGHT_MAX
    }

    pub fn push(&mut self, end: i64) {
        self.ends[self.count] = end;
        self.count += 1;
    }

    /// Everything up to `end` was answered.
    pub fn answered(&mut self, end: i64) {
        let done = self.ends[..self.count].iter().take_while(|&&sent| sent <= end).count();
        self.ends.copy_within(done..self.count, 0);
        self.count -= done;
    }

    pub fn clear(&mut self) {
        self.count = 0;
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Progress {
    pub node: i32,
    pub storage_id: Uuid,
    /// The follower holds everything before this, durably; None: it did not say in this epoch.
    pub matched: Option<i64>,
    /// Where the next append starts. Never below `matched`.
    pub next: i64,
    /// One append at a time, until one is matched: nothing is known of the follower's log.
    pub probing: bool,
    pub in_flight: InFlight,
    /// When something must be sent again if nothing is heard.
    pub resend_at: Duration,
    pub resends: u8,
    pub told_high_watermark: i64,
    /// When the follower last held everything that the leader had then (Kafka's `lastCaughtUpTimeMs`).
    pub caught_up_at: Duration,
    /// It acknowledged something since it was last proposed, and since the last state: it is there.
    pub spoke: bool,
    /// (when, the log's end then), when the follower was last heard.
    heard: (Duration, i64),
}

impl Progress {
    pub fn new(node: i32, storage_id: Uuid, next: i64, now: Duration) -> Progress {
        Progress {
            node,
            storage_id,
            matched: None,
            next,
            probing: true,
            in_flight: InFlight::default(),
            resend_at: now,
            resends: 0,
            told_high_watermark: -1,
            caught_up_at: now,
            spoke: false,
            heard: (now, i64::MAX),
        }
    }

    /// The follower said that it holds everything before `end`.
    pub fn on_matched(&mut self, end: i64, log_end: i64, now: Duration) {
        let matched = self.matched.map_or(end, |held| held.max(end));
        self.matched = Some(matched);
        if self.probing {
            self.probing = false;
            self.in_flight.clear();
            self.next = matched;
        } else {
            self.in_flight.answered(matched);
            self.next = self.next.max(matched);
        }
        self.resends = 0;
        self.spoke = true;
        // As Kafka's `ReplicaState.updateFetchState`: a follower that reaches where the log ended at its last word was
        // caught up then, even if the log never stands still.
        if matched >= log_end {
            self.caught_up_at = now;
        } else if matched >= self.heard.1 {
            self.caught_up_at = self.caught_up_at.max(self.heard.0);
        }
        self.heard = (now, log_end);
    }

    /// Starts over from `next`, with one append at a time.
    pub fn probe(&mut self, next: i64) {
        self.probing = true;
        self.in_flight.clear();
        self.next = next;
    }

    pub fn may_send(&self) -> bool {
        if self.probing {
            self.in_flight.is_empty()
        } else {
            !self.in_flight.is_full()
        }
    }

    pub fn on_sent(&mut self, end: i64, high_watermark: i64, now: Duration, resend_after: Duration) {
        self.in_flight.push(end);
        self.told_high_watermark = high_watermark;
        self.resend_at = now + resend_after * (1 << self.resends.min(BACKOFFS));
        if !self.probing {
            self.next = end;
        }
    }

    /// Does it lag behind too far for an in-sync replica?
    pub fn lags(&self, log_end: i64, now: Duration, lag_time_max: Duration) -> bool {
        self.matched != Some(log_end) && now >= self.caught_up_at + lag_time_max
    }
}
