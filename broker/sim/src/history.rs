//! What the clients saw, from outside: the only thing that the checkers judge.

use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
    rc::Rc,
};

/// A value that one producer sends once: unique in a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Value {
    pub producer: u32,
    pub number: u32,
}

impl Value {
    pub fn to_u64(self) -> u64 {
        u64::from(self.producer) << 32 | u64::from(self.number)
    }

    pub fn from_u64(word: u64) -> Value {
        Value {
            producer: (word >> 32) as u32,
            number: word as u32,
        }
    }
}

/// What became of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// No answer: it may be in the log, or not, or come there later.
    Unknown,
    Acked {
        base_offset: i64,
    },
    /// Known to be in the log by an earlier try, where is not known.
    AckedSomewhere,
    /// The broker said no, with this code, and must not have it.
    Refused(i16),
}

/// One batch that a producer wants in a partition; tried again only by an idempotent producer.
#[derive(Clone, Debug)]
pub struct Send {
    pub producer: u32,
    pub idempotent: bool,
    pub partition: i32,
    pub values: Vec<Value>,
    pub began_ns: u64,
    /// When the answer came.
    pub ended_ns: u64,
    pub outcome: Outcome,
}

/// One fetch response's share of a partition.
#[derive(Clone, Debug)]
pub struct Poll {
    pub partition: i32,
    pub asked_offset: i64,
    pub began_ns: u64,
    pub ended_ns: u64,
    pub high_watermark: i64,
    pub records: Vec<(i64, Value)>,
}

/// One offset that a group member commits.
#[derive(Clone, Debug)]
pub struct Commit {
    pub partition: i32,
    pub offset: i64,
    pub ended_ns: u64,
    /// If not, nobody knows.
    pub acked: bool,
}

/// A committed offset that somebody was told; -1 for none.
#[derive(Clone, Debug)]
pub struct LookUp {
    pub partition: i32,
    pub offset: i64,
    pub began_ns: u64,
}

/// What a group member was given.
#[derive(Clone, Debug)]
pub struct Ownership {
    pub generation: i32,
    pub member: String,
    pub partitions: Vec<i32>,
    pub at_ns: u64,
}

#[derive(Debug, Default)]
pub struct History {
    pub sends: Vec<Send>,
    pub polls: Vec<Poll>,
    /// The whole log of each partition, read after the last restart: `(offset, value)`.
    pub finals: BTreeMap<i32, Vec<(i64, Value)>>,
    pub commits: Vec<Commit>,
    pub look_ups: Vec<LookUp>,
    pub ownerships: Vec<Ownership>,
    /// Something on the disk rotted, and the broker may refuse what it cannot vouch for any more.
    pub rotted: bool,
    /// Partitions of which the broker said that it has not all.
    pub refused: BTreeSet<i32>,
    /// What a client saw that no broker may do.
    pub protocol_faults: Vec<String>,
}

/// Shared by all clients of a run.
pub type SharedHistory = Rc<RefCell<History>>;

impl History {
    pub fn acked_records(&self) -> usize {
        let acked = self
            .sends
            .iter()
            .filter(|send| matches!(send.outcome, Outcome::Acked { .. } | Outcome::AckedSomewhere));
        acked.map(|send| send.values.len()).sum()
    }
}
