//! A raft group's log and snapshot, as a process has them or as a disk does: the same code applies a persist to both, at
//! once to the one and when it is durable to the other.
//!
//! The state machine is the hash of all entries so far, and, where controllers run on the group, an image. A snapshot begins
//! with that hash, in blocks that are salted by who took it: blocks of two snapshots never fit together, not even those of
//! equal states. The image's own snapshot follows.

use bytes::Bytes;
use corelane_raft::{Chunk, Entry, HardState, LogView, Payload, Persist, Position, Recovered, Snapshot, Terms};

const BLOCK_BYTES: usize = 16;
/// Several chunks when messages are small.
const BLOCKS: usize = 12;

#[derive(Clone, Debug, Default)]
pub struct GroupLog {
    pub hard_state: HardState,
    pub start: Position,
    pub entries: Vec<Entry>,
    /// Of the state before the first entry, and after each of them.
    hashes: Vec<u64>,
    pub snapshot: Option<(Snapshot, Bytes)>,
    incoming: Option<(Position, Vec<u8>)>,
}

impl GroupLog {
    pub fn end(&self) -> u64 {
        self.start.end + self.entries.len() as u64
    }

    /// Of the state after the first `end` entries, if the log reaches there.
    pub fn hash_at(&self, end: u64) -> Option<u64> {
        let place = end.checked_sub(self.start.end)? as usize;
        match place {
            0 if self.hashes.is_empty() => Some(0),
            _ => self.hashes.get(place).copied(),
        }
    }

    pub fn entry(&self, index: u64) -> Option<&Entry> {
        self.entries.get(index.checked_sub(self.start.end)? as usize)
    }

    /// `taken`: the bytes, where the snapshot that is switched to was taken by this node.
    pub fn apply(&mut self, persist: &Persist, taken: Option<&Bytes>) {
        if let Some(chunk) = &persist.chunk {
            let incoming = self.incoming.get_or_insert_default();
            if chunk.offset == 0 {
                *incoming = (chunk.id, Vec::new());
            }
            incoming.1.truncate(chunk.offset as usize);
            incoming.1.extend_from_slice(&chunk.bytes);
        }
        if let Some(switch) = &persist.snapshot {
            let bytes = match taken {
                Some(taken) => taken.clone(),
                None => self.incoming.take().map(|(_, bytes)| bytes.into()).unwrap_or_default(),
            };
            if switch.discard_log {
                self.entries.clear();
                self.hashes = vec![decode_snapshot(&bytes).map_or(0, |(hash, _)| hash)];
            } else {
                let gone = (switch.log_start.end - self.start.end) as usize;
                self.entries.drain(..gone);
                self.hashes.drain(..gone.min(self.hashes.len()));
            }
            self.start = switch.log_start;
            self.snapshot = Some((switch.snapshot.clone(), bytes));
        }
        if let Some(hard_state) = persist.hard_state {
            self.hard_state = hard_state;
        }
        if let Some(end) = persist.truncate_to {
            let kept = (end - self.start.end) as usize;
            self.entries.truncate(kept);
            self.hashes.truncate(kept + 1);
        }
        for entry in &persist.append {
            if self.hashes.is_empty() {
                self.hashes.push(0);
            }
            let before = self.hashes[self.entries.len()];
            self.hashes.push(link(before, entry));
            self.entries.push(entry.clone());
        }
    }

    pub fn recovered(&self) -> Recovered {
        let mut recovered = Recovered {
            hard_state: self.hard_state,
            snapshot: self.snapshot.as_ref().map(|(snapshot, _)| snapshot.clone()),
            terms: Terms::starting_at(self.start),
            voters: Vec::new(),
        };
        for entry in &self.entries {
            recovered.push(entry);
        }
        recovered
    }
}

impl LogView for GroupLog {
    fn entries(&self, from: u64, to: u64, bytes_max: usize) -> Vec<Entry> {
        let mut bytes = 0;
        let wanted = &self.entries[(from - self.start.end) as usize..(to - self.start.end) as usize];
        let fits = wanted.iter().take_while(|entry| {
            let fits = bytes == 0 || bytes < bytes_max;
            bytes += entry.payload.bytes();
            fits
        });
        fits.cloned().collect()
    }

    fn snapshot_chunk(&self, id: Position, offset: u64, bytes_max: usize) -> Option<Chunk> {
        let (_, bytes) = self.snapshot.as_ref().filter(|(snapshot, _)| snapshot.id == id)?;
        let start = (offset as usize).min(bytes.len());
        let end = (start + bytes_max).min(bytes.len());
        Some(Chunk {
            bytes: bytes.slice(start..end),
            last: end == bytes.len(),
        })
    }
}

/// A snapshot's bytes: the state's hash under a salt of its own in every block, and the image.
pub fn encode_snapshot(hash: u64, salt: u64, image: &[u8]) -> Bytes {
    let mut bytes = Vec::with_capacity(BLOCK_BYTES * BLOCKS + image.len());
    for _ in 0..BLOCKS {
        bytes.extend_from_slice(&salt.to_le_bytes());
        bytes.extend_from_slice(&(hash ^ salt).to_le_bytes());
    }
    bytes.extend_from_slice(image);
    bytes.into()
}

/// The state's hash, and the image's bytes; None for bytes that no single node ever wrote.
pub fn decode_snapshot(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let (blocks, image) = bytes.split_at_checked(BLOCK_BYTES * BLOCKS)?;
    let first = &blocks[..BLOCK_BYTES];
    let whole = blocks.chunks(BLOCK_BYTES).all(|block| block == first);
    let word = |at: usize| u64::from_le_bytes(first[at..at + 8].try_into().expect("eight bytes"));
    whole.then(|| (word(0) ^ word(8), image))
}

/// The hash of a state that `entry` was applied to.
fn link(before: u64, entry: &Entry) -> u64 {
    let mut hash = before ^ u64::from(entry.term);
    let mut fold = |word: u64| hash = (hash ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(31);
    match &entry.payload {
        Payload::LeaderStart => fold(1),
        Payload::Voters(voters) => {
            fold(2);
            voters.iter().for_each(|voter| fold(voter.storage_id as u64));
        }
        Payload::Proposal(bytes) => {
            fold(3);
            for chunk in bytes.chunks(8) {
                let mut word = [0; 8];
                word[..chunk.len()].copy_from_slice(chunk);
                fold(u64::from_le_bytes(word));
            }
        }
    }
    hash
}
