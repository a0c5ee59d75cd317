//! A read that a leader confirms shows everything that was committed anywhere when it was asked for (Raft thesis §6.4).

use super::Verdict;

#[derive(Debug)]
pub struct LinearizableReads;

impl LinearizableReads {
    pub fn on_answer(&self, group: usize, committed: u64, end: u64) -> Verdict {
        if end < committed {
            return Err(format!(
                "group {group}: a read is answered with {end} entries while {committed} were committed before it"
            ));
        }
        Ok(())
    }
}
