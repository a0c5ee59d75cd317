//! I15, and with it I23: what is below any high watermark is the same for every reader, for ever; no offset is ever given
//! to another record.

use super::{
    super::{replica_log::ReplicaLog, truth::Truth},
    Verdict,
};

impl Truth {
    /// Records `from..to` of this log are below a high watermark now.
    pub fn on_high_watermark(&mut self, from: i64, to: i64, log: &ReplicaLog) -> Verdict {
        for offset in from.max(log.start)..to {
            let Some(record) = log.get(offset) else {
                return Err(format!("the high watermark {to} is beyond the log's end {}", log.end()));
            };
            match self.records.get(offset as usize) {
                Some(committed) if committed.is_other_than(Some(record)) => {
                    return Err(format!(
                        "offset {offset} was committed as {committed:?}, and now as {record:?}"
                    ));
                }
                Some(_) => {}
                None if offset == self.end() => self.records.push(record),
                None => return Err(format!("offset {offset} is committed, but {} is not", self.end())),
            }
        }
        Ok(())
    }
}
