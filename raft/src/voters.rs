//! Who votes, and since which entry.
//!
//! The voters are part of the log: an entry that names them is in force as soon as it is appended, and no more when it
//! is truncated (Raft thesis §4.1). So the voters of a node follow from its log alone, whatever was committed.

use std::{collections::BTreeSet, sync::Arc};

/// Bounds the sets that a step keeps on the stack. Groups have one to five voters, and one more during a change.
pub const VOTERS_MAX: usize = 9;

/// Who votes: a node *with this disk*. A node whose disk was wiped is another voter (KIP-853: node id and directory id).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct VoterId {
    pub node: i32,
    pub storage_id: u128,
}

/// A set of voters, in order. Cheap to clone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Voters(Arc<[VoterId]>);

impl Voters {
    pub fn len(&self) -> usize {
        self.0.len()
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn iter(&self) -> impl Iterator<Item = VoterId> + '_ {
        self.0.iter().copied()
    }

    pub fn contains(&self, id: VoterId) -> bool {
        self.position(id).is_some()
    }

    pub fn majority(&self) -> usize {
        self.0.len() / 2 + 1
    }

    /// One more voter, or the same.
    pub fn with(&self, id: VoterId) -> Voters {
        self.iter().chain([id]).collect()
    }

    /// One voter fewer, or the same.
    pub fn without(&self, id: VoterId) -> Voters {
        self.iter().filter(|voter| *voter != id).collect()
    }

    /// Any majority of one shares a voter with any majority of the other (Raft thesis §4.1).
    pub fn is_next_to(&self, other: &Voters) -> bool {
        let left = self.iter().filter(|id| !other.contains(*id)).count();
        let joined = other.iter().filter(|id| !self.contains(*id)).count();
        left + joined <= 1
    }

    pub(crate) fn position(&self, id: VoterId) -> Option<usize> {
        // A handful: a scan beats a search.
        self.0.iter().position(|voter| *voter == id)
    }

    pub(crate) fn get(&self, position: usize) -> Option<VoterId> {
        self.0.get(position).copied()
    }
}

impl FromIterator<VoterId> for Voters {
    fn from_iter<I: IntoIterator<Item = VoterId>>(ids: I) -> Voters {
        Voters::from(ids.into_iter().collect::<BTreeSet<_>>())
    }
}

impl From<BTreeSet<VoterId>> for Voters {
    fn from(ids: BTreeSet<VoterId>) -> Voters {
        Voters(ids.into_iter().collect())
    }
}

impl<const N: usize> From<[VoterId; N]> for Voters {
    fn from(ids: [VoterId; N]) -> Voters {
        ids.into_iter().collect()
    }
}

/// Which of the voters said yes, by their place in the voters that the candidate's log names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Votes(u16);

impl Votes {
    pub(crate) fn add(&mut self, place: usize) {
        assert!(place < VOTERS_MAX);
        self.0 |= 1 << place;
    }

    pub fn count(self) -> usize {
        self.0.count_ones() as usize
    }
}

/// The voters along a log: those at its start, and every later entry that names others.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct VotersLog {
    at_start: Voters,
    /// (end of the log with the entry, voters), in order.
    changes: Vec<(u64, Voters)>,
}

impl VotersLog {
    pub fn new(at_start: Voters) -> VotersLog {
        VotersLog {
            at_start,
            changes: Vec::new(),
        }
    }

    pub fn push(&mut self, end: u64, voters: Voters) {
        assert!(self.latest_end() < end);
        self.changes.push((end, voters));
    }

    pub fn truncate(&mut self, end: u64) {
        while self.latest_end() > end {
            self.changes.pop();
        }
    }

    /// Forgets what was before a log that now starts at `end`.
    pub fn start_at(&mut self, end: u64) {
        let before = self.changes.partition_point(|(change, _)| *change <= end);
        if let Some((_, voters)) = self.changes.drain(..before).next_back() {
            self.at_start = voters;
        }
    }

    pub fn latest(&self) -> &Voters {
        self.changes.last().map_or(&self.at_start, |(_, voters)| voters)
    }

    /// End of the log with the entry that names the latest voters; 0 for those at the start.
    pub fn latest_end(&self) -> u64 {
        self.changes.last().map_or(0, |(end, _)| *end)
    }

    /// In force for a log of this length.
    pub fn at(&self, end: u64) -> &Voters {
        let before = self.changes.partition_point(|(change, _)| *change <= end);
        match before {
            0 => &self.at_start,
            _ => &self.changes[before - 1].1,
        }
    }

    /// Whether an earlier entry of this log gave `id` a vote.
    pub fn was_voter(&self, id: VoterId) -> bool {
        self.at_start.contains(id) || self.changes.iter().any(|(_, voters)| voters.contains(id))
    }
}
