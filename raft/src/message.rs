//! What nodes say to each other.
//!
//! A leader numbers its view of each peer with a *session*, anew whenever it starts to track that peer, and gets the
//! number back in every answer. With the term it is unique, since a leader's term is one life of one process: an answer of
//! a peer that was removed and added again says nothing of what the peer holds now (raft-rs #571).

use bytes::Bytes;

use crate::{Entry, Position, Snapshot, Term, VoterId};

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
    /// `transfer`: the leader itself asked for this election, so nobody need protect it (Raft thesis §4.2.3).
    Vote {
        term: Term,
        last: Position,
        transfer: bool,
    },
    VoteReply {
        term: Term,
        granted: bool,
    },
    /// Entries after `prev`. `commit` is an end, exclusive.
    Append {
        term: Term,
        session: u64,
        prev: Position,
        entries: Vec<Entry>,
        commit: u64,
    },
    AppendReply {
        term: Term,
        session: u64,
        outcome: AppendOutcome,
    },
    /// I lead still. `commit` is never above what this peer acknowledged. Many groups' heartbeats travel together, see
    /// [`crate::Heartbeats`].
    Heartbeat {
        term: Term,
        session: u64,
        commit: u64,
        /// Counts the rounds that confirm reads.
        round: u64,
    },
    /// `matched`: everything before it is the leader's and is durable here.
    HeartbeatReply {
        term: Term,
        session: u64,
        round: u64,
        matched: u64,
        /// Leadership would be taken over.
        willing: bool,
    },
    /// A part of a snapshot's bytes, for a peer that needs entries which the leader no longer has.
    Snapshot {
        term: Term,
        session: u64,
        snapshot: Snapshot,
        offset: u64,
        chunk: Bytes,
        last: bool,
    },
    /// Bytes from `offset` on are wanted next. A snapshot that is complete is answered as an append is.
    SnapshotReply {
        term: Term,
        session: u64,
        id: Position,
        offset: u64,
    },
    /// Campaign now: the leader hands over (Raft thesis §3.10).
    TimeoutNow {
        term: Term,
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
            | Message::AppendReply { term, .. }
            | Message::Heartbeat { term, .. }
            | Message::HeartbeatReply { term, .. }
            | Message::Snapshot { term, .. }
            | Message::SnapshotReply { term, .. }
            | Message::TimeoutNow { term } => term,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AppendOutcome {
    /// Everything before this end is the leader's and is durable here.
    Matched(u64),
    /// The append after `prev_end` did not fit; `hint` is a prefix that may.
    Conflict { prev_end: u64, hint: Position },
    /// The sender is of an older term.
    Stale,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outgoing {
    pub to: VoterId,
    pub message: Message,
}
