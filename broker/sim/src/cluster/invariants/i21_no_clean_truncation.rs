//! I21: a replica never removes what is below its own high watermark, and never takes that back, unless it enters its first
//! epoch since an unclean election, by which records were given up.

use corelane_broker::partition::replica::Persist;

use super::{super::replica_log::ReplicaLog, Verdict};

#[derive(Debug)]
pub struct NoCleanTruncation;

impl NoCleanTruncation {
    /// `log`: as it was before, and with it the newest epoch that it took part in. `unclean_epoch`: of the state that its
    /// replica was told.
    pub fn on_persist(&self, persist: &Persist, log: &ReplicaLog, high_watermark: i64, unclean_epoch: i32) -> Verdict {
        let ends = [persist.truncate_to, persist.restart_at, persist.high_watermark];
        match ends.into_iter().flatten().find(|end| *end < high_watermark) {
            Some(end) if unclean_epoch <= log.floor => Err(format!(
                "back to {end}, below the high watermark {high_watermark}, in a history that it took part in"
            )),
            _ => Ok(()),
        }
    }
}
