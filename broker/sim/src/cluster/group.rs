//! One raft group on one node: the real core, its log, and what the disk holds of both.

use corelane_raft::{Config, Entry, HardState, LogView, Persist, Raft, Recovered, Terms};

use super::timeline::Micros;
use crate::Random;

/// What a running process has.
#[derive(Debug)]
pub struct Group {
    pub raft: Raft,
    pub log: GroupLog,
    /// Entries before this were applied by this process.
    pub applied: u64,
    /// When the next wake-up is planned.
    pub wake_at: Micros,
}

/// The log as this process has it, durable or not, with the hash of every prefix for the checks.
#[derive(Clone, Debug, Default)]
pub struct GroupLog {
    pub entries: Vec<Entry>,
    pub chain: Vec<u64>,
}

/// What survives the process.
#[derive(Clone, Debug, Default)]
pub struct GroupDisk {
    pub hard_state: HardState,
    pub log: GroupLog,
}

impl Group {
    pub fn start(config: Config, disk: &GroupDisk, now: std::time::Duration, random: &mut Random) -> Group {
        let mut terms = Terms::default();
        for entry in &disk.log.entries {
            terms.push(entry.term);
        }
        let recovered = Recovered {
            hard_state: disk.hard_state,
            terms,
        };
        Group {
            raft: Raft::new(config, recovered, now, random.next_u64()),
            log: disk.log.clone(),
            applied: 0,
            wake_at: Micros::MAX,
        }
    }
}

impl LogView for GroupLog {
    fn entries(&self, from: u64, to: u64, bytes_max: usize) -> Vec<Entry> {
        let mut bytes = 0;
        let wanted = &self.entries[from as usize..to as usize];
        let fits = wanted.iter().take_while(|entry| {
            let fits = bytes == 0 || bytes < bytes_max;
            bytes += entry.payload.bytes();
            fits
        });
        fits.cloned().collect()
    }
}

impl GroupLog {
    pub fn end(&self) -> u64 {
        self.entries.len() as u64
    }

    pub fn apply(&mut self, persist: &Persist) {
        if let Some(end) = persist.truncate_to {
            self.entries.truncate(end as usize);
            self.chain.truncate(end as usize);
        }
        for entry in &persist.append {
            let before = self.chain.last().copied().unwrap_or(0);
            self.chain.push(link(before, entry));
            self.entries.push(entry.clone());
        }
    }
}

impl GroupDisk {
    pub fn apply(&mut self, persist: &Persist) {
        if let Some(hard_state) = persist.hard_state {
            self.hard_state = hard_state;
        }
        self.log.apply(persist);
    }
}

/// The hash of a prefix that ends with `entry`.
fn link(before: u64, entry: &Entry) -> u64 {
    let mut hash = before ^ u64::from(entry.term);
    let mut fold = |word: u64| hash = (hash ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(31);
    match &entry.payload {
        corelane_raft::Payload::LeaderStart => fold(1),
        corelane_raft::Payload::Proposal(bytes) => {
            fold(2);
            for chunk in bytes.chunks(8) {
                let mut word = [0; 8];
                word[..chunk.len()].copy_from_slice(chunk);
                fold(u64::from_le_bytes(word));
            }
        }
    }
    hash
}
