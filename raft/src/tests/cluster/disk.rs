//! What a node keeps: its log, snapshot and hard state, either as the running node sees it or as it is durable.

use bytes::Bytes;

use crate::{Chunk, Entry, HardState, LogView, Payload, Persist, Position, Recovered, Snapshot};

/// Bytes of a chunk, so that some snapshots have one and others several.
const CHUNK_BYTES: usize = 16;

/// The state machine: a number that depends on every entry so far.
pub(crate) fn apply(state: u64, entry: &Entry) -> u64 {
    let mut next = (state ^ u64::from(entry.term)).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let mut mix = |bytes: &[u8]| {
        for byte in bytes {
            next = (next.rotate_left(7) ^ u64::from(*byte)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        }
    };
    match &entry.payload {
        Payload::LeaderStart => mix(b"start"),
        Payload::Voters(voters) => voters.iter().for_each(|id| mix(&id.storage_id.to_le_bytes())),
        Payload::Proposal(bytes) => mix(bytes),
    }
    next
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Disk {
    pub hard_state: HardState,
    pub snapshot: Option<Snapshot>,
    /// Snapshots that are complete.
    files: Vec<(Position, Vec<u8>)>,
    /// One that is coming in.
    aside: Option<(Position, Vec<u8>)>,
    start: Position,
    start_state: u64,
    pub entries: Vec<Entry>,
    /// The state after each entry; equal states mean equal logs.
    states: Vec<u64>,
}

impl Disk {
    pub fn start(&self) -> Position {
        self.start
    }

    pub fn end(&self) -> u64 {
        self.start.end + self.entries.len() as u64
    }

    pub fn entry(&self, index: u64) -> Option<&Entry> {
        let at = index.checked_sub(self.start.end)?;
        self.entries.get(at as usize)
    }

    /// The state after `end` entries, if the log tells.
    pub fn state_at(&self, end: u64) -> Option<u64> {
        match end.checked_sub(self.start.end)? {
            0 => Some(self.start_state),
            at => self.states.get(at as usize - 1).copied(),
        }
    }

    pub fn push(&mut self, entry: Entry) {
        let last = self.states.last().copied().unwrap_or(self.start_state);
        self.states.push(apply(last, &entry));
        self.entries.push(entry);
    }

    /// The log is lost, and all that goes with it; votes are remembered.
    pub fn forget_log(&mut self) {
        *self = Disk {
            hard_state: self.hard_state,
            ..Disk::default()
        };
    }

    /// The bytes differ from node to node, as those of equal states may.
    pub fn write_file(&mut self, id: Position, state: u64, node: i32) {
        let mut bytes = Vec::new();
        bytes.extend_from_slice(&state.to_le_bytes());
        bytes.extend(std::iter::repeat_n(b'a' + node as u8, 9 * node as usize));
        let sum = bytes
            .iter()
            .fold(7u64, |sum, byte| sum.rotate_left(5) ^ u64::from(*byte));
        bytes.extend_from_slice(&sum.to_le_bytes());
        self.files.retain(|(held, _)| *held != id);
        self.files.push((id, bytes));
    }

    /// The state in a snapshot's file; panics if the file is damaged.
    pub fn read_file(&self, id: Position) -> u64 {
        let file = self.files.iter().find(|(held, _)| *held == id);
        let (_, bytes) = file.unwrap_or_else(|| panic!("SNAPSHOT: no file of {id:?}"));
        let (content, sum) = bytes.split_at(bytes.len() - 8);
        let expected = content
            .iter()
            .fold(7u64, |sum, byte| sum.rotate_left(5) ^ u64::from(*byte));
        assert_eq!(sum, expected.to_le_bytes(), "SNAPSHOT: the file of {id:?} is a mixture");
        u64::from_le_bytes(content[..8].try_into().expect("eight bytes"))
    }

    /// A file that is complete, for a snapshot that was taken here.
    pub fn file(&self, id: Position) -> Vec<u8> {
        let file = self.files.iter().find(|(held, _)| *held == id);
        file.expect("written when the snapshot was taken").1.clone()
    }

    pub fn put_file(&mut self, id: Position, bytes: Vec<u8>) {
        self.files.retain(|(held, _)| *held != id);
        self.files.push((id, bytes));
    }

    /// In the order that [`Persist`] promises.
    pub fn write(&mut self, persist: &Persist) {
        if let Some(chunk) = &persist.chunk {
            if chunk.offset == 0 {
                self.aside = Some((chunk.id, Vec::new()));
            }
            let (id, file) = self.aside.as_mut().expect("a file begins at offset 0");
            assert_eq!(
                (*id, file.len() as u64),
                (chunk.id, chunk.offset),
                "SNAPSHOT: chunks come in order"
            );
            file.extend_from_slice(&chunk.bytes);
        }
        if let Some(switch) = &persist.snapshot {
            if let Some((id, file)) = self.aside.take_if(|_| persist.chunk.is_some()) {
                self.put_file(id, file);
            }
            if switch.discard_log {
                self.start_state = self.read_file(switch.snapshot.id);
                self.entries.clear();
                self.states.clear();
            } else {
                self.start_state = self.state_at(switch.log_start.end).expect("the log is kept");
                let gone = (switch.log_start.end - self.start.end) as usize;
                self.entries.drain(..gone);
                self.states.drain(..gone);
            }
            self.start = switch.log_start;
            self.snapshot = Some(switch.snapshot.clone());
            self.files.retain(|(id, _)| id.end >= switch.snapshot.id.end);
        }
        if let Some(state) = persist.hard_state {
            self.hard_state = state;
        }
        if let Some(end) = persist.truncate_to {
            let kept = (end - self.start.end) as usize;
            self.entries.truncate(kept);
            self.states.truncate(kept);
        }
        if !persist.append.is_empty() {
            assert_eq!(persist.append_at, self.end(), "appends are dense");
            persist.append.iter().for_each(|entry| self.push(entry.clone()));
        }
    }

    pub fn recovered(&self) -> Recovered {
        let mut recovered = Recovered {
            hard_state: self.hard_state,
            snapshot: self.snapshot.clone(),
            terms: crate::Terms::starting_at(self.start),
            voters: Vec::new(),
        };
        self.entries.iter().for_each(|entry| recovered.push(entry));
        recovered
    }
}

impl LogView for Disk {
    fn entries(&self, from: u64, to: u64, bytes_max: usize) -> Vec<Entry> {
        let (from, to) = ((from - self.start.end) as usize, (to - self.start.end) as usize);
        let mut bytes = 0;
        let mut taken = Vec::new();
        for entry in &self.entries[from..to] {
            if bytes >= bytes_max && !taken.is_empty() {
                break;
            }
            bytes += entry.payload.bytes();
            taken.push(entry.clone());
        }
        taken
    }

    fn snapshot_chunk(&self, id: Position, offset: u64, _bytes_max: usize) -> Option<Chunk> {
        let (_, file) = self.files.iter().find(|(held, _)| *held == id)?;
        let rest = file.get(offset as usize..)?;
        let bytes = &rest[..rest.len().min(CHUNK_BYTES)];
        Some(Chunk {
            bytes: Bytes::copy_from_slice(bytes),
            last: bytes.len() == rest.len(),
        })
    }
}
