//! What groups need of the journal that they share.

use std::future::Future;

use corelane_raft::{Entry, GroupId, HardState, LogView, Persist, Position, Snapshot};

use super::snapshots::State;
use crate::metadata::snapshot;

/// Text for an operator: a log cannot be read or written, and nothing may go on.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("metadata log: {0}")]
pub struct LogError(pub String);

#[derive(Clone, Debug, Default)]
pub struct RecoveredLog {
    pub hard_state: HardState,
    /// The last that was switched to, if any.
    pub snapshot: Option<RecoveredSnapshot>,
    /// From where the snapshot says on, otherwise from index 0.
    pub entries: Vec<Entry>,
}

#[derive(Clone, Debug)]
pub struct RecoveredSnapshot {
    pub snapshot: Snapshot,
    /// Not beyond the snapshot.
    pub log_start: Position,
    pub state: snapshot::Snapshot,
}

/// Where the groups of one core keep their logs. Cheap to clone; clones are the same journal.
pub trait Journal: Clone + 'static {
    /// A place in the journal. What is durable to there is durable in every log.
    type Ticket: Copy + 'static;
    type Log: GroupLog<Ticket = Self::Ticket>;

    /// The logs of these groups, in this order; made if they are new.
    fn logs(&self, groups: &[GroupId]) -> Vec<Self::Log>;

    fn wait_durable(&self, ticket: Self::Ticket) -> impl Future<Output = Result<(), LogError>> + 'static;

    /// Whether anything should be written now; asked again a little later. What is written without room ends the
    /// process.
    fn has_room(&self) -> bool;

    /// Bytes of the largest proposal that it takes.
    fn proposal_bytes_max(&self) -> usize;
}

/// One group's log.
pub trait GroupLog: LogView + 'static {
    type Ticket: Copy + 'static;

    fn recover(&self) -> impl Future<Output = Result<RecoveredLog, LogError>>;

    /// Takes all of it at once; the ticket is for this and everything that was written to the journal before.
    fn persist(&self, persist: &Persist, wall_ms: i64) -> Result<Self::Ticket, LogError>;

    /// Makes the bytes of a snapshot durable, beside those that the log goes on from; what is left of others goes. False:
    /// there is no room for it. A [`GroupLog::persist`] switches to it.
    fn write_snapshot(&self, id: Position, state: State) -> impl Future<Output = Result<bool, LogError>> + 'static;
}
