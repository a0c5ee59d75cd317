//! A record that anybody read stays as it was and where it was: what a fetch shows is below the high watermark, and
//! what is below the high watermark never changes. (Jepsen: *inconsistent offset*, *aborted read*.) What the broker says it
//! lost may be missing, but nothing else stands in its place.

use std::collections::BTreeMap;

use crate::history::{History, Value};

pub fn check(history: &History) -> Result<(), String> {
    let last: BTreeMap<(i32, i64), Value> = history
        .finals
        .iter()
        .flat_map(|(partition, log)| log.iter().map(|(offset, value)| ((*partition, *offset), *value)))
        .collect();
    for poll in &history.polls {
        for (offset, value) in &poll.records {
            if *offset >= poll.high_watermark {
                return Err(format!(
                    "partition {} offset {offset} was shown above the high watermark {}",
                    poll.partition, poll.high_watermark
                ));
            }
            let now = last.get(&(poll.partition, *offset));
            let refused = now.is_none() && history.refused.contains(&poll.partition);
            if now != Some(value) && !refused {
                return Err(format!(
                    "partition {} offset {offset}: {value:?} was read, {now:?} is there",
                    poll.partition
                ));
            }
        }
    }
    Ok(())
}
