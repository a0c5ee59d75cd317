//! What a group's committed entries mean, and who decides the next one.

use std::time::Duration;

use bytes::Bytes;
use corelane_raft::{Entry, Payload};

use super::{publication::Change, snapshots::State};
use crate::metadata::{
    controller::Standing,
    records::{self, Record, RecordError},
    snapshot,
};

/// The state machine of one group. The driver calls it; whoever wishes something of it has a handle of its own, and
/// tells the driver to look.
///
/// Errors are for an operator, and end the process: an entry that cannot be read or does not fit, a decision that
/// contradicts itself. To go on without it would make this node's state another than everybody else's.
pub trait Machine {
    /// Starts from this state instead of none; comes before everything else.
    fn restore(&mut self, state: snapshot::Snapshot) -> Result<(), String>;

    /// What the entries that were applied led to.
    fn state(&self) -> State;

    /// Index after the last entry that was applied.
    fn applied_end(&self) -> u64;

    /// The entry at `index` is committed.
    fn apply(&mut self, now: Duration, index: u64, entry: &Entry) -> Result<(), String>;

    /// Called whenever it changed. Leadership may have been lost in between, also if it is held again in another term.
    fn stand(&mut self, now: Duration, standing: Standing) -> Result<(), String>;

    /// Takes what was wished meanwhile, and sees what time is it. True: there is something to propose.
    fn look(&mut self, now: Duration) -> Result<bool, String>;

    /// The value of the entry at `index`, which is the next: asked only of a ready leader that has no proposal in
    /// flight. None: there is nothing to propose after all.
    fn propose(&mut self, now: Duration, index: u64) -> Result<Option<Bytes>, String>;

    /// When time alone gives something to propose.
    fn next_wake(&self) -> Option<Duration>;

    /// Hands out what happened since the last call.
    fn news(&mut self, news: &mut News);
}

/// What an entry says about metadata; raft's own say nothing.
pub(super) fn records_of(entry: &Entry) -> Result<Vec<Record>, RecordError> {
    match &entry.payload {
        Payload::LeaderStart | Payload::Voters(_) => Ok(Vec::new()),
        Payload::Proposal(value) => records::decode(value),
    }
}

/// Tells one who asked what became of it.
pub type Answer = Box<dyn FnOnce()>;

/// What the cores must know, and who is answered once they know.
#[derive(Default)]
pub struct News {
    pub changes: Vec<Change>,
    pub answers: Vec<Answer>,
}

impl News {
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty() && self.answers.is_empty()
    }
}
