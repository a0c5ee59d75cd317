//! What must always hold, one file each, named as in the design. They look only at what changed.
//!
//! A violation ends the run: what comes after it says nothing.

mod i01_one_leader_per_term;
mod i02_log_matching;
mod i03_leader_completeness;
mod i04_state_machine_safety;
mod i05_monotone;
mod i06_voters_differ_by_one;
mod linearizable_reads;

pub use i01_one_leader_per_term::OneLeaderPerTerm;
pub use i02_log_matching::LogMatching;
pub use i03_leader_completeness::LeaderCompleteness;
pub use i04_state_machine_safety::StateMachineSafety;
pub use i05_monotone::Monotone;
pub use i06_voters_differ_by_one::VotersDifferByOne;
pub use linearizable_reads::LinearizableReads;

use corelane_raft::Voters;

/// What an invariant says of one change.
pub type Verdict = Result<(), String>;

#[derive(Debug)]
pub struct Invariants {
    pub one_leader: OneLeaderPerTerm,
    pub log_matching: LogMatching,
    pub leader_completeness: LeaderCompleteness,
    pub state_machine: StateMachineSafety,
    pub monotone: Monotone,
    pub voters_differ_by_one: VotersDifferByOne,
    pub reads: LinearizableReads,
    violation: Option<String>,
}

impl Invariants {
    pub fn new(groups: usize, founders: &Voters) -> Invariants {
        Invariants {
            one_leader: OneLeaderPerTerm::new(groups),
            log_matching: LogMatching::new(groups),
            leader_completeness: LeaderCompleteness::new(groups),
            state_machine: StateMachineSafety::new(groups),
            monotone: Monotone,
            voters_differ_by_one: VotersDifferByOne::new(groups, founders),
            reads: LinearizableReads,
            violation: None,
        }
    }

    /// The first one counts.
    pub fn report(&mut self, invariant: &str, what: &str) {
        self.violation.get_or_insert_with(|| format!("{invariant}: {what}"));
    }

    pub fn violation(&self) -> Option<&str> {
        self.violation.as_deref()
    }
}
