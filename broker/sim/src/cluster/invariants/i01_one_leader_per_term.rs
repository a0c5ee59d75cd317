//! I1, Election Safety (Raft figure 3): at most one leader is elected in a term of a group.

use std::collections::BTreeMap;

use corelane_raft::{Term, VoterId};

use super::Verdict;

#[derive(Debug)]
pub struct OneLeaderPerTerm {
    /// By group.
    leaders: Vec<BTreeMap<Term, VoterId>>,
}

impl OneLeaderPerTerm {
    pub fn new(groups: usize) -> OneLeaderPerTerm {
        OneLeaderPerTerm {
            leaders: vec![BTreeMap::new(); groups],
        }
    }

    pub fn on_elected(&mut self, group: usize, term: Term, voter: VoterId) -> Verdict {
        match self.leaders[group].insert(term, voter) {
            Some(other) => Err(format!("group {group}, term {term}: {other:?} led, and now {voter:?}")),
            None => Ok(()),
        }
    }
}
