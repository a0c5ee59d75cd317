//! A segment: record batches one after the other, as Kafka's tools read them too.
//!
//! After bytes that are no batch, the next whole one is looked for: what has a sound length, an offset not below what was seen, and
//! the right checksum. That it costs no more than a few passes over the file is seen to, whatever lies there.

use std::ops::ControlFlow;

use corelane_protocol::records::{self, BATCH_HEADER_BYTES, BatchError, BatchHeader, Compression, MAGIC, check_crc};

use super::{Detail, Item, Sink, Source, read};
use crate::disk::BLOCK;

/// Bytes that are looked at together while the next batch is searched for: few at first, since it is near most of the time.
const WINDOW_BYTES: std::ops::RangeInclusive<usize> = 4 << 10..=256 << 10;
/// A search may check so many times of the file's bytes.
const SEARCH_EFFORT: u64 = 4;
/// Characters of a record's key that are shown.
const KEY_CHARS_MAX: usize = 64;

pub(super) fn inspect(source: &dyn Source, base_offset: Option<i64>, detail: Detail, out: Sink<'_>) -> ControlFlow<()> {
    let mut walk = Walk {
        source,
        at: 0,
        next_offset: base_offset.unwrap_or(0),
        effort: source.bytes().saturating_mul(SEARCH_EFFORT).saturating_add(1 << 20),
    };
    while walk.at < source.bytes() {
        walk.step(detail, out)?;
    }
    ControlFlow::Continue(())
}

struct Walk<'a> {
    source: &'a dyn Source,
    at: u64,
    /// The least offset that the next batch may have.
    next_offset: i64,
    effort: u64,
}

