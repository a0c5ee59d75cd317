//! What is done to a cluster from outside, at a planned moment.

use super::{operations::Operation, timeline::Micros};

#[derive(Clone, Debug, PartialEq)]
pub struct Planned {
    pub at: Micros,
    pub action: Action,
}

/// Whom an action hits; a role is looked up when the action is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Who {
    Node(usize),
    GroupLeader(usize),
    /// By the partition's number, modulo how many there are.
    PartitionLeader(usize),
    PartitionFollower(usize),
}

#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// SIGKILL or power loss: of what was not durable, the disk keeps any prefix. Back after `down`.
    Kill {
        who: Who,
        down: Micros,
    },
    KillAll {
        down: Micros,
    },
    /// SIGSTOP, a long page fault, a paused virtual machine: nothing is lost, everything is late.
    Pause {
        who: Who,
        lasts: Micros,
    },
    /// One direction of one link.
    Cut {
        from: usize,
        to: usize,
        lasts: Micros,
    },
    /// One node from all others, both ways.
    Isolate {
        who: Who,
        lasts: Micros,
    },
    /// Bits of `left` from the rest.
    Split {
        left: u32,
        lasts: Micros,
    },
    /// Cut for one period, whole for one period, and so on.
    Flap {
        from: usize,
        to: usize,
        period: Micros,
        times: u32,
    },
    /// Everything of one direction arrives at the end, at once.
    Clog {
        from: usize,
        to: usize,
        lasts: Micros,
    },
    StallDisk {
        who: Who,
        lasts: Micros,
    },
    /// Hears nothing of root and shards, while it reaches everybody: who leads does not know that it was replaced.
    Blind {
        who: Who,
        lasts: Micros,
    },
    /// EIO: the process stops itself (rule D11).
    FailDisk {
        who: Who,
        down: Micros,
    },
    /// Killed, its disk formatted anew, and started again: another replica, another voter.
    Wipe {
        who: Who,
        down: Micros,
    },
    Clock {
        who: Who,
        rate: u64,
    },
    /// The operator wishes that a node votes, or that it does not.
    Voter {
        who: Who,
        votes: bool,
    },
    /// A group's leader hands over.
    Transfer {
        group: usize,
        to: Option<usize>,
    },
    /// An operator's command.
    Operate(Operation),
    /// Controlled shutdown, and a start after `down`.
    ShutDown {
        who: Who,
        down: Micros,
    },
    /// A node gives up leading its groups (no contact with the root group).
    Resign {
        who: Who,
    },
}
