//! I16 (LeaderCandidateCompleteness of the KIP-966 models): a clean leader of the newest epoch holds every committed
//! record. Of the newest only: a late zombie of an older epoch legitimately lacks what was committed since.

use super::{
    super::{replica_log::ReplicaLog, truth::Truth},
    Verdict,
};

impl Truth {
    /// Does the log hold every committed record, apart from those before its start?
    pub fn is_held_by(&self, log: &ReplicaLog) -> Verdict {
        let committed = self.records.iter().zip(0i64..).skip(log.start.max(0) as usize);
        for (record, offset) in committed {
            if record.is_other_than(log.get(offset)) {
                return Err(format!(
                    "offset {offset} was committed as {record:?}, the log has {:?}",
                    log.get(offset)
                ));
            }
        }
        Ok(())
    }
}
