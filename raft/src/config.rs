//! What a group is told at start.

use std::{collections::BTreeSet, time::Duration};

use crate::{HardState, Terms, VoterId};

#[derive(Clone, Debug)]
pub struct Config {
    pub me: VoterId,
    /// All who vote. A node that is not among them follows and never campaigns.
    pub voters: BTreeSet<VoterId>,
    /// A follower campaigns after a random time between these two without a leader. A leader that has not heard a
    /// majority for the longer one steps down.
    pub election_timeout_min: Duration,
    pub election_timeout_max: Duration,
    /// Must be well below `election_timeout_min`.
    pub heartbeat_interval: Duration,
    /// Bytes of entries in one append, about.
    pub append_bytes_max: usize,
    pub rules: Rules,
}

impl Config {
    /// Production's times (design: 600 to 1200 ms, heartbeats each 100 ms).
    pub fn new(me: VoterId, voters: BTreeSet<VoterId>) -> Config {
        Config {
            me,
            voters,
            election_timeout_min: Duration::from_millis(600),
            election_timeout_max: Duration::from_millis(1200),
            heartbeat_interval: Duration::from_millis(100),
            append_bytes_max: 1 << 20,
            rules: Rules::production(),
        }
    }
}

/// What the disk held at start. All of it counts as durable.
#[derive(Clone, Debug, Default)]
pub struct Recovered {
    pub hard_state: HardState,
    pub terms: Terms,
}

/// The safety rules, as a value: production has them all, and tests take one away to see that they would notice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rules {
    /// Only entries of the leader's own term are committed by counting (Raft §5.4.2, figure 8).
    pub commit_own_term_only: bool,
    /// The leader's own log and own vote count once they are durable (etcd #14370).
    pub own_counts_when_durable: bool,
    /// A follower removes entries only at a real conflict of terms (redpanda #17731).
    pub truncate_only_at_conflict: bool,
    /// A follower acknowledges what it matched, not what it holds (redpanda d0e45c0baf, KAFKA-13141).
    pub acknowledge_only_matched: bool,
    /// A vote goes only to a log that is at least as new (Raft §5.4.1).
    pub vote_needs_newer_log: bool,
    /// At most one vote in a term.
    pub one_vote_per_term: bool,
}

impl Rules {
    pub const fn production() -> Rules {
        Rules {
            commit_own_term_only: true,
            own_counts_when_durable: true,
            truncate_only_at_conflict: true,
            acknowledge_only_matched: true,
            vote_needs_newer_log: true,
            one_vote_per_term: true,
        }
    }
}
