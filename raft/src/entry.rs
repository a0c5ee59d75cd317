//! What a log is made of, and how two logs are compared.

use bytes::Bytes;

use crate::Voters;

/// Raft's term. Storage keeps it as a leader epoch, so it never exceeds `i32::MAX`.
pub type Term = u32;

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
    /// Who votes from here on. In force as soon as it is in the log, committed or not (Raft thesis §4.1).
    Voters(Voters),
    /// What somebody proposed; opaque here.
    Proposal(Bytes),
}

impl Payload {
    /// Bytes for the limits on messages; an estimate of what travels.
    pub fn bytes(&self) -> usize {
        match self {
            Payload::LeaderStart => 16,
            Payload::Voters(voters) => 16 + 20 * voters.len(),
            Payload::Proposal(bytes) => 16 + bytes.len(),
        }
    }
}

/// Names a snapshot and says what the log alone cannot: who voted there. The state itself is in the driver's file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    /// The state after exactly these entries (KIP-630's end offset and epoch).
    pub id: Position,
    /// In force at `id`.
    pub voters: Voters,
}
