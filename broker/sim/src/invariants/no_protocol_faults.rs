//! No client was told what a broker may never say: a broken frame, an answer out of order, an error that fits nothing.

use crate::history::History;

pub fn check(history: &History) -> Result<(), String> {
    match history.protocol_faults.first() {
        Some(fault) => Err(fault.clone()),
        None => Ok(()),
    }
}
