//! I3, Leader Completeness (Raft figure 3): what was committed in a term is in the log of every leader of a later term.
//!
//! A leader of an earlier term may well be elected, late, without it: votes travel slowly. It can do nothing with them.

use corelane_raft::Term;

use super::{super::group::GroupLog, Verdict};

#[derive(Clone, Debug, Default)]
struct Committed {
    /// By index: the hash of the prefix, and the first term in which somebody knew it to be committed.
    prefixes: Vec<(u64, Term)>,
}

#[derive(Debug)]
pub struct LeaderCompleteness {
    groups: Vec<Committed>,
}

impl LeaderCompleteness {
    pub fn new(groups: usize) -> LeaderCompleteness {
        LeaderCompleteness {
            groups: vec![Committed::default(); groups],
        }
    }

    /// Somebody's commit moved, in his term. Committed once is committed for ever, and alike everywhere.
    pub fn on_commit(&mut self, group: usize, term: Term, commit: u64, log: &GroupLog) -> Verdict {
        let prefixes = &mut self.groups[group].prefixes;
        let commit = commit as usize;
        let known = prefixes.len().min(commit);
        if known > 0 && prefixes[known - 1].0 != log.chain[known - 1] {
            return Err(format!("group {group}: two histories were committed up to {known}"));
        }
        for index in known..commit {
            prefixes.push((log.chain[index], term));
        }
        Ok(())
    }

    pub fn on_elected(&mut self, group: usize, term: Term, log: &GroupLog) -> Verdict {
        let prefixes = &self.groups[group].prefixes;
        // Terms of commits never decrease by index.
        let owed = prefixes.partition_point(|(_, committed_in)| *committed_in < term);
        if owed > 0 && log.chain.get(owed - 1) != Some(&prefixes[owed - 1].0) {
            return Err(format!(
                "group {group}: the leader of term {term} lacks what was committed up to {owed}"
            ));
        }
        Ok(())
    }

    /// How much of the group's log is known to be committed.
    pub fn committed(&self, group: usize) -> u64 {
        self.groups[group].prefixes.len() as u64
    }
}
