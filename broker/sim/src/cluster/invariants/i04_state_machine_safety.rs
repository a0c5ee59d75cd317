//! I4, State Machine Safety (Raft figure 3): no two nodes apply different entries at one index, and none skips one.

use super::{super::group::GroupLog, Verdict};

#[derive(Debug)]
pub struct StateMachineSafety {
    /// By group and index: the hash of all that was applied up to there.
    applied: Vec<Vec<u64>>,
}

impl StateMachineSafety {
    pub fn new(groups: usize) -> StateMachineSafety {
        StateMachineSafety {
            applied: vec![Vec::new(); groups],
        }
    }

    /// A node applies the entries `from..to` of its log.
    pub fn on_apply(&mut self, group: usize, from: u64, to: u64, log: &GroupLog) -> Verdict {
        let applied = &mut self.applied[group];
        for index in from as usize..to as usize {
            match applied.get(index) {
                Some(hash) if *hash != log.chain[index] => {
                    return Err(format!("group {group}: two entries were applied at {index}"));
                }
                Some(_) => {}
                None => applied.push(log.chain[index]),
            }
        }
        Ok(())
    }
}
