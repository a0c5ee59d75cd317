//! I6 (Raft thesis §4.1): committed sets of voters that follow each other differ by one voter at most, so that any two
//! majorities meet.

use corelane_raft::{Payload, Voters};

use super::{super::group_log::GroupLog, Verdict};

#[derive(Debug)]
pub struct VotersDifferByOne {
    /// By group: (index, voters) of what was committed, in order.
    committed: Vec<Vec<(u64, Voters)>>,
}

impl VotersDifferByOne {
    pub fn new(groups: usize, founders: &Voters) -> VotersDifferByOne {
        VotersDifferByOne {
            committed: vec![vec![(0, founders.clone())]; groups],
        }
    }

    /// The entries `from..to` are committed.
    pub fn on_commit(&mut self, group: usize, from: u64, to: u64, log: &GroupLog) -> Verdict {
        let committed = &mut self.committed[group];
        for index in from..to {
            let Some(Payload::Voters(voters)) = log.entry(index).map(|entry| &entry.payload) else {
                continue;
            };
            let (last, before) = committed.last().expect("there are founders");
            if *last > index {
                continue;
            }
            if !voters.is_next_to(before) {
                return Err(format!("group {group}: {before:?}, then {voters:?} at {index}"));
            }
            committed.push((index + 1, voters.clone()));
        }
        Ok(())
    }
}
