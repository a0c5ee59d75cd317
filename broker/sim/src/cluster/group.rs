//! One raft group on one running node: the real core and what its driver keeps for it.

use std::time::Duration;

use bytes::Bytes;
use corelane_raft::{Config, Output, Raft, VoterId, Voters};

use super::{alarm::Alarm, group_log::GroupLog};
use crate::Random;

#[derive(Debug)]
pub struct Group {
    pub raft: Raft,
    pub log: GroupLog,
    /// The state machine holds everything before this.
    pub applied: u64,
    /// Bytes of a snapshot that this node took and that is not switched to yet.
    pub taken: Option<Bytes>,
    pub alarm: Alarm,
    /// Whom the core was told to bring up without a vote.
    pub learners: Voters,
    /// The voter that leaves next, and since when that is wanted (the node's time).
    pub leaves: Option<(VoterId, Duration)>,
    pub reads: Vec<PendingRead>,
    /// Its memory is used again.
    pub output: Output,
}

/// A linearizable read, and what was committed somewhere when it was asked for.
#[derive(Clone, Copy, Debug)]
pub struct PendingRead {
    pub number: u64,
    pub committed: u64,
}

impl Group {
    pub fn start(config: Config, disk: &GroupLog, now: Duration, random: &mut Random) -> Group {
        let raft = Raft::new(config, disk.recovered(), now, random.next_u64());
        Group {
            // The state machine begins at the snapshot: commits are learnt anew, so a restart shows an older state.
            applied: raft.commit(),
            raft,
            log: disk.clone(),
            taken: None,
            alarm: Alarm::default(),
            learners: Voters::default(),
            leaves: None,
            reads: Vec::new(),
            output: Output::default(),
        }
    }
}
