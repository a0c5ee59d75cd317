//! The high watermark of a partition never falls, also over a restart: whoever asks after somebody was answered is told
//! at least as much.

use std::collections::BTreeMap;

use crate::history::{History, Poll};

pub fn check(history: &History) -> Result<(), String> {
    let mut by_partition: BTreeMap<i32, Vec<&Poll>> = BTreeMap::new();
    for poll in &history.polls {
        by_partition.entry(poll.partition).or_default().push(poll);
    }
    for (partition, polls) in by_partition {
        let mut answered: Vec<&&Poll> = polls.iter().collect();
        answered.sort_by_key(|poll| poll.ended_ns);
        let mut asked: Vec<&&Poll> = polls.iter().collect();
        asked.sort_by_key(|poll| poll.began_ns);
        let (mut seen, mut next) = (i64::MIN, 0);
        for poll in asked {
            while next < answered.len() && answered[next].ended_ns <= poll.began_ns {
                seen = seen.max(answered[next].high_watermark);
                next += 1;
            }
            if poll.high_watermark < seen {
                return Err(format!("partition {partition}: {} after {seen}", poll.high_watermark));
            }
        }
    }
    Ok(())
}
