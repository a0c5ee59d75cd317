//! No value lies at two offsets. No producer here sends a value twice by itself, so that a second copy is the broker's:
//! of an idempotent producer's retry (KIP-98), or of anything it wrote twice.

use std::collections::BTreeMap;

use crate::history::History;

pub fn check(history: &History) -> Result<(), String> {
    let mut first = BTreeMap::new();
    for (partition, log) in &history.finals {
        for (offset, value) in log {
            if let Some((other, at)) = first.insert(*value, (*partition, *offset)) {
                return Err(format!(
                    "{value:?} lies at partition {other} offset {at} and partition {partition} offset {offset}"
                ));
            }
        }
    }
    Ok(())
}
