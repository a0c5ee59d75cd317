//! In one generation of a group, a partition belongs to one member.

use std::collections::BTreeMap;

use crate::history::History;

pub fn check(history: &History) -> Result<(), String> {
    let mut owners: BTreeMap<(i32, i32), &str> = BTreeMap::new();
    for ownership in &history.ownerships {
        for partition in &ownership.partitions {
            let owner = owners
                .entry((ownership.generation, *partition))
                .or_insert(&ownership.member);
            if *owner != ownership.member {
                return Err(format!(
                    "generation {} gives partition {partition} to {owner} and to {}",
                    ownership.generation, ownership.member
                ));
            }
        }
    }
    Ok(())
}
