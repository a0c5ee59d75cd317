//! The deadlines of one coordinator, ordered by time. Scheduling a key again moves it; so there is at most one deadline
//! per group phase and per member, and memory is bounded by the members.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use super::{GroupId, MemberId};
use crate::runtime::world::Instant;

/// What a deadline is for. The order decides among equal deadlines, so that a run can be replayed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum TimerKey {
    /// End of the join phase.
    Join(GroupId),
    /// Members that have not sent SyncGroup by then are removed.
    Sync(GroupId),
    /// A member's session.
    Session(GroupId, MemberId),
    /// The next search for expired offsets.
    Expiry,
}

#[derive(Default)]
pub(super) struct Timers {
    by_key: BTreeMap<TimerKey, Instant>,
    by_time: BTreeSet<(Instant, TimerKey)>,
}

impl Timers {
    /// A negative delay (clients may send one) counts as none.
    pub fn schedule(&mut self, key: TimerKey, now: Instant, delay_ms: i64) {
        let deadline = now.after(Duration::from_millis(delay_ms.max(0) as u64));
        if let Some(earlier) = self.by_key.insert(key.clone(), deadline) {
            self.by_time.remove(&(earlier, key.clone()));
        }
        self.by_time.insert((deadline, key));
    }

    pub fn cancel(&mut self, key: &TimerKey) {
        if let Some(deadline) = self.by_key.remove(key) {
            self.by_time.remove(&(deadline, key.clone()));
        }
    }

    pub fn next_deadline(&self) -> Option<Instant> {
        self.by_time.first().map(|(deadline, _)| *deadline)
    }

    /// Takes the earliest timer that is due.
    pub fn pop_due(&mut self, now: Instant) -> Option<TimerKey> {
        if self.next_deadline()? > now {
            return None;
        }
        let (_, key) = self.by_time.pop_first()?;
        self.by_key.remove(&key);
        Some(key)
    }

    pub fn clear(&mut self) {
        self.by_key.clear();
        self.by_time.clear();
    }
}
