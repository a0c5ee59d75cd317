//! One partition's log: what a fold over its journal records says, with the batches that are not in segments yet.
//!
//! ```text
//!   start_offset                            files' end_offset                    end_offset
//!   |  sealed segments  |  active segment: whole blocks |- - - -|                     |
//!                                        |  tail: batches in the journal's frames     |
//!                                        ^ tail.position: the first may start in the segment's last blocks
//! ```
//!
//! What the store relies on:
//! * [`PartitionLog::apply`] is the one way in which the state changes, live and at replay, so that a recovered log is
//!   by construction the one that was lost.
//! * A checkpoint holds the whole state except the tail's bytes. Recovery decodes it, feeds the records of the frames
//!   before the checkpoint that may still be live with [`Fold::TailOnly`], which rebuilds the list of tail entries and
//!   nothing else (a TRUNCATE drops from the end, START, FLUSHED and RESIDUE from the front, all against the records
//!   themselves), then the later ones with [`Fold::Full`], then calls [`PartitionLog::finish_recovery`]. Each frame is
//!   sealed in [`Frames`] after its records are applied.
//! * Each tail entry holds one reference in [`Frames`] and releases it when its bytes are in a durable segment, cut,
//!   below the start, or in a RESIDUE.
//!
//! How the store moves a tail into segments:
//! 1. [`PartitionLog::plan_write_out`]: records to journal and apply first (ROLL), then what to write where. At most
//!    one write-out of a log runs at a time.
//! 2. [`crate::writeout::run`]: data and file metadata are durable after.
//! 3. [`PartitionLog::written_out`]: FLUSHED, and ROLL after a seal, for the store to journal and apply; empty if a
//!    truncation came in between, so that the result means nothing any more.
//! 4. [`PartitionLog::residue`]: if less than a block of the tail comes from frames older than some, the RESIDUE that
//!    frees them.
//! 5. [`PartitionLog::plan_retention`]: a new start offset. [`PartitionLog::unlink`]: files that no durable state needs
//!    once the checkpoint after this call is durable.
//!
//! Reads: [`PartitionLog::read_tail`], or [`PartitionLog::plan_read`] for [`read::read`].

mod apply;
mod checkpoint;
mod epochs;
mod index;
mod plan;
mod producers;
pub mod read;
mod segments;
mod snapshot;
mod tail;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use bytes::Bytes;
use corelane_protocol::records::BatchHeader;

use crate::{
    journal::frames::Frames,
    store::{Damage, LogConfig, LogId, LogSpec, StateKind},
};
use tail::Tail;

pub use epochs::{EpochList, EpochStart};
pub use index::{INDEX_INTERVAL_BYTES, SegmentIndex};
pub use plan::{ResidueCopy, SegmentFile, TailCopy, WriteOut, WrittenOut};
pub use producers::{BATCHES_REMEMBERED, PRODUCERS_MAX, Producer, ProducerBatch, ProducerCheck, ProducerTable};
pub use segments::{FileId, Segment, SegmentList};
pub(crate) use snapshot::snapshot_entries;
pub use snapshot::{decode_snapshot, encode_snapshot};

/// How much of a record replay applies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fold {
    Full,
    /// The checkpoint knows everything but the tail.
    TailOnly,
}

/// See the module.
#[derive(Debug)]
pub struct PartitionLog {
    id: LogId,
    spec: LogSpec,
    config: LogConfig,
    suffixed: bool,
    start_offset: i64,
    end_offset: i64,
    states: BTreeMap<StateKind, Bytes>,
    damaged: Option<Damage>,
    epochs: EpochList,
    segments: SegmentList,
    tail: Tail,
    /// With the tail's batches: what [`PartitionLog::check_producer`] asks.
    producers: ProducerTable,
    /// Without them: what checkpoints and snapshots hold, and what a truncation starts over from.
    settled: ProducerTable,
    /// Changes when what a running write-out was planned on is gone.
    generation: u64,
    /// The frame of the last truncation: files are not cut before it is durable.
    truncated_in: u64,
    /// Decoded from a checkpoint, and no record after it applied yet: the tail may have entries that files hold.
    folding_tail: bool,
}

impl PartitionLog {
    /// An empty log, as a CREATE record makes it. `suffixed`: see [`PartitionLog::directory_of`].
    pub fn new(id: LogId, spec: LogSpec, config: LogConfig, suffixed: bool) -> PartitionLog {
        PartitionLog {
            id,
            spec,
            config,
            suffixed,
            start_offset: 0,
            end_offset: 0,
            states: BTreeMap::new(),
            damaged: None,
            epochs: EpochList::default(),
            segments: SegmentList::default(),
            tail: Tail::default(),
            producers: ProducerTable::default(),
            settled: ProducerTable::default(),
            generation: 0,
            truncated_in: 0,
            folding_tail: false,
        }
    }