impl Walk<'_> {
    fn left(&self) -> u64 {
        self.source.bytes() - self.at
    }

    fn step(&mut self, detail: Detail, out: Sink<'_>) -> ControlFlow<()> {
        let header = match read(self.source, self.at, BATCH_HEADER_BYTES) {
            Ok(bytes) => BatchHeader::parse(&bytes),
            Err(why) => return self.search(&why, out),
        };
        match header {
            Ok(header) if header.batch_bytes() as u64 <= self.left() => self.batch(&header, detail, out),
            Ok(header) => self.search_or_cut(&header, out),
            Err(BatchError::Truncated { need, .. }) => self.cut(need as u64, out),
            Err(why) => self.search(&why.to_string(), out),
        }
    }

    /// Whether these numbers may follow what was seen.
    fn is_next(&self, header: &BatchHeader) -> bool {
        header.base_offset >= self.next_offset && header.last_offset_delta >= 0 && header.attributes & !0x7f == 0
    }

    fn batch(&mut self, header: &BatchHeader, detail: Detail, out: Sink<'_>) -> ControlFlow<()> {
        let bytes = match read(self.source, self.at, header.batch_bytes()) {
            Ok(bytes) => bytes,
            Err(why) => return self.search(&why, out),
        };
        let crc = check_crc(&bytes);
        if crc.is_err() && !self.is_next(header) {
            return self.search("neither checksum nor offsets of a batch fit", out);
        }
        let compression = header.compression().map_or("unknown", Compression::name);
        let item = Item::new("batch", self.at, bytes.len() as u64)
            .say("base_offset", header.base_offset)
            .say("last_offset", header.last_offset())
            .say("records", header.records_count)
            .say("leader_epoch", header.partition_leader_epoch)
            .say("max_timestamp", header.max_timestamp)
            .say("compression", compression)
            .say_if(header.has_producer_id(), "producer_id", header.producer_id)
            .say_if(header.has_producer_id(), "producer_epoch", header.producer_epoch)
            .say_if(header.has_producer_id(), "base_sequence", header.base_sequence)
            .say_if(header.is_transactional(), "transactional", true)
            .say_if(header.is_control(), "control", true)
            .wrong_if(
                header.base_offset < self.next_offset,
                format_args!("its offset is below {}", self.next_offset),
            );
        let item = match &crc {
            Ok(()) => item,
            Err(why) => item.wrong(why),
        };
        out(item)?;
        if detail == Detail::Full && crc.is_ok() {
            self.records(&bytes, out)?;
        }
        self.at += bytes.len() as u64;
        self.next_offset = self.next_offset.max(header.next_offset());
        ControlFlow::Continue(())
    }

    fn records(&self, batch: &[u8], out: Sink<'_>) -> ControlFlow<()> {
        let base = |item: Item| item.inside();
        let found = match records::records(batch) {
            Ok(found) => found,
            Err(why) => return out(base(Item::new("record", self.at, 0)).wrong(why)),
        };
        let header = *found.batch_header();
        for record in found {
            let record = match record {
                Ok(record) => record,
                Err(why) => return out(base(Item::new("record", self.at, 0)).wrong(why)),
            };
            // Records of compressed batches have no place of their own.
            let item = base(Item::new("record", self.at, 0))
                .say("offset", record.offset)
                .say("timestamp", record.timestamp);
            let item = match &record.key {
                Some(key) if header.is_control() => item.say("key_bytes", key.len() as u64),
                Some(key) => {
                    let shown: String = String::from_utf8_lossy(&key[..key.len().min(4 * KEY_CHARS_MAX)])
                        .chars()
                        .take(KEY_CHARS_MAX)
                        .collect();
                    item.say("key_bytes", key.len() as u64).say("key", shown)
                }
                None => item,
            };
            let item = match &record.value {
                Some(value) => item.say("value_bytes", value.len() as u64),
                None => item.say("tombstone", true),
            };
            out(item.say_if(!record.headers.is_empty(), "headers", record.headers.len() as u64))?;
        }
        ControlFlow::Continue(())
    }

    /// A batch that is longer than the file: its length is wrong if there are others behind it.
    fn search_or_cut(&mut self, header: &BatchHeader, out: Sink<'_>) -> ControlFlow<()> {
        let (next, gave_up) = self.next_batch(self.at + 1);
        if next == self.source.bytes() && !gave_up && self.is_next(header) {
            return self.cut(header.batch_bytes() as u64, out);
        }
        let why = format!("a batch of {} bytes does not fit", header.batch_bytes());
        self.leave_out(next, gave_up, &why, out)
    }

    /// The file ends within a batch. The one that write-out goes on with does, at a block; a complete one does not.
    fn cut(&mut self, need: u64, out: Sink<'_>) -> ControlFlow<()> {
        let item = Item::new("part of a batch", self.at, self.left()).say("batch_bytes", need);
        let is_active = self.source.bytes().is_multiple_of(BLOCK as u64);
        self.at = self.source.bytes();
        out(if is_active {
            item.say("rest_is_in", "journal")
        } else {
            item.wrong("the file ends within it, and not at a block as one does that is still written")
        })
    }

    /// Looks for the next whole batch, and says which bytes are none.
    fn search(&mut self, why: &str, out: Sink<'_>) -> ControlFlow<()> {
        let (next, gave_up) = self.next_batch(self.at + 1);
        self.leave_out(next, gave_up, why, out)
    }

    fn leave_out(&mut self, next: u64, gave_up: bool, why: &str, out: Sink<'_>) -> ControlFlow<()> {
        let from = std::mem::replace(&mut self.at, next);
        let item = Item::new("no batch", from, next - from).wrong(why);
        out(item.wrong_if(gave_up, "gave up looking for a batch behind it"))
    }

    /// Where a whole batch begins, from `at` on, or the end of the file; and whether that is because it took too much.
    fn next_batch(&mut self, mut at: u64) -> (u64, bool) {
        let end = self.source.bytes();
        let mut wanted = *WINDOW_BYTES.start();
        while at < end {
            let Some(effort) = self.effort.checked_sub(wanted as u64) else {
                return (end, true);
            };
            self.effort = effort;
            let Ok(window) = read(self.source, at, wanted + BATCH_HEADER_BYTES) else {
                at = (at / BLOCK as u64 + 1) * BLOCK as u64;
                continue;
            };
            let heads = window.len().saturating_sub(BATCH_HEADER_BYTES);
            if heads == 0 {
                return (end, false);
            }
            for start in (0..heads).filter(|start| window[start + 16] == MAGIC as u8) {
                let place = at + start as u64;
                match self.is_whole_batch(place, &window[start..]) {
                    None => return (end, true),
                    Some(true) => return (place, false),
                    Some(false) => {}
                }
            }
            at += heads as u64;
            wanted = (wanted * 2).min(*WINDOW_BYTES.end());
        }
        (end, false)
    }

    /// None: to know it would take too much.
    fn is_whole_batch(&mut self, place: u64, head: &[u8]) -> Option<bool> {
        let Ok(header) = BatchHeader::parse(head) else {
            return Some(false);
        };
        let bytes = header.batch_bytes() as u64;
        if !self.is_next(&header) || bytes > self.source.bytes() - place {
            return Some(false);
        }
        self.effort = self.effort.checked_sub(bytes)?;
        let read = read(self.source, place, header.batch_bytes());
        Some(read.is_ok_and(|bytes| check_crc(&bytes).is_ok()))
    }
}
