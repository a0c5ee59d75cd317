//! Who decides: the leader of a group, one round at a time. Pure: events and time go in, proposals and answers come out.
//!
//! ```text
//!   asked ──> queue ──Propose──> round: each wish on what the ones before leave ──> value ──> raft
//!                                  │ refusals wait with the others                            │
//!                                  └────────── answers <── Applied (committed) <──────────────┘
//! ```
//!
//! One proposal is in flight, so what is decided on is always what was committed, plus this round. With leadership, the
//! round is gone: nobody knows what becomes of its entry, and whoever asked must ask again.

mod root;
mod rounds;
mod sessions;
mod shard;

use std::time::Duration;

use bytes::Bytes;

use super::decide::WishError;

pub use root::{Environment, RootController};
pub use rounds::not_controller;
pub use shard::ShardController;

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

#[derive(Clone, Debug)]
pub enum Input<W> {
    /// Leadership changed. Every change must be told, also a loss and regain.
    Stand(Standing),
    /// Answered under this id, once.
    Asked { id: u64, wish: W },
    /// The entry at `index`, of this term, is committed, and the images that are handed in hold it.
    Applied { index: u64, term: u32 },
    /// There is room for the entry at `index`, which is the next: decide it, if there is anything to decide.
    Propose { index: u64 },
    /// Time passed, or root changed.
    Tick,
}

/// Reused by the caller: a step adds, the caller takes.
#[derive(Debug)]
pub struct Output<A> {
    /// To be proposed as the entry that [`Input::Propose`] named.
    pub proposal: Option<Bytes>,
    pub answers: Vec<(u64, Result<A, WishError>)>,
}

impl<A> Default for Output<A> {
    fn default() -> Output<A> {
        Output {
            proposal: None,
            answers: Vec::new(),
        }
    }
}

/// Times and bounds; the same for all groups of a node.
#[derive(Clone, Copy, Debug)]
pub struct Timing {
    /// `broker.session.timeout.ms`
    pub session_timeout: Duration,
    /// `leader.imbalance.check.interval.seconds`; None: leaders are not balanced.
    pub balance_interval: Option<Duration>,
    /// The value of one proposal has at most so many bytes.
    pub proposal_bytes_max: usize,
}
