//! A log in the core's checkpoint: everything but the tail, whose bytes are in the journal. Little-endian; the
//! checkpoint around it has version and checksums, so an error here means a bug or a checksum that lied, and either way
//! nothing is guessed.

use bytes::{Buf, BufMut, Bytes};

use super::{
    FileId, PartitionLog,
    producers::{BATCHES_REMEMBERED, Producer, ProducerBatch, ProducerTable},
    segments::{Segment, SegmentList},
};
use crate::{
    journal::record::{RecordError, decode_config, decode_spec, encode_config, encode_spec, state_kind, take},
    store::LogId,
};

/// Least bytes of a segment, an epoch, a producer, a state: what a count is held against before anything is allocated.
const SEGMENT_BYTES: usize = 57;
const EPOCH_BYTES: usize = 12;
const PRODUCER_BYTES: usize = 31;
const STATE_BYTES: usize = 5;

const CUT: RecordError = RecordError("log in the checkpoint cut");

impl PartitionLog {
    /// Everything but the tail, for a checkpoint. The id is the store's to write.
    pub fn encode(&self, out: &mut Vec<u8>) {
        encode_spec(&self.spec, out);
        encode_config(&self.config, out);
        out.put_u8(self.suffixed.into());
        out.put_i64_le(self.start_offset);
        out.put_i64_le(self.end_offset);
        out.put_u64_le(self.tail.position);
        put_bytes(
            out,
            self.damaged.as_ref().map_or("", |damage| &damage.reason).as_bytes(),
        );
        out.put_u32_le(self.states.len() as u32);
        for (kind, value) in &self.states {
            out.put_u8(*kind as u8);
            put_bytes(out, value);
        }
        out.put_u32_le(self.epochs.entries().len() as u32);
        for entry in self.epochs.entries() {
            out.put_i32_le(entry.leader_epoch);
            out.put_i64_le(entry.start_offset);
        }
        self.segments.encode(out);
        self.settled.encode(out);
    }

    /// Takes a log off the front of `bytes`. Its tail is empty until records are replayed.
    pub fn decode(id: LogId, bytes: &mut &[u8]) -> Result<PartitionLog, RecordError> {
        let spec = decode_spec(bytes)?;
        let config = decode_config(bytes)?;
        let suffixed = take_bool(bytes)?;
        let mut log = PartitionLog::new(id, spec, config, suffixed);
        log.start_offset = take_i64(bytes)?;
        log.end_offset = take_i64(bytes)?;
        log.tail.position = take_i64(bytes)? as u64;
        if log.start_offset < 0 || log.end_offset < log.start_offset {
            return Err(RecordError("offsets of a log in the checkpoint"));
        }
        let damage = std::str::from_utf8(take_bytes(bytes)?).map_err(|_| RecordError("damage is not UTF-8"))?;
        if !damage.is_empty() {
            log.mark_damaged(damage);
        }
        for _ in 0..take_count(bytes, STATE_BYTES)? {
            let kind = state_kind(u64::from(take_u8(bytes)?))?;
            log.states.insert(kind, Bytes::copy_from_slice(take_bytes(bytes)?));
        }
        for _ in 0..take_count(bytes, EPOCH_BYTES)? {
            let leader_epoch = take_i32(bytes)?;
            log.epochs.start(leader_epoch, take_i64(bytes)?);
        }
        log.segments = SegmentList::decode(bytes)?;
        log.settled = ProducerTable::decode(bytes)?;
        log.folding_tail = true;
        Ok(log)
    }
}

impl SegmentList {
    fn encode(&self, out: &mut Vec<u8>) {
        out.put_u64_le(self.next_file);
        for list in [
            &self.sealed[..],
            self.active.as_slice(),
            &self.doomed[..],
            &self.unlinking[..],
        ] {
            out.put_u32_le(list.len() as u32);
            for segment in list {
                out.put_u64_le(segment.file.0);
                out.put_i64_le(segment.base_offset);
                out.put_u64_le(segment.position);
                out.put_i64_le(segment.end_offset);
                out.put_i64_le(segment.max_timestamp);
                out.put_i64_le(segment.first_timestamp);
                out.put_i64_le(segment.created_ms);
                out.put_u8(segment.cut.into());
            }
        }
    }

