//! One partition's log: what a fold over its journal records says, with the batches that are not in segments yet.
//!
//! What the store relies on:
//! * [`PartitionLog::apply`] is the one way in which the state changes, live and at replay, so that a recovered log is
//!   by construction the one that was lost.
//! * A checkpoint holds the whole state except the tail's bytes. Recovery decodes it, feeds the records of the frames
//!   before the checkpoint that may still be live with [`Fold::TailOnly`], which rebuilds the list of tail entries and
//!   nothing else (a TRUNCATE drops from the end, START, FLUSHED and RESIDUE from the front, all against the records
//!   themselves), then the later ones with [`Fold::Full`], then calls [`PartitionLog::finish_recovery`].
//! * Each tail entry holds one reference in [`Frames`] and releases it when its bytes are in a durable segment, cut,
//!   below the start, or in a RESIDUE.
//!
//! How the store moves a tail into segments (`store/background.rs`):
//! 1. `plan_write_out(&self, &Frames, bytes_max, wall_ms) -> Option<WriteOut>`: records to journal first (ROLL), then
//!    what to write where, gathered into aligned buffers; whole blocks only, unless the segment is sealed by it.
//! 2. `writeout::run(&disk, WriteOut).await -> io::Result<WrittenOut>`: data and file metadata are durable after.
//! 3. `written_out(&self, WrittenOut) -> Vec<Record<'static>>`: FLUSHED (and what else) for the store to journal and
//!    apply; empty if a truncation came in between, so that the result means nothing any more.
//! 4. `residue(&self, &Frames, below_frame_seq) -> Option<Residue..>`: if less than a block of the tail comes from
//!    frames older than that, the RESIDUE that frees them.
//! 5. `plan_retention(&self, wall_ms) -> Option<i64>`: a new start offset. `unlink(&mut self) -> Vec<String>`: segment
//!    files that no durable state needs once the checkpoint after this call is durable.

use std::collections::{BTreeMap, VecDeque};

use bytes::Bytes;

use crate::{
    journal::{
        frames::{FrameRef, Frames},
        record::{
            Record, RecordError, decode_config, decode_spec, encode_config, encode_spec, state_kind, take, u32_at,
            u64_at,
        },
    },
    store::{Damage, LogConfig, LogId, LogSpec, StateKind},
};

/// How much of a record replay applies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fold {
    Full,
    /// The checkpoint knows everything but the tail.
    TailOnly,
}

#[derive(Clone, Copy, Debug)]
struct TailEntry {
    base_offset: i64,
    last_offset: i64,
    at: FrameRef,
}

pub struct PartitionLog {
    id: LogId,
    spec: LogSpec,
    config: LogConfig,
    start_offset: i64,
    end_offset: i64,
    /// All batches below are in segments.
    flushed_end: i64,
    states: BTreeMap<StateKind, Bytes>,
    damaged: Option<Damage>,
    tail: VecDeque<TailEntry>,
}

