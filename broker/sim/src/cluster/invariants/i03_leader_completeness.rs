//! I3, Leader Completeness (Raft figure 3): what was committed in a term is in the log of every leader of a later term.
//!
//! A leader of an earlier term may well be elected, late, without it: votes travel slowly. It can do nothing with them.

use corelane_raft::Term;

use super::{super::group_log::GroupLog, Verdict};

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
        let known = prefixes.len().min(commit as usize);
        if known > 0
            && log
                .hash_at(known as u64)
                .is_some_and(|hash| hash != prefixes[known - 1].0)
        {
            return Err(format!("group {group}: two histories were committed up to {known}"));
        }
        for end in known as u64 + 1..=commit {
            match log.hash_at(end) {
                Some(hash) => prefixes.push((hash, term)),
                None => return Err(format!("group {group}: nobody applied {end} before a snapshot had it")),
            }
        }
        Ok(())
    }

    pub fn on_elected(&mut self, group: usize, term: Term, log: &GroupLog) -> Verdict {
        let prefixes = &self.groups[group].prefixes;
        // Terms of commits never decrease by index.
        let owed = prefixes.partition_point(|(_, committed_in)| *committed_in < term);
        let held = log.hash_at(owed as u64);
        // What is before the log's start is in a snapshot, and snapshots are compared when they are installed.
        let in_snapshot = (owed as u64) < log.start.end;
        if owed > 0 && !in_snapshot && held != Some(prefixes[owed - 1].0) {
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
