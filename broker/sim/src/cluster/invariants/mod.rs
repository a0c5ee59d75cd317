//! What must always hold, one file each, named as in the design. They look only at what changed.
//!
//! A violation ends the run: what comes after it says nothing.

mod i01_one_leader_per_term;
mod i02_log_matching;
mod i03_leader_completeness;
mod i04_state_machine_safety;
mod i05_monotone;
mod i06_voters_differ_by_one;
mod i07_committed_stays;
mod i08_partition_records;
mod i10_one_leader_per_epoch;
mod i11_shard_log_alone;
mod i15_committed_prefix;
mod i16_leader_is_complete;
mod i17_quorum_superset;
mod i18_acked_is_readable;
mod i19_watermark_told;
mod i20_durable_floor;
mod i21_no_clean_truncation;
mod linearizable_reads;

pub use i01_one_leader_per_term::OneLeaderPerTerm;
pub use i02_log_matching::LogMatching;
pub use i03_leader_completeness::LeaderCompleteness;
pub use i04_state_machine_safety::StateMachineSafety;
pub use i05_monotone::Monotone;
pub use i06_voters_differ_by_one::VotersDifferByOne;
pub use i07_committed_stays::CommittedStays;
pub use i08_partition_records::PartitionRecords;
pub use i10_one_leader_per_epoch::OneLeaderPerEpoch;
pub use i11_shard_log_alone::check as shard_log_alone;
pub use i17_quorum_superset::QuorumSuperset;
pub use i19_watermark_told::WatermarkTold;
pub use i20_durable_floor::DurableFloor;
pub use i21_no_clean_truncation::NoCleanTruncation;
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
    pub committed_stays: CommittedStays,
    pub reads: LinearizableReads,
    pub partition_records: PartitionRecords,
    pub one_leader_per_epoch: OneLeaderPerEpoch,
    pub quorum_superset: QuorumSuperset,
    pub watermark_told: WatermarkTold,
    pub durable_floor: DurableFloor,
    pub no_clean_truncation: NoCleanTruncation,
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
            committed_stays: CommittedStays,
            reads: LinearizableReads,
            partition_records: PartitionRecords,
            one_leader_per_epoch: OneLeaderPerEpoch::default(),
            quorum_superset: QuorumSuperset,
            watermark_told: WatermarkTold::default(),
            durable_floor: DurableFloor,
            no_clean_truncation: NoCleanTruncation,
            violation: None,
        }
    }

    pub fn resize_partitions(&mut self, partitions: usize) {
        self.watermark_told.resize(partitions);
    }

    /// The first one counts.
    pub fn report(&mut self, invariant: &str, what: &str) {
        self.violation.get_or_insert_with(|| format!("{invariant}: {what}"));
    }

    pub fn violation(&self) -> Option<&str> {
        self.violation.as_deref()
    }
}