impl PartitionLog {
    /// An empty log, as a CREATE record makes it.
    pub fn new(id: LogId, spec: LogSpec, config: LogConfig) -> PartitionLog {
        PartitionLog {
            id,
            spec,
            config,
            start_offset: 0,
            end_offset: 0,
            flushed_end: 0,
            states: BTreeMap::new(),
            damaged: None,
            tail: VecDeque::new(),
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

    pub fn start_offset(&self) -> i64 {
        self.start_offset
    }

    pub fn end_offset(&self) -> i64 {
        self.end_offset
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

    /// `at` says where the record's body lies. CREATE and DELETE are the store's and never come here.
    pub fn apply(&mut self, record: &Record<'_>, at: FrameRef, fold: Fold, frames: &mut Frames) {
        match record {
            Record::Data {
                base_offset,
                last_offset,
                ..
            } => {
                if fold == Fold::Full {
                    if *base_offset < self.end_offset {
                        self.mark_damaged(&format!("offset {base_offset} again, after {}", self.end_offset));
                        return;
                    }
                    self.end_offset = last_offset + 1;
                }
                frames.hold(at);
                self.tail.push_back(TailEntry {
                    base_offset: *base_offset,
                    last_offset: *last_offset,
                    at,
                });
            }
            Record::Truncate { to_offset } => {
                while let Some(entry) = self.tail.pop_back_if(|entry| entry.last_offset >= *to_offset) {
                    frames.release(entry.at);
                    if fold == Fold::Full {
                        self.end_offset = entry.base_offset;
                    }
                }
                if fold == Fold::Full {
                    self.end_offset = self.end_offset.min(*to_offset).max(self.start_offset);
                }
            }
            Record::Start { offset } => {
                if fold == Fold::Full {
                    self.start_offset = self.start_offset.max(*offset);
                    self.end_offset = self.end_offset.max(self.start_offset);
                }
                while let Some(entry) = self.tail.pop_front_if(|entry| entry.last_offset < *offset) {
                    frames.release(entry.at);
                }
            }
            Record::State { kind, value } => {
                if fold == Fold::Full {
                    self.states.insert(*kind, Bytes::copy_from_slice(value));
                }
            }
            Record::Configure { config } => {
                if fold == Fold::Full {
                    self.config = config.clone();
                }
            }
            Record::Flushed { .. } | Record::Residue { .. } | Record::Roll { .. } | Record::Epoch { .. } => {}
            Record::Create { .. } | Record::Delete => unreachable!("the store's own records"),
        }
    }

    /// Everything was replayed: drops tail entries that segments hold, and reports a tail that does not meet the rest.
    pub fn finish_recovery(&mut self, frames: &mut Frames) {
        let flushed_end = self.flushed_end;
        while let Some(entry) = self.tail.pop_front_if(|entry| entry.last_offset < flushed_end) {
            frames.release(entry.at);
        }
        let mut expected = self.flushed_end.max(self.start_offset);
        for at in 0..self.tail.len() {
            let entry = self.tail[at];
            if entry.base_offset > expected {
                self.mark_damaged(&format!(
                    "records {expected} to {} are not in the journal",
                    entry.base_offset - 1
                ));
            }
            expected = entry.last_offset + 1;
        }
        if expected < self.end_offset {
            self.mark_damaged(&format!(
                "records {expected} to {} are not in the journal",
                self.end_offset - 1
            ));
        }
    }

    /// The log is deleted: it needs no frame any more.
    pub fn release_all(&mut self, frames: &mut Frames) {
        for entry in self.tail.drain(..) {
            frames.release(entry.at);
        }
    }

    /// The oldest frame that this log needs; the journal cannot go past it.
    pub fn oldest_frame(&self) -> Option<u64> {
        self.tail.iter().map(|entry| entry.at.frame_seq).min()
    }

    /// Whole batches, see `Store::read_tail`.
    pub fn read_tail(&self, from: i64, upto: i64, bytes_max: usize, frames: &Frames) -> Option<Vec<Bytes>> {
        if self.tail.front().is_none_or(|entry| entry.base_offset > from) {
            return if from == self.end_offset {
                Some(Vec::new())
            } else {
                None
            };
        }
        let first = self.tail.partition_point(|entry| entry.last_offset < from);
        let mut parts = Vec::new();
        let mut room = bytes_max;
        for entry in self.tail.range(first..) {
            if entry.base_offset >= upto || (!parts.is_empty() && entry.at.len as usize > room) {
                break;
            }
            let Some(bytes) = frames.bytes(entry.at) else { break };
            room = room.saturating_sub(bytes.len());
            parts.push(bytes);
        }
        Some(parts)
    }

    /// Everything but the tail, for a checkpoint. The id is the store's to write.
    pub fn encode(&self, out: &mut Vec<u8>) {
        encode_spec(&self.spec, out);
        encode_config(&self.config, out);
        for offset in [self.start_offset, self.end_offset, self.flushed_end] {
            out.extend_from_slice(&offset.to_le_bytes());
        }
        let damage = self.damaged.as_ref().map_or("", |damage| &damage.reason);
        out.extend_from_slice(&(damage.len() as u32).to_le_bytes());
        out.extend_from_slice(damage.as_bytes());
        out.extend_from_slice(&(self.states.len() as u32).to_le_bytes());
        for (kind, value) in &self.states {
            out.push(*kind as u8);
            out.extend_from_slice(&(value.len() as u32).to_le_bytes());
            out.extend_from_slice(value);
        }
    }

    pub fn decode(id: LogId, bytes: &mut &[u8]) -> Result<PartitionLog, RecordError> {
        let spec = decode_spec(bytes)?;
        let config = decode_config(bytes)?;
        let mut log = PartitionLog::new(id, spec, config);
        log.start_offset = u64_at(take(bytes, 8)?, 0) as i64;
        log.end_offset = u64_at(take(bytes, 8)?, 0) as i64;
        log.flushed_end = u64_at(take(bytes, 8)?, 0) as i64;
        let len = u32_at(take(bytes, 4)?, 0) as usize;
        let damage = std::str::from_utf8(take(bytes, len)?).map_err(|_| RecordError("damage is not UTF-8"))?;
        if !damage.is_empty() {
            log.mark_damaged(damage);
        }
        for _ in 0..u32_at(take(bytes, 4)?, 0) {
            let kind = state_kind(u64::from(take(bytes, 1)?[0]))?;
            let len = u32_at(take(bytes, 4)?, 0) as usize;
            log.states.insert(kind, Bytes::copy_from_slice(take(bytes, len)?));
        }
        Ok(log)
    }
}
