//! What can happen next, and to whom.

use super::{packet::Packet, timeline::Micros};

#[derive(Debug)]
pub enum Event {
    Deliver {
        to: usize,
        packet: Packet,
    },
    /// Some of a journal's writes are durable.
    Written {
        node: usize,
        life: u32,
        journal: usize,
    },
    /// A group's timer may be due.
    Wake {
        node: usize,
        life: u32,
        group: usize,
    },
    ReplicaWake {
        node: usize,
        life: u32,
        partition: usize,
    },
    /// A node applies entries of a log.
    Look {
        node: usize,
        life: u32,
        log: usize,
    },
    /// A broker tells root that it lives.
    Beat {
        node: usize,
        life: u32,
    },
    /// A produce request that waited for a paused leader.
    Append {
        node: usize,
        life: u32,
        partition: usize,
    },
    ControllerLook {
        shard: usize,
    },
    ControllerWake {
        node: usize,
        life: u32,
        log: usize,
    },
    /// A controller decides what it was asked meanwhile.
    Round {
        node: usize,
        life: u32,
        log: usize,
    },
    /// Controllers whose nodes do not run are replaced.
    Seats,
    Topics,
    Produce,
    Fetch,
    Propose,
    /// A linearizable read.
    Read,
    /// Leaders look at who shall vote.
    Members,
    /// The plan's action of this index.
    Act(usize),
    Start {
        node: usize,
    },
    /// A pause ends.
    Resume {
        node: usize,
    },
    Cut {
        from: usize,
        to: usize,
        until: Micros,
    },
}

impl Event {
    /// Whose process must run for this to happen.
    pub fn node(&self) -> Option<usize> {
        match *self {
            Event::Deliver { to: node, .. }
            | Event::Written { node, .. }
            | Event::Wake { node, .. }
            | Event::ReplicaWake { node, .. }
            | Event::ControllerWake { node, .. }
            | Event::Round { node, .. }
            | Event::Look { node, .. }
            | Event::Beat { node, .. }
            | Event::Append { node, .. } => Some(node),
            Event::ControllerLook { .. }
            | Event::Seats
            | Event::Topics
            | Event::Produce
            | Event::Fetch
            | Event::Propose
            | Event::Read
            | Event::Members
            | Event::Act(_)
            | Event::Start { .. }
            | Event::Resume { .. }
            | Event::Cut { .. } => None,
        }
    }
}
