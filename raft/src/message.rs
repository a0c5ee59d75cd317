//! The words that a step takes and gives.

use bytes::Bytes;

/// Raft's term. Storage keeps it as a leader epoch, so it never exceeds `i32::MAX`.
pub type Term = u32;

/// Who votes: a node *with this disk*. A node whose disk was wiped is another voter (KIP-853: node id and directory id).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct VoterId {
    pub node: i32,
    pub storage_id: u128,
}

/// A prefix of a log: how many entries, and the term of the last of them (0 for none).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Position {
    pub end: u64,
    pub term: Term,
}

impl Position {
    /// Which of two logs a voter must prefer (Raft §5.4.1).
    pub fn is_at_least_as_new_as(self, other: Position) -> bool {
        (self.term, self.end) >= (other.term, other.end)
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    pub term: Term,
    pub payload: Payload,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Payload {
    /// A leader's first entry; with it committed, everything before is committed too.
    LeaderStart,
    /// What somebody proposed; opaque here.
    Proposal(Bytes),
}

impl Payload {
    /// Bytes for the limits on messages; an estimate of what travels.
    pub fn bytes(&self) -> usize {
        match self {
            Payload::LeaderStart => 16,
            Payload::Proposal(bytes) => 16 + bytes.len(),
        }
    }
}

/// Term and vote, always written as one record: apart they allow two votes in a term.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HardState {
    pub term: Term,
    pub vote: Option<VoterId>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    /// Would you vote for me in `term`? Changes nothing at the receiver (Raft thesis §9.6).
    PreVote {
        term: Term,
        last: Position,
    },
    PreVoteReply {
        term: Term,
        granted: bool,
    },
    Vote {
        term: Term,
        last: Position,
    },
    VoteReply {
        term: Term,
        granted: bool,
    },
    /// Entries after `prev`; without any it is a heartbeat. `commit` is an end, exclusive.
    Append {
        term: Term,
        prev: Position,
        entries: Vec<Entry>,
        commit: u64,
    },
    AppendReply {
        term: Term,
        outcome: AppendOutcome,
    },
}

impl Message {
    pub fn term(&self) -> Term {
        match *self {
            Message::PreVote { term, .. }
            | Message::PreVoteReply { term, .. }
            | Message::Vote { term, .. }
            | Message::VoteReply { term, .. }
            | Message::Append { term, .. }
            | Message::AppendReply { term, .. } => term,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AppendOutcome {
    /// Everything before this end is the leader's and is durable here.
    Matched(u64),
    /// The append after `prev_end` did not fit; `hint` is a prefix that may.
    Conflict { prev_end: u64, hint: Position },
    /// The sender of the append is of an older term.
    Stale,
}

#[derive(Clone, Debug)]
pub enum Input {
    /// Time passed. Due at [`crate::Raft::next_wake`].
    Tick,
    Received {
        from: VoterId,
        message: Message,
    },
    /// Answered by [`Output::proposed`].
    Propose(Bytes),
    /// Everything up to and including the [`Persist`] of this number is durable.
    Persisted(u64),
}

/// What to make durable, in this order: hard state, truncate, append.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Persist {
    /// Grows by one with every persist that is not empty; hand it back in [`Input::Persisted`].
    pub number: u64,
    pub hard_state: Option<HardState>,
    /// Remove all entries from this index on.
    pub truncate_to: Option<u64>,
    /// Index of the first entry of `append`.
    pub append_at: u64,
    pub append: Vec<Entry>,
}

impl Persist {
    pub fn is_empty(&self) -> bool {
        self.hard_state.is_none() && self.truncate_to.is_none() && self.append.is_empty()
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outgoing {
    pub to: VoterId,
    pub message: Message,
}

/// The effects of one step.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Output {
    pub persist: Persist,
    pub send_now: Vec<Outgoing>,
    pub send_after_persist: Vec<Outgoing>,
    /// Entries before this index are committed and may be applied. Never decreases.
    pub commit: u64,
    /// After [`Input::Propose`]: the entry's index, or None where this node does not lead.
    pub proposed: Option<u64>,
}
