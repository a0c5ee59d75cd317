//! A producer's records stand in a partition in the order in which they were sent: all of an idempotent producer's, and
//! of others those where the first was acknowledged before the second was sent. Inside a batch, always.

use std::collections::BTreeMap;

use crate::history::{History, Outcome, Value};

/// The last value of a batch, and when its producer knew where it is.
struct Placed {
    ended_ns: u64,
    offset: i64,
    value: Value,
}

pub fn check(history: &History) -> Result<(), String> {
    let place: BTreeMap<Value, i64> = history
        .finals
        .values()
        .flat_map(|log| log.iter().map(|(offset, value)| (*value, *offset)))
        .collect();
    // Of each producer and partition, what later batches are compared with.
    let mut before: BTreeMap<(u32, i32), Vec<Placed>> = BTreeMap::new();
    for send in &history.sends {
        let earlier = before.entry((send.producer, send.partition)).or_default();
        let must_precede = earlier
            .iter()
            .filter(|placed| send.idempotent || placed.ended_ns <= send.began_ns);
        let mut highest = must_precede
            .max_by_key(|placed| placed.offset)
            .map(|placed| (placed.offset, placed.value));
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
            // Whatever ended earlier lies below: the list stays short.
            earlier.retain(|placed| placed.ended_ns > send.ended_ns);
            earlier.push(Placed {
                ended_ns: send.ended_ns,
                offset,
                value,
            });
        }
    }
    Ok(())
}
