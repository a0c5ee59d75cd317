//! I4, State Machine Safety (Raft figure 3): no two nodes apply different entries at one index, and none skips one.

use super::{super::group_log::GroupLog, Verdict};

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
        for end in from + 1..=to {
            let Some(hash) = log.hash_at(end) else {
                return Err(format!("group {group}: {end} is applied, but is not in the log"));
            };
            match applied.get(end as usize - 1) {
                Some(other) if *other != hash => {
                    return Err(format!("group {group}: two entries were applied before {end}"));
                }
                Some(_) => {}
                None => applied.push(hash),
            }
        }
        Ok(())
    }

    /// A node's state becomes that of a snapshot of the first `end` entries. None: its bytes are no snapshot.
    pub fn on_install(&self, group: usize, end: u64, hash: Option<u64>) -> Verdict {
        match hash {
            None => Err(format!("group {group}: the snapshot up to {end} is mixed or torn")),
            Some(hash) if end > 0 && self.applied[group].get(end as usize - 1) != Some(&hash) => Err(format!(
                "group {group}: the snapshot up to {end} is not the state there"
            )),
            Some(_) => Ok(()),
        }
    }
}
