//! Kafka's `.snapshot` file, version 1: the producers of a log at the base offset of the next segment. Written at a
//! seal for Kafka's tools and for a log that is moved; recovery itself relies on the checkpoint.

use bytes::{Buf, BufMut};
use corelane_protocol::crc32c;

use super::producers::{Producer, ProducerBatch, ProducerTable};

const VERSION: i16 = 1;
/// The CRC32C that precedes it covers everything from here on.
const ENTRIES_AT: usize = 6;
const ENTRY_BYTES: usize = 46;

/// The file's content. Only the last batch of each producer is in it, as in Kafka.
pub fn encode_snapshot(table: &ProducerTable) -> Vec<u8> {
    let mut out = Vec::with_capacity(ENTRIES_AT + 4 + table.len() * ENTRY_BYTES);
    out.put_i16(VERSION);
    out.put_u32(0);
    out.put_i32(table.len() as i32);
    for (producer_id, producer) in table.iter() {
        let last = producer.batches.back();
        out.put_i64(producer_id);
        out.put_i16(producer.producer_epoch);
        out.put_i32(last.map_or(-1, |batch| batch.last_sequence));
        out.put_i64(last.map_or(-1, |batch| batch.last_offset));
        out.put_i32(last.map_or(0, |batch| batch.offset_delta));
        out.put_i64(producer.last_timestamp);
        out.put_i32(producer.coordinator_epoch);
        out.put_i64(producer.transaction_start.unwrap_or(-1));
    }
    let crc = crc32c::crc32c(&out[ENTRIES_AT..]);
    out[2..ENTRIES_AT].copy_from_slice(&crc.to_be_bytes());
    out
}

/// Reads a snapshot. None: it is of another version, or damaged.
pub fn decode_snapshot(mut bytes: &[u8]) -> Option<ProducerTable> {
    let covered = bytes.get(ENTRIES_AT..)?;
    let sound = bytes.try_get_i16().ok()? == VERSION && bytes.try_get_u32().ok()? == crc32c::crc32c(covered);
    let count = bytes.try_get_i32().ok()?;
    if !sound || usize::try_from(count).ok()?.checked_mul(ENTRY_BYTES)? != bytes.len() {
        return None;
    }
    let mut table = ProducerTable::default();
    for (producer_id, producer) in entries(bytes) {
        table.insert(producer_id, producer);
    }
    Some(table)
}

/// The entries of a file as they stand, whether its checksum fits or not; what is left over at the end is none.
pub(crate) fn snapshot_entries(bytes: &[u8]) -> impl Iterator<Item = (i64, Producer)> {
    entries(bytes.get(ENTRIES_AT + 4..).unwrap_or_default())
}

fn entries(bytes: &[u8]) -> impl Iterator<Item = (i64, Producer)> {
    bytes.chunks_exact(ENTRY_BYTES).map(|mut entry| {
        let producer_id = entry.get_i64();
        let producer_epoch = entry.get_i16();
        let last_sequence = entry.get_i32();
        let last_offset = entry.get_i64();
        let offset_delta = entry.get_i32();
        let timestamp = entry.get_i64();
        let coordinator_epoch = entry.get_i32();
        let transaction_start = entry.get_i64();
        let batch = ProducerBatch {
            last_sequence,
            last_offset,
            offset_delta,
            timestamp,
        };
        let producer = Producer {
            producer_epoch,
            coordinator_epoch,
            last_timestamp: timestamp,
            transaction_start: (transaction_start >= 0).then_some(transaction_start),
            batches: (last_offset >= 0).then_some(batch).into_iter().collect(),
        };
        (producer_id, producer)
    })
}
