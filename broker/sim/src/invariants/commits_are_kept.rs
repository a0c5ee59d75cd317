//! A committed offset that was acknowledged is what everybody finds who looks it up later, or a higher one: members
//! only ever commit higher offsets, and a member of an older generation is not heard any more.

use std::collections::BTreeMap;

use crate::history::History;

pub fn check(history: &History) -> Result<(), String> {
    let mut acked: BTreeMap<i32, Vec<(u64, i64)>> = BTreeMap::new();
    for commit in history.commits.iter().filter(|commit| commit.acked) {
        acked
            .entry(commit.partition)
            .or_default()
            .push((commit.ended_ns, commit.offset));
    }
    for look_up in &history.look_ups {
        let before = acked
            .get(&look_up.partition)
            .into_iter()
            .flatten()
            .filter(|(ended_ns, _)| *ended_ns <= look_up.began_ns);
        let highest = before.map(|(_, offset)| *offset).max().unwrap_or(-1);
        if look_up.offset < highest {
            return Err(format!(
                "partition {}: {highest} was committed, {} is found",
                look_up.partition, look_up.offset
            ));
        }
    }
    Ok(())
}
