//! I7 (Raft §5.4.3): no node removes an entry that it knows to be committed. The core asserts it as well; here it is seen
//! from outside, so that a core without its assertion is noticed too.

use super::Verdict;

#[derive(Debug)]
pub struct CommittedStays;

impl CommittedStays {
    pub fn on_truncate(&self, group: usize, node: usize, to: u64, commit: u64) -> Verdict {
        if to < commit {
            return Err(format!(
                "group {group}: node {node} truncates its log to {to}, of which {commit} are committed"
            ));
        }
        Ok(())
    }
}