    pub fn id(&self) -> LogId {
        self.id
    }

    pub fn spec(&self) -> &LogSpec {
        &self.spec
    }

    pub fn config(&self) -> &LogConfig {
        &self.config
    }

    /// Directory of the log's files in the data directory: Kafka's name, with the id behind it (`suffixed`) where
    /// another log, deleted maybe but not removed yet, has that name.
    pub fn directory_of(id: LogId, spec: &LogSpec, suffixed: bool) -> String {
        let name = format!("log/{}-{}", spec.topic, spec.partition);
        if suffixed { format!("{name}.{:x}", id.0) } else { name }
    }

    pub fn directory(&self) -> String {
        PartitionLog::directory_of(self.id, &self.spec, self.suffixed)
    }

    /// The first offset that may be read.
    pub fn start_offset(&self) -> i64 {
        self.start_offset
    }

    /// The offset that the next record gets.
    pub fn end_offset(&self) -> i64 {
        self.end_offset
    }

    /// Offset after the batches that are wholly in files: where the tail starts.
    pub fn files_end(&self) -> i64 {
        self.segments.end_offset().unwrap_or(self.tail_start())
    }

    fn tail_start(&self) -> i64 {
        self.tail.front().map_or(self.end_offset, |entry| entry.base_offset)
    }

    pub fn state(&self, kind: StateKind) -> Option<Bytes> {
        self.states.get(&kind).cloned()
    }

    pub fn damaged(&self) -> Option<&Damage> {
        self.damaged.as_ref()
    }

    /// Keeps the first reason.
    pub fn mark_damaged(&mut self, reason: &str) {
        self.damaged.get_or_insert_with(|| Damage {
            reason: reason.to_string(),
        });
    }

    /// See [`EpochList::end_of`].
    pub fn epoch_end(&self, leader_epoch: i32) -> Option<(i32, i64)> {
        self.epochs.end_of(leader_epoch, self.end_offset)
    }

    pub fn epochs(&self) -> &EpochList {
        &self.epochs
    }

    pub fn segments(&self) -> &SegmentList {
        &self.segments
    }

    pub fn producers(&self) -> &ProducerTable {
        &self.producers
    }

    /// Producers without the tail's batches, as checkpoints hold them.
    pub fn settled_producers(&self) -> &ProducerTable {
        &self.settled
    }

    /// See [`ProducerTable::check`].
    pub fn check_producer(&self, header: &BatchHeader) -> ProducerCheck {
        self.producers.check(header)
    }

    /// See [`ProducerTable::expire`].
    pub fn expire_producers(&mut self, now_ms: i64, expiration_ms: i64) {
        self.producers.expire(now_ms, expiration_ms);
        self.settled.expire(now_ms, expiration_ms);
    }

    /// Bytes of batches, wherever they are.
    pub fn bytes(&self) -> u64 {
        let active = self.segments.active.as_ref().map_or(0, |active| active.position);
        let in_both = active.saturating_sub(self.tail.position).min(self.tail.bytes());
        self.segments.bytes() + self.tail.bytes() - in_both
    }

    /// Bytes in memory that are not wholly in segments.
    pub fn tail_bytes(&self) -> u64 {
        self.tail.bytes()
    }

    /// The oldest frame that this log needs; the journal cannot go past it.
    pub fn oldest_frame(&self) -> Option<u64> {
        self.tail.entries.iter().map(|entry| entry.at.frame_seq).min()
    }

    /// The log is deleted: it needs no frame any more.
    pub fn release_all(&mut self, frames: &mut Frames) {
        while self.tail.pop_front_below(i64::MAX, frames).is_some() {}
        self.generation += 1;
    }

    /// Whole batches from memory, see `Store::read_tail`. None: some of what is asked for is in files, or `from` is
    /// outside of the log.
    pub fn read_tail(&self, from: i64, upto: i64, bytes_max: usize, frames: &Frames) -> Option<Vec<Bytes>> {
        if from < self.start_offset || from > self.end_offset || from < self.files_end() || self.damaged.is_some() {
            return None;
        }
        let first = self.tail.entries.partition_point(|entry| entry.last_offset < from);
        if self.tail.entries.get(first).is_some_and(|entry| entry.partial) {
            return None;
        }
        Some(self.tail.read(from, upto, bytes_max, frames))
    }
}
