//! I2, Log Matching (Raft figure 3): two logs that have an entry of the same index and term are equal up to it.

use corelane_raft::Term;

use super::{super::group_log::GroupLog, Verdict};

#[derive(Debug)]
pub struct LogMatching {
    /// By group and index: every term that any log ever had there, with the hash of the prefix that ends there.
    prefixes: Vec<Vec<Vec<(Term, u64)>>>,
}

impl LogMatching {
    pub fn new(groups: usize) -> LogMatching {
        LogMatching {
            prefixes: vec![Vec::new(); groups],
        }
    }

    /// Entries from `start` on are new in this log.
    pub fn on_append(&mut self, group: usize, start: u64, log: &GroupLog) -> Verdict {
        let prefixes = &mut self.prefixes[group];
        for index in start..log.end() {
            let (Some(entry), Some(hash)) = (log.entry(index), log.hash_at(index + 1)) else {
                continue;
            };
            let (index, term) = (index as usize, entry.term);
            if prefixes.len() <= index {
                prefixes.resize(index + 1, Vec::new());
            }
            match prefixes[index].iter().find(|(other, _)| *other == term) {
                Some((_, other)) if *other != hash => {
                    return Err(format!(
                        "group {group}: two logs with different entries up to {index} of term {term}"
                    ));
                }
                Some(_) => {}
                None => prefixes[index].push((term, hash)),
            }
        }
        Ok(())
    }
}
