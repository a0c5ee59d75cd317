//! When a group's log gives way to the state that it led to, and that state on its way to the disk.
//!
//! ```text
//!   due ─> state, named by raft ─> file, durable ─> raft: switch ─> one record ─> the log starts behind it, older files go
//! ```
//! One snapshot of a core is written at a time, while its groups go on. Until the record is durable the old state is what a
//! start finds, with the log that goes on from it.

use std::{future::Future, pin::Pin, sync::Arc, time::Duration};

use bytes::Bytes;
use corelane_raft::Snapshot;

use super::journal::LogError;
use crate::{
    limits::{SNAPSHOT_AFTER, SNAPSHOT_ENTRIES_AT_START, SNAPSHOT_LOG_BYTES, SNAPSHOT_RETRY},
    metadata::{
        RootImage,
        snapshot::{self, root_frames, shard_frames},
    },
};

/// What a log may grow to before it is cut.
#[derive(Clone, Copy, Debug)]
pub struct SnapshotTiming {
    /// Bytes of entries behind the last snapshot.
    pub log_bytes: u64,
    /// Since the first of these entries was applied here.
    pub after: Duration,
    /// That a start finds in the log.
    pub entries_at_start: usize,
}

impl Default for SnapshotTiming {
    fn default() -> SnapshotTiming {
        SnapshotTiming {
            log_bytes: SNAPSHOT_LOG_BYTES,
            after: SNAPSHOT_AFTER,
            entries_at_start: SNAPSHOT_ENTRIES_AT_START,
        }
    }
}

/// A group's state as of one entry, which stays as it is while the group goes on.
pub struct State {
    pub state: snapshot::Snapshot,
    /// Says what of a shard is garbage.
    pub root: Arc<RootImage>,
}

impl State {
    /// The bytes of the snapshot.
    pub fn pieces(&self) -> Box<dyn Iterator<Item = Bytes> + '_> {
        match &self.state {
            snapshot::Snapshot::Root(image) => Box::new(root_frames(image)),
            snapshot::Snapshot::Shard(number, image) => Box::new(shard_frames(*number, image, &self.root)),
        }
    }
}

/// Gives the snapshot once its file is durable; None if there is no room for it.
pub(super) type SnapshotWrite = Pin<Box<dyn Future<Output = Result<Option<Snapshot>, LogError>>>>;

/// One group's.
pub(super) struct Schedule {
    timing: SnapshotTiming,
    /// Bytes of the applied entries that no snapshot covers, and since when there are any.
    bytes: u64,
    since: Option<Duration>,
    /// As soon as there is something to cover, and the last attempt is long enough ago.
    is_wanted: bool,
    not_before: Duration,
    stage: Stage,
}

enum Stage {
    Idle,
    Writing,
    /// The switch to it has this number of a persist.
    Switching(u64),
}

impl Schedule {
    /// The log has so many entries.
    pub fn new(timing: SnapshotTiming, entries: usize) -> Schedule {
        Schedule {
            timing,
            bytes: 0,
            since: None,
            is_wanted: entries >= timing.entries_at_start,
            not_before: Duration::ZERO,
            stage: Stage::Idle,
        }
    }

    pub fn on_applied(&mut self, now: Duration, bytes: u64) {
        self.since.get_or_insert(now);
        self.bytes += bytes;
        self.is_wanted |= self.bytes >= self.timing.log_bytes;
    }

    /// When the next one is to be taken, as things are. None: nothing is new, or one is on its way.
    pub fn due_at(&self) -> Option<Duration> {
        let since = self.since.filter(|_| matches!(self.stage, Stage::Idle))?;
        let at = if self.is_wanted {
            since
        } else {
            since.saturating_add(self.timing.after)
        };
        Some(at.max(self.not_before))
    }

    /// One is taken, of all that was applied.
    pub fn begin(&mut self) {
        self.stage = Stage::Writing;
        self.bytes = 0;
        self.since = None;
        self.is_wanted = false;
    }

    /// It was not to be had; there is another attempt later.
    pub fn postpone(&mut self, now: Duration) {
        self.stage = Stage::Idle;
        self.since.get_or_insert(now);
        self.is_wanted = true;
        self.not_before = now + SNAPSHOT_RETRY;
    }

    pub fn on_switch(&mut self, number: u64) {
        self.stage = Stage::Switching(number);
    }

    pub fn on_persisted(&mut self, number: u64) {
        if matches!(self.stage, Stage::Switching(switch) if switch <= number) {
            self.stage = Stage::Idle;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: a log is cut when it grew, or is old and has something new, or was long at start; never twice at once, and a
    /// disk without room is not asked at every entry.
    #[test]
    fn a_snapshot_is_due_for_a_reason() {
        let seconds = Duration::from_secs;
        let timing = SnapshotTiming {
            log_bytes: 100,
            after: seconds(60),
            entries_at_start: 10,
        };
        let mut schedule = Schedule::new(timing, 9);
        assert_eq!(schedule.due_at(), None, "nothing is new");
        schedule.on_applied(seconds(1), 60);
        schedule.on_applied(seconds(2), 39);
        assert_eq!(schedule.due_at(), Some(seconds(61)));
        schedule.on_applied(seconds(3), 1);
        assert_eq!(schedule.due_at(), Some(seconds(1)), "at once");
        schedule.begin();
        schedule.on_applied(seconds(4), 1000);
        assert_eq!(schedule.due_at(), None, "one at a time");
        schedule.on_switch(7);
        schedule.on_persisted(6);
        assert_eq!(schedule.due_at(), None);
        schedule.on_persisted(7);
        assert_eq!(schedule.due_at(), Some(seconds(4)));
        schedule.begin();
        schedule.postpone(seconds(10));
        assert_eq!(schedule.due_at(), Some(seconds(10) + SNAPSHOT_RETRY));

        let mut long = Schedule::new(timing, 10);
        assert_eq!(long.due_at(), None, "what is in the log may not be committed");
        long.on_applied(seconds(1), 1);
        assert_eq!(long.due_at(), Some(seconds(1)));
    }
}
