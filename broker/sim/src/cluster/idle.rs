//! What an idle cluster may do: tell each other that they live, and nothing else.

use super::{
    event_loop::Cluster,
    marks::Mark,
    timeline::{Micros, SECOND},
};

/// Time in which what was asked before is done.
pub const SETTLING: Micros = 40 * SECOND;

/// Which happen only if something goes wrong, or somebody wishes it.
const EVENTFUL: &[Mark] = &[
    Mark::GroupElected,
    Mark::GroupLedInTwoTerms,
    Mark::ControllerMoved,
    Mark::BrokerFenced,
    Mark::BrokerRefused,
    Mark::PartitionLed,
    Mark::LeaderElected,
    Mark::ExpansionProposed,
    Mark::ShrinkProposed,
    Mark::AppendConflict,
];

/// What must stay as it is.
#[derive(Debug, PartialEq, Eq)]
pub struct Stillness {
    marks: Vec<(&'static str, u64)>,
    /// Ends of the committed logs, of each node's groups, and of each node's replicas.
    committed: Vec<usize>,
    groups: Vec<u64>,
    replicas: Vec<i64>,
    /// Bytes of snapshots and writes do not come either.
    writes: u64,
}

impl Cluster {
    pub(super) fn stillness(&self) -> Stillness {
        let marks = EVENTFUL.iter().map(|mark| (mark.what(), self.marks.count(*mark)));
        let groups = self.nodes.iter().flat_map(|node| &node.groups);
        let replicas = self.nodes.iter().flat_map(|node| node.replicas.iter().flatten());
        Stillness {
            marks: marks.collect(),
            committed: (0..self.plan.logs()).map(|log| self.history.end(log)).collect(),
            groups: groups.map(|group| group.raft.last().end).collect(),
            replicas: replicas.map(|host| host.log.end()).collect(),
            writes: self.writes,
        }
    }

    /// S-2: nothing but heartbeats since then.
    pub(super) fn check_still(&mut self, before: &Stillness) {
        let now = self.stillness();
        let moved = || Err(format!("an idle cluster went from {before:?} to {now:?}"));
        self.judge("idle", if now == *before { Ok(()) } else { moved() });
    }
}
