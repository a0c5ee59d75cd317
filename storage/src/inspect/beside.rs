//! The small files beside a segment, all in Kafka's formats. None of them is needed for recovery.

use std::ops::ControlFlow;

use super::{Item, Sink, Source, read};
use crate::log::{decode_snapshot, snapshot_entries};

/// Offset index and time index: entries of this size, big endian.
const OFFSET_ENTRY_BYTES: u64 = 8;
const TIME_ENTRY_BYTES: u64 = 12;
/// Bytes that are read together.
const PIECE_BYTES: u64 = 64 << 10;

pub(super) fn offset_index(source: &dyn Source, base_offset: Option<i64>, out: Sink<'_>) -> ControlFlow<()> {
    let mut before: Option<(u32, u32)> = None;
    entries(source, OFFSET_ENTRY_BYTES, out, |at, entry| {
        let (relative, position) = (be_u32(entry, 0), be_u32(entry, 4));
        let item = Item::new("entry", at, OFFSET_ENTRY_BYTES)
            .say("offset", base_offset.unwrap_or(0).saturating_add(i64::from(relative)))
            .say("position", position);
        let grows = before.is_none_or(|before| before.0 < relative && before.1 < position);
        before = Some((relative, position));
        item.wrong_if(!grows, "it does not grow; the engine reads the segment instead")
    })
}

pub(super) fn time_index(source: &dyn Source, base_offset: Option<i64>, out: Sink<'_>) -> ControlFlow<()> {
    let mut before: Option<i64> = None;
    entries(source, TIME_ENTRY_BYTES, out, |at, entry| {
        let (high, low) = (be_u32(entry, 0), be_u32(entry, 4));
        let time = (u64::from(high) << 32 | u64::from(low)) as i64;
        let item = Item::new("entry", at, TIME_ENTRY_BYTES).say("timestamp", time).say(
            "offset",
            base_offset.unwrap_or(0).saturating_add(i64::from(be_u32(entry, 8))),
        );
        let grows = before.is_none_or(|before| before < time);
        before = Some(time);
        item.wrong_if(!grows, "it does not grow; the engine reads the segment instead")
    })
}

/// Calls back for each entry, and tells what is left over.
fn entries(
    source: &dyn Source,
    bytes_each: u64,
    out: Sink<'_>,
    mut tell: impl FnMut(u64, &[u8]) -> Item,
) -> ControlFlow<()> {
    let end = source.bytes() / bytes_each * bytes_each;
    let piece_bytes = PIECE_BYTES / bytes_each * bytes_each;
    let mut at = 0;
    while at < end {
        let wanted = piece_bytes.min(end - at);
        match read(source, at, wanted as usize) {
            Ok(piece) => {
                for (index, entry) in piece.chunks_exact(bytes_each as usize).enumerate() {
                    out(tell(at + index as u64 * bytes_each, entry))?;
                }
            }
            Err(why) => out(Item::new("unreadable", at, wanted).wrong(why))?,
        }
        at += wanted;
    }
    match source.bytes() - end {
        0 => ControlFlow::Continue(()),
        rest => out(Item::new("rest", end, rest).wrong("less than an entry")),
    }
}

pub(super) fn producer_snapshot(source: &dyn Source, out: Sink<'_>) -> ControlFlow<()> {
    let item = Item::new("producers", 0, source.bytes());
    let bytes = match read(source, 0, usize::MAX) {
        Ok(bytes) => bytes,
        Err(why) => return out(item.wrong(why)),
    };
    let is_sound = decode_snapshot(&bytes).is_some();
    let count = snapshot_entries(&bytes).count() as u64;
    out(item.say("count", count).wrong_if(
        !is_sound,
        "its version, checksum or length does not fit; its entries are told as they stand",
    ))?;
    for (producer_id, producer) in snapshot_entries(&bytes) {
        let last = producer.batches.back();
        let item = Item::new("producer", 0, 0)
            .inside()
            .say("producer_id", producer_id)
            .say("producer_epoch", producer.producer_epoch)
            .say("coordinator_epoch", producer.coordinator_epoch)
            .say("last_timestamp", producer.last_timestamp)
            .say("last_sequence", last.map_or(-1, |batch| batch.last_sequence))
            .say("last_offset", last.map_or(-1, |batch| batch.last_offset));
        let open = producer.transaction_start;
        out(item.say_if(open.is_some(), "transaction_start", open.unwrap_or_default()))?;
    }
    ControlFlow::Continue(())
}

/// Text: a version, a count, an entry a line.
pub(super) fn leader_epochs(source: &dyn Source, out: Sink<'_>) -> ControlFlow<()> {
    let item = Item::new("leader epochs", 0, source.bytes());
    let bytes = match read(source, 0, usize::MAX) {
        Ok(bytes) => bytes,
        Err(why) => return out(item.wrong(why)),
    };
    let Ok(text) = std::str::from_utf8(&bytes) else {
        return out(item.wrong("no text"));
    };
    let mut lines = text.split_inclusive('\n');
    let mut number = || lines.next().and_then(|line| line.trim_end().parse::<u64>().ok());
    let (Some(version), Some(count)) = (number(), number()) else {
        return out(item.wrong("it does not begin with a version and a count"));
    };
    out(item
        .say("version", version)
        .say("count", count)
        .wrong_if(version != 0, "unknown version"))?;
    let mut at = bytes.len() - lines.clone().map(str::len).sum::<usize>();
    let mut found = 0;
    for line in lines {
        let item = Item::new("epoch", at as u64, line.len() as u64).inside();
        at += line.len();
        found += 1;
        let numbers = line.trim_end().split_once(' ').and_then(|(epoch, start)| {
            let epoch: i32 = epoch.parse().ok()?;
            Some((epoch, start.parse::<i64>().ok()?))
        });
        out(match numbers {
            Some((epoch, start)) => item.say("leader_epoch", epoch).say("start_offset", start),
            None => item.wrong("not two numbers"),
        })?;
    }
    if found == count {
        return ControlFlow::Continue(());
    }
    out(Item::new("rest", at as u64, 0).wrong(format_args!("{found} entries, not {count}")))
}

fn be_u32(bytes: &[u8], at: usize) -> u32 {
    u32::from_be_bytes(bytes[at..at + 4].try_into().expect("four bytes"))
}
