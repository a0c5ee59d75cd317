//! Which frames are still needed, and their bytes.
//!
//! A frame's buffer is the tail: readers, replication and write-out take slices of it. A log holds one reference for
//! each of its tail entries; when the last one of a frame is released its memory goes, and when the last one of a
//! journal file is released the file can be reused after the next checkpoint.

use std::collections::BTreeMap;

use bytes::Bytes;

/// Where a record's body lies: `len` bytes at `at` of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrameRef {
    pub frame_seq: u64,
    pub at: u32,
    pub len: u32,
}

/// Frames with live tail entries.
#[derive(Default)]
pub struct Frames {
    frames: BTreeMap<u64, Held>,
    tail_bytes: u64,
    held_bytes: u64,
}

#[derive(Default)]
struct Held {
    /// None while the frame fills.
    bytes: Option<Bytes>,
    /// Until then: what was copied into it, by where it lies.
    copies: BTreeMap<u32, Bytes>,
    references: u32,
}

impl Frames {
    /// A tail entry now needs these bytes.
    pub fn hold(&mut self, at: FrameRef) {
        self.frames.entry(at.frame_seq).or_default().references += 1;
        self.tail_bytes += u64::from(at.len);
    }

    /// A tail entry needs these bytes no longer: they are in a segment, or gone.
    pub fn release(&mut self, at: FrameRef) {
        let held = self.frames.get_mut(&at.frame_seq).expect("released what was held");
        held.references -= 1;
        self.tail_bytes -= u64::from(at.len);
        if held.references == 0 {
            self.held_bytes -= held.bytes.as_ref().map_or(0, |bytes| bytes.len() as u64);
            self.frames.remove(&at.frame_seq);
        }
    }

    /// As [`Frames::hold`], of bytes that are known from elsewhere: they can be read while the frame fills.
    pub fn hold_copy(&mut self, at: FrameRef, bytes: Bytes) {
        self.hold(at);
        let held = self.frames.get_mut(&at.frame_seq).expect("just held");
        if held.bytes.is_none() {
            held.copies.insert(at.at, bytes);
        }
    }

    /// The bytes, without a copy; None while the frame they are in still fills, if they are no copy.
    pub fn bytes(&self, at: FrameRef) -> Option<Bytes> {
        let held = self.frames.get(&at.frame_seq)?;
        match &held.bytes {
            Some(bytes) => Some(bytes.slice(at.at as usize..(at.at + at.len) as usize)),
            None => held.copies.get(&at.at).cloned(),
        }
    }

    /// The frame is sealed: its bytes do not change any more.
    pub fn seal(&mut self, frame_seq: u64, bytes: Bytes) {
        if let Some(held) = self.frames.get_mut(&frame_seq) {
            self.held_bytes += bytes.len() as u64;
            held.copies.clear();
            let before = held.bytes.replace(bytes);
            self.held_bytes -= before.map_or(0, |bytes| bytes.len() as u64);
        }
    }

    /// As [`Frames::seal`], for bytes that are part of a whole journal file: a few bytes of tail must not hold all of it in
    /// memory.
    pub fn seal_copy(&mut self, frame_seq: u64, bytes: &[u8]) {
        if self.frames.contains_key(&frame_seq) {
            self.seal(frame_seq, Bytes::copy_from_slice(bytes));
        }
    }

    /// Whether each frame's memory is its own, so that [`Frames::held_bytes`] is what all of them take.
    #[cfg(test)]
    pub fn is_own_memory(&self) -> bool {
        let mut held = self.frames.values().filter_map(|held| held.bytes.as_ref());
        held.all(Bytes::is_unique)
    }

    /// Bytes of this frame, if nobody but these so many references holds it.
    pub fn freed_by(&self, frame_seq: u64, references: u32) -> Option<u64> {
        let held = self
            .frames
            .get(&frame_seq)
            .filter(|held| held.references == references)?;
        Some(held.bytes.as_ref()?.len() as u64)
    }

    /// The oldest frame that a tail entry needs.
    pub fn oldest(&self) -> Option<u64> {
        self.frames.keys().next().copied()
    }

    /// Bytes of all tail entries.
    pub fn tail_bytes(&self) -> u64 {
        self.tail_bytes
    }

    /// Bytes of all sealed frames that some tail entry needs, however little of them: what the tail costs in memory.
    pub fn held_bytes(&self) -> u64 {
        self.held_bytes
    }
}
