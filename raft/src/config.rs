//! What a group is told at start.

use std::time::Duration;

use crate::{Entry, HardState, Payload, Rules, Snapshot, Terms, VoterId, Voters};

#[derive(Clone, Debug)]
pub struct Config {
    pub me: VoterId,
    /// Who votes as long as neither a snapshot nor an entry says otherwise: the same on all founding voters, and never
    /// changed. Empty on a node that joins later; it follows, and never campaigns until the log gives it a vote.
    pub voters: Voters,
    /// A follower campaigns after a random time between these two without a leader. A leader that has not heard a
    /// majority for the longer one steps down.
    pub election_timeout_min: Duration,
    pub election_timeout_max: Duration,
    /// Must be well below `election_timeout_min`. All groups of a process beat at the same multiples of it, so that their
    /// heartbeats can travel together.
    pub heartbeat_interval: Duration,
    /// Bytes of entries in one append, about, and of a snapshot's chunk.
    pub append_bytes_max: usize,
    /// Spreads leaders: the voter at place `priority mod voters` is preferred. None: whoever is first.
    pub priority: Option<u32>,
    pub rules: Rules,
}

impl Config {
    /// Production's times (design: 600 to 1200 ms, heartbeats each 100 ms).
    pub fn new(me: VoterId, voters: impl Into<Voters>) -> Config {
        Config {
            me,
            voters: voters.into(),
            election_timeout_min: Duration::from_millis(600),
            election_timeout_max: Duration::from_millis(1200),
            heartbeat_interval: Duration::from_millis(100),
            append_bytes_max: 1 << 20,
            priority: None,
            rules: Rules::production(),
        }
    }
}

/// What the disk held at start. All of it counts as durable.
#[derive(Clone, Debug, Default)]
pub struct Recovered {
    pub hard_state: HardState,
    /// The last [`crate::SnapshotSwitch`], if there ever was one.
    pub snapshot: Option<Snapshot>,
    pub terms: Terms,
    /// (index, voters) of the entries that name voters.
    pub voters: Vec<(u64, Voters)>,
}

impl Recovered {
    /// Takes the log's next entry.
    pub fn push(&mut self, entry: &Entry) {
        if let Payload::Voters(voters) = &entry.payload {
            self.voters.push((self.terms.end(), voters.clone()));
        }
        self.terms.push(entry.term);
    }
}
