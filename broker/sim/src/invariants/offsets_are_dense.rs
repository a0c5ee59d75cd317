//! Without transactions and compaction, offsets have no gaps: neither in the log nor in what one fetch shows.
//! (Jepsen: *skip*.)

use crate::history::{History, Value};

pub fn check(history: &History) -> Result<(), String> {
    for (partition, log) in &history.finals {
        dense(*partition, 0, log)?;
    }
    for poll in &history.polls {
        dense(poll.partition, poll.asked_offset, &poll.records)?;
    }
    Ok(())
}

fn dense(partition: i32, from: i64, records: &[(i64, Value)]) -> Result<(), String> {
    for (expected, (offset, _)) in (from..).zip(records) {
        if *offset != expected {
            return Err(format!(
                "partition {partition}: offset {offset} follows {}",
                expected - 1
            ));
        }
    }
    Ok(())
}
