//! What a step takes and what it gives.

use bytes::Bytes;

use crate::{Entry, Message, Outgoing, Position, Snapshot, Term, VoterId, Voters};

/// Term and vote, always written as one record: apart they allow two votes in a term (hashicorp/raft #661).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HardState {
    pub term: Term,
    pub vote: Option<VoterId>,
}

#[derive(Clone, Debug)]
pub enum Input {
    /// Time passed. Due at [`crate::Raft::next_wake`].
    Tick,
    Received {
        from: VoterId,
        message: Message,
    },
    /// Answered by [`Output::proposed`] or [`Output::refused`].
    Propose(Bytes),
    /// Everything up to and including the [`Persist`] of this number is durable.
    Persisted(u64),
    /// Who gets the log without a vote while this node leads. Remembered, not replicated: every node is told.
    Learners(Voters),
    /// One voter more or less. Answered as a proposal is; in force at once, safe when committed.
    ChangeVoters(VotersChange),
    /// A linearizable read, with a number of the caller's choice. Answered by [`Output::reads`], perhaps in a later step.
    Read(u64),
    /// Hand leadership to this voter, or to the one that is furthest. Ends after a while, with or without success.
    Transfer(Option<VoterId>),
    /// This node should not lead now (no contact with the root group, a journal that stalls). Given again while so.
    Resign,
    /// The driver holds a snapshot, as named by [`crate::Raft::snapshot_at`], complete and durable. Entries before
    /// `log_start` may go; keeping some spares followers that are only a little behind the whole snapshot.
    SnapshotTaken {
        snapshot: Snapshot,
        log_start: u64,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VotersChange {
    /// A learner that has caught up gets a vote.
    Add(VoterId),
    Remove(VoterId),
}

/// Why a proposal or a change was not taken. Nothing happened; most are worth another try.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    #[error("this node does not lead")]
    NotLeader,
    #[error("the leader has not committed an entry of its own term yet")]
    NotReady,
    #[error("leadership is being handed over")]
    Transferring,
    #[error("an earlier change of the voters is not committed yet")]
    ChangePending,
    #[error("the new voter has not caught up with the log yet")]
    NotCaughtUp,
    #[error("it votes already")]
    AlreadyVoter,
    #[error("it has no vote")]
    NotVoter,
    #[error("the last voter cannot leave")]
    LastVoter,
    #[error("there are as many voters as a group can have")]
    TooManyVoters,
}

/// What to make durable, in the order of the fields.
///
/// `snapshot`, if any, is **one record** with `hard_state`: a crash leaves all of it or nothing of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Persist {
    /// Grows by one with every persist that is not empty; hand it back in [`Input::Persisted`].
    pub number: u64,
    /// Goes to a file aside. Needs to be durable only with the `snapshot` that completes it.
    pub chunk: Option<ChunkWrite>,
    pub snapshot: Option<SnapshotSwitch>,
    pub hard_state: Option<HardState>,
    /// Remove all entries from this index on.
    pub truncate_to: Option<u64>,
    /// Index of the first entry of `append`.
    pub append_at: u64,
    pub append: Vec<Entry>,
}

/// Bytes of a snapshot that is coming in. At offset 0 whatever was there before is void.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChunkWrite {
    pub id: Position,
    pub offset: u64,
    pub bytes: Bytes,
}

/// From here on this node starts from this snapshot: the one that came in, if the persist has its last chunk, otherwise one
/// that the driver took.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SnapshotSwitch {
    pub snapshot: Snapshot,
    /// The log's first entry comes after this.
    pub log_start: Position,
    /// The log holds nothing that goes on from the snapshot: it is empty now.
    pub discard_log: bool,
}

impl Persist {
    pub fn is_empty(&self) -> bool {
        self.hard_state.is_none()
            && self.append.is_empty()
            && self.truncate_to.is_none()
            && self.chunk.is_none()
            && self.snapshot.is_none()
    }

    fn clear(&mut self) {
        self.number = 0;
        self.chunk = None;
        self.snapshot = None;
        self.hard_state = None;
        self.truncate_to = None;
        self.append_at = 0;
        self.append.clear();
    }
}

/// The effects of one step.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Output {
    pub persist: Persist,
    pub send_now: Vec<Outgoing>,
    pub send_after_persist: Vec<Outgoing>,
    /// Entries before this index are committed and may be applied. Never decreases.
    pub commit: u64,
    /// After [`Input::Propose`] and [`Input::ChangeVoters`]: the entry's index.
    pub proposed: Option<u64>,
    /// After the same and [`Input::Transfer`]: why nothing happens.
    pub refused: Option<Refused>,
    pub reads: Vec<Read>,
    /// A snapshot came in, complete: the state machine becomes it, and goes on with the entries after it.
    pub installed: Option<Snapshot>,
    /// Term, role, leader or readiness are not what they were before this step.
    pub role_changed: bool,
}

/// The answer to [`Input::Read`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Read {
    pub number: u64,
    /// A state with all entries before this shows everything that was committed when the read was asked for. None: this
    /// node cannot say, ask the leader.
    pub end: Option<u64>,
}

impl Output {
    /// Empty again, with its memory kept.
    pub fn clear(&mut self) {
        self.persist.clear();
        self.send_now.clear();
        self.send_after_persist.clear();
        self.commit = 0;
        self.proposed = None;
        self.refused = None;
        self.reads.clear();
        self.installed = None;
        self.role_changed = false;
    }
}
