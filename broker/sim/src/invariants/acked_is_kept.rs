//! What was acknowledged is in the log, at the offset that the answer named: the product's promise.
//! (Jepsen's `queue` workload calls the breach *lost write* or *unseen*.) A partition of which the broker says itself that it
//! lost something is another matter: see [`super::refused_only_if_rotted`].

use std::collections::{BTreeMap, BTreeSet};

use crate::history::{History, Outcome, Send, Value};

pub fn check(history: &History) -> Result<(), String> {
    let mut by_offset: BTreeMap<(i32, i64), Value> = BTreeMap::new();
    let mut present: BTreeSet<(i32, Value)> = BTreeSet::new();
    for (partition, log) in &history.finals {
        for (offset, value) in log {
            by_offset.insert((*partition, *offset), *value);
            present.insert((*partition, *value));
        }
    }
    let kept = |send: &&Send| !history.refused.contains(&send.partition);
    for send in history.sends.iter().filter(kept) {
        for (index, value) in send.values.iter().enumerate() {
            match send.outcome {
                Outcome::Acked { base_offset } => {
                    let offset = base_offset + index as i64;
                    let found = by_offset.get(&(send.partition, offset));
                    if found != Some(value) {
                        return Err(format!(
                            "partition {} offset {offset}: {value:?} was acknowledged, {found:?} is there",
                            send.partition
                        ));
                    }
                }
                Outcome::AckedSomewhere if !present.contains(&(send.partition, *value)) => {
                    return Err(format!(
                        "partition {}: {value:?} was acknowledged and is gone",
                        send.partition
                    ));
                }
                _ => {}
            }
        }
    }
    Ok(())
}
