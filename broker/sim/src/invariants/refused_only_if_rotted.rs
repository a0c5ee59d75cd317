//! A disk that kept its promises gives no reason to refuse anything: damage is reported where it is, and nowhere else.

use crate::history::History;

pub fn check(history: &History) -> Result<(), String> {
    match history.refused.first() {
        Some(partition) if !history.rotted => {
            Err(format!("partition {partition} is called damaged, and nothing rotted"))
        }
        _ => Ok(()),
    }
}
