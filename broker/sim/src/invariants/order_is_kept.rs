//! A producer's records stand in a partition in the order in which they were sent: all of an idempotent producer's, and
//! of others those where the first was acknowledged before the second was sent. Inside a batch, always.

use std::collections::BTreeMap;

use crate::history::{History, Outcome, Value};

pub fn check(history: &History) -> Result<(), String> {
    let place: BTreeMap<Value, i64> = history
        .finals
        .values()
        .flat_map(|log| log.iter().map(|(offset, value)| (*value, *offset)))
        .collect();
    // Of each producer and partition: the highest offset of what must come before, and who is there.
    let mut before: BTreeMap<(u32, i32), Vec<(u64, i64, Value)>> = BTreeMap::new();
    for send in &history.sends {
        let earlier = before.entry((send.producer, send.partition)).or_default();
        let must_precede = earlier
            .iter()
            .filter(|(ended_ns, _, _)| send.idempotent || *ended_ns <= send.began_ns);
        let mut highest = must_precede
            .max_by_key(|(_, offset, _)| *offset)
            .map(|(_, offset, value)| (*offset, *value));
        for value in &send.values {
            let Some(offset) = place.get(value) else { continue };
            if let Some((other, first)) = highest
                && other >= *offset
            {
                return Err(format!(
                    "partition {}: {first:?} at {other} should stand before {value:?} at {offset}",
                    send.partition
                ));
            }
            highest = Some((*offset, *value));
        }
        if let Some((offset, value)) = highest
            && send.outcome != Outcome::Unknown
        {
            // Only the highest counts from here on; the list stays short.
            earlier.retain(|(ended_ns, _, _)| *ended_ns > send.ended_ns);
            earlier.push((send.ended_ns, offset, value));
        }
    }
    Ok(())
}
