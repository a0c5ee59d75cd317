//! Tests of the crate.
//!
//! * `directed`, `terms`, `voters`, `heartbeats`: one rule or type a test.
//! * `scripts/*.txt`: stories over a small cluster, run by `script`. `UPDATE=1 cargo test -p corelane-raft` rewrites what
//!   they expect.
//! * `walk`: random clusters with every fault there is; `SEEDS=10000` walks longer.
//! * `mutants`: each rule is taken away in turn, and a script or the walk must notice.
//!
//! `cluster` is what all of them run on: nodes with disks and a network, and the invariants, checked after every step.

#![expect(
    clippy::disallowed_methods,
    reason = "tests read their scripts and their number of seeds"
)]

mod cluster;
mod directed;
mod heartbeats;
mod mutants;
mod script;
mod terms;
mod voters;
mod walk;

use std::time::Duration;

use bytes::Bytes;

use crate::{Config, Entry, Payload, VoterId, Voters};

pub(crate) fn voter(node: i32) -> VoterId {
    VoterId {
        node,
        storage_id: 1000 + node as u128,
    }
}

pub(crate) fn voters(count: i32) -> Voters {
    (0..count).map(voter).collect()
}

pub(crate) fn entry(term: u32, text: &str) -> Entry {
    Entry {
        term,
        payload: Payload::Proposal(Bytes::copy_from_slice(text.as_bytes())),
    }
}

pub(crate) fn config(me: i32, count: i32) -> Config {
    Config::new(voter(me), voters(count))
}

pub(crate) fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}
