//! The end of a log that is not wholly in segments: an index over batches that lie in the journal's frames.

use std::collections::VecDeque;

use bytes::Bytes;

use crate::journal::frames::{FrameRef, Frames};

/// One batch in a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TailEntry {
    pub base_offset: i64,
    pub last_offset: i64,
    pub max_timestamp: i64,
    /// -1 in a partial one.
    pub leader_epoch: i32,
    pub at: FrameRef,
    /// Only the end of the batch is at `at`, as a RESIDUE left it; what is before is in the segment.
    pub partial: bool,
}

/// Time of a partial batch whose header nobody has seen since the start.
pub(super) const UNKNOWN_TIMESTAMP: i64 = i64::MIN;

/// Entries continue each other's offsets and bytes; only the first can be partial or start in the segment.
#[derive(Debug, Default)]
pub(super) struct Tail {
    pub entries: VecDeque<TailEntry>,
    /// Where the first entry's bytes belong in the active segment; where the next batch goes if there is none.
    pub position: u64,
    bytes: u64,
    /// What the last RESIDUE copied, for as long as its frame fills and cannot be read.
    copy: Option<(FrameRef, Bytes)>,
}

impl Tail {
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    pub fn front(&self) -> Option<&TailEntry> {
        self.entries.front()
    }

    pub fn push_back(&mut self, entry: TailEntry, frames: &mut Frames) {
        frames.hold(entry.at);
        self.bytes += u64::from(entry.at.len);
        self.entries.push_back(entry);
    }

    pub fn push_front(&mut self, entry: TailEntry, frames: &mut Frames) {
        frames.hold(entry.at);
        self.bytes += u64::from(entry.at.len);
        self.entries.push_front(entry);
    }

    /// The last entry, if it ends at or beyond `to_offset`.
    pub fn pop_back_from(&mut self, to_offset: i64, frames: &mut Frames) -> Option<TailEntry> {
        let entry = self.entries.pop_back_if(|entry| entry.last_offset >= to_offset)?;
        self.forget(entry, frames);
        Some(entry)
    }

    /// The first entry, if it ends below `offset`.
    pub fn pop_front_below(&mut self, offset: i64, frames: &mut Frames) -> Option<TailEntry> {
        let entry = self.entries.pop_front_if(|entry| entry.last_offset < offset)?;
        self.forget(entry, frames);
        Some(entry)
    }

    /// The whole batch at `entry.base_offset` is at `entry.at` now. False: it is not here.
    pub fn move_to(&mut self, entry: TailEntry, batch: &[u8], frames: &mut Frames) -> bool {
        let found = self
            .entries
            .binary_search_by_key(&entry.base_offset, |entry| entry.base_offset);
        let Ok(index) = found else { return false };
        let old = self.entries[index];
        if old.partial || old.last_offset != entry.last_offset || old.at.len != entry.at.len {
            return false;
        }
        let bytes = self.bytes_of(&old, frames);
        frames.hold_copy(entry.at, bytes.unwrap_or_else(|| Bytes::copy_from_slice(batch)));
        self.entries[index].at = entry.at;
        frames.release(old.at);
        self.copy.take_if(|(at, _)| frames.bytes(*at).is_some());
        true
    }

    /// Puts an entry where its offsets belong: at replay a copy may be found without what it was copied from.
    pub fn insert(&mut self, entry: TailEntry, frames: &mut Frames) {
        let index = self
            .entries
            .partition_point(|other| other.base_offset < entry.base_offset);
        frames.hold(entry.at);
        self.bytes += u64::from(entry.at.len);
        self.entries.insert(index, entry);
    }

    /// Keeps the bytes of a RESIDUE record that lie at `at`.
    pub fn keep_copy(&mut self, at: FrameRef, bytes: &[u8]) {
        self.copy = Some((at, Bytes::copy_from_slice(bytes)));
    }

    /// The bytes of an entry; None while its frame fills.
    pub fn bytes_of(&self, entry: &TailEntry, frames: &Frames) -> Option<Bytes> {
        frames.bytes(entry.at).or_else(|| {
            let (at, bytes) = self
                .copy
                .as_ref()
                .filter(|(at, _)| at.frame_seq == entry.at.frame_seq)?;
            let start = entry.at.at.checked_sub(at.at)? as usize;
            let end = start + entry.at.len as usize;
            (end <= bytes.len()).then(|| bytes.slice(start..end))
        })
    }

    fn forget(&mut self, entry: TailEntry, frames: &mut Frames) {
        frames.release(entry.at);
        self.copy.take_if(|(at, _)| frames.bytes(*at).is_some());
        self.bytes -= u64::from(entry.at.len);
    }

    /// Whole batches from the one that holds `from`, with bases below `upto`, while they fit into `bytes_max` and their
    /// frames are sealed; the first one always. Ends before a hole: a reader must not step over what was lost as if it
    /// had been compacted away.
    pub fn read(&self, from: i64, upto: i64, bytes_max: usize, frames: &Frames) -> Vec<Bytes> {
        let first = self.entries.partition_point(|entry| entry.last_offset < from);
        let mut out = Vec::new();
        let mut room = bytes_max;
        let mut next_offset = from;
        for entry in self.entries.range(first..) {
            if from >= upto || entry.base_offset >= upto || !out.is_empty() && entry.at.len as usize > room {
                break;
            }
            if entry.base_offset > next_offset {
                break;
            }
            next_offset = entry.last_offset + 1;
            let Some(bytes) = self.bytes_of(entry, frames) else {
                break;
            };
            room = room.saturating_sub(bytes.len());
            out.push(bytes);
        }
        out
    }
}
