//! What a group's committed entries mean, and who decides the next one.

use bytes::Bytes;
use corelane_raft::Entry;

use super::publication::Change;

/// How this node stands in a group.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    pub term: u32,
    /// Node id.
    pub leader: Option<i32>,
    pub is_leader: bool,
    /// Leads, and everything that ever was committed is applied: the next entry may be decided.
    pub is_ready: bool,
}

/// The state machine of one group. The driver calls it; whoever wishes something of it has a handle of its own, and
/// tells the driver to look.
pub trait Machine {
    /// Index after the last entry that was applied.
    fn applied_end(&self) -> u64;

    /// The entry at `index` is committed.
    ///
    /// # Errors
    /// For an operator: it cannot be read or does not fit. The process ends, since skipping it would make this node's
    /// state another than everybody else's.
    fn apply(&mut self, index: u64, entry: &Entry) -> Result<(), String>;

    /// Called whenever it changed. Leadership may have been lost in between, also if it is held again in another term.
    fn stand(&mut self, standing: Standing);

    /// Looks what was wished, and refuses it where another node leads. True: there is something to propose.
    fn has_wishes(&mut self) -> bool;

    /// The value of the entry at `index`, which is the next: asked only of a ready leader that has no proposal in
    /// flight. None: there is nothing to propose after all.
    ///
    /// # Errors
    /// For an operator: a decision that contradicts itself, which ends the process.
    fn propose(&mut self, index: u64) -> Result<Option<Bytes>, String>;

    /// Hands out what happened since the last call.
    fn news(&mut self, news: &mut News);
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