    fn decode(bytes: &mut &[u8]) -> Result<SegmentList, RecordError> {
        let next_file = take_i64(bytes)? as u64;
        let mut lists = [Vec::new(), Vec::new(), Vec::new(), Vec::new()];
        for list in &mut lists {
            for _ in 0..take_count(bytes, SEGMENT_BYTES)? {
                let file = FileId(take_i64(bytes)? as u64);
                let mut segment = Segment::new(file, take_i64(bytes)?, 0);
                segment.position = take_i64(bytes)? as u64;
                segment.end_offset = take_i64(bytes)?;
                segment.max_timestamp = take_i64(bytes)?;
                segment.first_timestamp = take_i64(bytes)?;
                segment.created_ms = take_i64(bytes)?;
                segment.cut = take_bool(bytes)?;
                if segment.position > 0 {
                    segment.index = None;
                }
                if segment.base_offset < 0 || segment.end_offset < segment.base_offset || file.number() >= next_file {
                    return Err(RecordError("segment in the checkpoint"));
                }
                list.push(segment);
            }
        }
        let [sealed, mut active, mut doomed, unlinking] = lists;
        if !sealed.is_sorted_by(|a, b| a.end_offset <= b.base_offset) || active.len() > 1 {
            return Err(RecordError("order of segments in the checkpoint"));
        }
        // Whether they were removed is not known: once more.
        doomed.extend(unlinking);
        Ok(SegmentList {
            sealed,
            active: active.pop(),
            doomed,
            unlinking: Vec::new(),
            next_file,
        })
    }
}

impl ProducerTable {
    fn encode(&self, out: &mut Vec<u8>) {
        out.put_u32_le(self.len() as u32);
        for (producer_id, producer) in self.iter() {
            out.put_i64_le(producer_id);
            out.put_i16_le(producer.producer_epoch);
            out.put_i32_le(producer.coordinator_epoch);
            out.put_i64_le(producer.last_timestamp);
            out.put_i64_le(producer.transaction_start.unwrap_or(-1));
            out.put_u8(producer.batches.len() as u8);
            for batch in &producer.batches {
                out.put_i32_le(batch.last_sequence);
                out.put_i64_le(batch.last_offset);
                out.put_i32_le(batch.offset_delta);
                out.put_i64_le(batch.timestamp);
            }
        }
    }

    fn decode(bytes: &mut &[u8]) -> Result<ProducerTable, RecordError> {
        let mut table = ProducerTable::default();
        for _ in 0..take_count(bytes, PRODUCER_BYTES)? {
            let producer_id = take_i64(bytes)?;
            let mut producer = Producer {
                producer_epoch: i16::from_le_bytes([take_u8(bytes)?, take_u8(bytes)?]),
                coordinator_epoch: take_i32(bytes)?,
                last_timestamp: take_i64(bytes)?,
                transaction_start: Some(take_i64(bytes)?).filter(|start| *start >= 0),
                batches: Default::default(),
            };
            let batches = usize::from(take_u8(bytes)?);
            if batches > BATCHES_REMEMBERED {
                return Err(RecordError("producer in the checkpoint"));
            }
            for _ in 0..batches {
                producer.batches.push_back(ProducerBatch {
                    last_sequence: take_i32(bytes)?,
                    last_offset: take_i64(bytes)?,
                    offset_delta: take_i32(bytes)?,
                    timestamp: take_i64(bytes)?,
                });
            }
            table.insert(producer_id, producer);
        }
        Ok(table)
    }
}

fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    out.put_u32_le(bytes.len() as u32);
    out.put_slice(bytes);
}

fn take_bytes<'a>(bytes: &mut &'a [u8]) -> Result<&'a [u8], RecordError> {
    let len = bytes.try_get_u32_le().map_err(|_| CUT)?;
    take(bytes, len as usize)
}

fn take_u8(bytes: &mut &[u8]) -> Result<u8, RecordError> {
    bytes.try_get_u8().map_err(|_| CUT)
}

fn take_i32(bytes: &mut &[u8]) -> Result<i32, RecordError> {
    bytes.try_get_i32_le().map_err(|_| CUT)
}

fn take_i64(bytes: &mut &[u8]) -> Result<i64, RecordError> {
    bytes.try_get_i64_le().map_err(|_| CUT)
}

fn take_bool(bytes: &mut &[u8]) -> Result<bool, RecordError> {
    match take_u8(bytes)? {
        0 => Ok(false),
        1 => Ok(true),
        _ => Err(RecordError("neither true nor false")),
    }
}

/// A count of things that have at least `bytes_each` bytes, all of which must be there.
fn take_count(bytes: &mut &[u8], bytes_each: usize) -> Result<usize, RecordError> {
    let count = bytes.try_get_u32_le().map_err(|_| CUT)? as usize;
    if count.checked_mul(bytes_each).is_none_or(|need| need > bytes.len()) {
        Err(CUT)
    } else {
        Ok(count)
    }
}
