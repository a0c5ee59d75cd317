//! I18: after healing, every record that a producer with acks=all was promised is there to be read, at its offset.

use super::{
    super::{replica_log::ReplicaLog, truth::Truth},
    Verdict,
};

impl Truth {
    /// `log`: of the leader, of which readers see what is below `high_watermark`.
    pub fn are_acked_readable(&self, log: &ReplicaLog, high_watermark: i64) -> Verdict {
        for (offset, value) in &self.acked {
            let readable = *offset < log.start
                || (*offset < high_watermark && log.get(*offset).is_some_and(|record| record.value == *value));
            if !readable {
                return Err(format!(
                    "value {value} was acknowledged at offset {offset}, which is now {:?} (high watermark {high_watermark})",
                    log.get(*offset)
                ));
            }
        }
        Ok(())
    }
}
