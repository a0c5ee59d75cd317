//! Sparse maps of a segment, offset to position and time to offset, in Kafka's file formats.
//!
//! `.index`: entries of 8 bytes, last offset of a batch relative to the base offset and the batch's position.
//! `.timeindex`: entries of 12 bytes, the latest time so far and the relative last offset of the batch that has it.
//! Both only ever point before what is looked for, so a missing entry costs time and never an answer. The files have no
//! checksum: who reads holds an entry against the batch that it names ([`super::read`]).

use super::tail::{TailEntry, UNKNOWN_TIMESTAMP};

/// Bytes between two entries, if the topic does not ask for more: a read is at least this large anyway.
pub const INDEX_INTERVAL_BYTES: u32 = 64 * 1024;

const OFFSET_ENTRY_BYTES: usize = 8;
const TIME_ENTRY_BYTES: usize = 12;

/// What an index knows of a batch.
#[derive(Clone, Copy, Debug)]
pub(super) struct IndexedBatch {
    pub last_offset: i64,
    pub max_timestamp: i64,
    /// Where the next batch starts.
    pub end_position: u64,
}

/// Both indexes of one segment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SegmentIndex {
    offsets: Vec<(u32, u32)>,
    times: Vec<(i64, u32)>,
    bytes_since_entry: u64,
    /// Latest time so far and the relative last offset of its batch.
    latest: Option<(i64, u32)>,
    /// End of what was noted.
    pub(super) position: u64,
}

impl SegmentIndex {
    /// Notes the next batch of the segment, which starts at `self.position` and ends at `end_position`.
    pub(super) fn push(&mut self, place: IndexedBatch, base_offset: i64, interval_bytes: u32) {
        let relative = (place.last_offset - base_offset) as u32;
        if self.latest.is_none_or(|(latest, _)| place.max_timestamp > latest) {
            self.latest = Some((place.max_timestamp, relative));
        }
        if self.bytes_since_entry > u64::from(interval_bytes.max(INDEX_INTERVAL_BYTES)) {
            self.offsets.push((relative, self.position as u32));
            self.push_time();
            self.bytes_since_entry = 0;
        }
        self.bytes_since_entry += place.end_position - self.position;
        self.position = place.end_position;
    }

    /// This index with one more entry of the tail; None if the entry's time is not known.
    pub(super) fn with(
        mut self,
        entry: &TailEntry,
        end_position: u64,
        base_offset: i64,
        interval_bytes: u32,
    ) -> Option<SegmentIndex> {
        let TailEntry {
            last_offset,
            max_timestamp,
            ..
        } = *entry;
        if max_timestamp == UNKNOWN_TIMESTAMP || end_position < self.position {
            return None;
        }
        self.push(
            IndexedBatch {
                last_offset,
                max_timestamp,
                end_position,
            },
            base_offset,
            interval_bytes,
        );
        Some(self)
    }

    /// Kafka keeps the time index increasing, and ends a sealed one with the segment's latest time.
    pub(super) fn push_time(&mut self) {
        if let Some((time, relative)) = self.latest
            && time >= 0
            && self.times.last().is_none_or(|(last, _)| time > *last)
        {
            self.times.push((time, relative));
        }
    }

    /// With the last time entry that a complete segment has.
    pub(crate) fn complete(mut self) -> SegmentIndex {
        self.push_time();
        self
    }

    /// End of what was noted.
    pub(crate) fn position(&self) -> u64 {
        self.position
    }

    /// A position at or before the batch that holds `offset`, where a batch starts.
    pub fn position_of(&self, offset: i64, base_offset: i64) -> u64 {
        self.upto(offset, base_offset)
            .next()
            .map_or(0, |(_, position)| position)
    }

    /// Last offset and position of the batches that it knows up to the one that holds `offset`, the nearest first.
    pub(super) fn upto(&self, offset: i64, base_offset: i64) -> impl Iterator<Item = (i64, u64)> {
        let wanted = offset - base_offset;
        let after = self
            .offsets
            .partition_point(|(relative, _)| i64::from(*relative) <= wanted);
        let known = self.offsets[..after].iter().rev();
        known.map(move |(relative, position)| (base_offset.saturating_add((*relative).into()), u64::from(*position)))
    }

    /// Latest time so far and last offset of the batches that it knows before the first with a time not below `timestamp`, the
    /// nearest first.
    pub(crate) fn before_time(&self, timestamp: i64, base_offset: i64) -> impl Iterator<Item = (i64, i64)> {
        let after = self.times.partition_point(|(time, _)| *time < timestamp);
        let known = self.times[..after].iter().rev();
        known.map(move |(time, relative)| (*time, base_offset.saturating_add((*relative).into())))
    }

    pub fn offset_index_bytes(&self) -> Vec<u8> {
        self.offsets
            .iter()
            .flat_map(|(relative, at)| [relative.to_be_bytes(), at.to_be_bytes()])
            .flatten()
            .collect()
    }

    pub fn time_index_bytes(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.times.len() * TIME_ENTRY_BYTES);
        for (time, relative) in &self.times {
            out.extend_from_slice(&time.to_be_bytes());
            out.extend_from_slice(&relative.to_be_bytes());
        }
        out
    }

    /// Reads both files back. None if they are not what we wrote; the segment is scanned then.
    pub(crate) fn parse(offset_index: &[u8], time_index: &[u8], segment_bytes: u64) -> Option<SegmentIndex> {
        if !offset_index.len().is_multiple_of(OFFSET_ENTRY_BYTES) || !time_index.len().is_multiple_of(TIME_ENTRY_BYTES)
        {
            return None;
        }
        let u32_at = |bytes: &[u8], at: usize| bytes[at..].first_chunk().map(|b| u32::from_be_bytes(*b));
        let offsets: Option<Vec<(u32, u32)>> = offset_index
            .chunks(OFFSET_ENTRY_BYTES)
            .map(|entry| Some((u32_at(entry, 0)?, u32_at(entry, 4)?)))
            .collect();
        let times: Option<Vec<(i64, u32)>> = time_index
            .chunks(TIME_ENTRY_BYTES)
            .map(|entry| Some((i64::from_be_bytes(*entry.first_chunk()?), u32_at(entry, 8)?)))
            .collect();
        let (offsets, times) = (offsets?, times?);
        let sound = offsets.is_sorted_by(|a, b| a.0 < b.0 && a.1 < b.1)
            && times.is_sorted_by(|a, b| a.0 < b.0)
            && offsets.last().is_none_or(|(_, at)| u64::from(*at) < segment_bytes);
        sound.then_some(SegmentIndex {
            offsets,
            times,
            bytes_since_entry: 0,
            latest: None,
            position: segment_bytes,
        })
    }
}
