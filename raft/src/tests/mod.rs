//! Directed tests of single rules, and a random walk of whole groups with crashes.

mod directed;
mod simulation;
mod terms;

use std::{collections::BTreeSet, time::Duration};

use bytes::Bytes;

use crate::{Config, Entry, LogView, Payload, Persist, Recovered, VoterId};

/// A log in memory.
#[derive(Clone, Debug, Default)]
pub(crate) struct MemoryLog(pub Vec<Entry>);

impl LogView for MemoryLog {
    fn entries(&self, from: u64, to: u64, bytes_max: usize) -> Vec<Entry> {
        let mut bytes = 0;
        let mut taken = Vec::new();
        for entry in &self.0[from as usize..to as usize] {
            if bytes >= bytes_max && !taken.is_empty() {
                break;
            }
            bytes += entry.payload.bytes();
            taken.push(entry.clone());
        }
        taken
    }
}

impl MemoryLog {
    pub fn persist(&mut self, persist: &Persist) {
        if let Some(end) = persist.truncate_to {
            self.0.truncate(end as usize);
        }
        if !persist.append.is_empty() {
            assert_eq!(persist.append_at as usize, self.0.len(), "appends are dense");
            self.0.extend(persist.append.iter().cloned());
        }
    }
}

pub(crate) fn voter(node: i32) -> VoterId {
    VoterId {
        node,
        storage_id: 1000 + node as u128,
    }
}

pub(crate) fn voters(count: i32) -> BTreeSet<VoterId> {
    (0..count).map(voter).collect()
}

pub(crate) fn entry(term: u32, text: &str) -> Entry {
    Entry {
        term,
        payload: Payload::Proposal(Bytes::copy_from_slice(text.as_bytes())),
    }
}

pub(crate) fn config(me: i32, count: i32) -> Config {
    Config::new(voter(me), voters(count))
}

pub(crate) fn recovered(log: &MemoryLog, term: u32, vote: Option<i32>) -> Recovered {
    let mut recovered = Recovered {
        hard_state: crate::HardState {
            term,
            vote: vote.map(voter),
        },
        ..Recovered::default()
    };
    log.0.iter().for_each(|entry| recovered.push(entry));
    recovered
}

pub(crate) fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}
