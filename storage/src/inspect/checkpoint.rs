//! One copy of a core's checkpoint: what it covers, and each log in it. A body whose checksum does not fit is told all the same, as
//! far as it can be read.

use std::ops::ControlFlow;

use corelane_protocol::crc32c;

use super::{Detail, Item, Sink, Source, Value, read};
use crate::{
    disk::BLOCK,
    journal::{
        checkpoint::{CHECKPOINT_VERSION, CheckpointError, CheckpointHeader},
        record::{RecordError, take, u32_at, u64_at},
    },
    log::{PartitionLog, Segment},
    store::LogId,
};

const BODY_AT: u64 = BLOCK as u64;
/// Where the header has the seed that it is checked against: here it is taken at its word.
const SEED_AT: usize = 16;

pub(super) fn inspect(source: &dyn Source, detail: Detail, out: Sink<'_>) -> ControlFlow<()> {
    let item = Item::new("checkpoint", 0, source.bytes());
    let block = match read(source, 0, BLOCK) {
        Ok(block) if block.len() == BLOCK => block,
        Ok(_) => return out(item.wrong("shorter than a header")),
        Err(why) => return out(item.wrong(why)),
    };
    if block.iter().all(|byte| *byte == 0) {
        return out(item.say("blank", true));
    }
    let (header, len, crc) = match CheckpointHeader::decode(&block, u64_at(&block, SEED_AT)) {
        Ok(decoded) => decoded,
        Err(CheckpointError::Newer(version)) => {
            return out(item.say("version", version).wrong("a newer release wrote it"));
        }
        Err(CheckpointError::Invalid) => return out(item.wrong("its header is damaged; the other copy counts")),
    };
    let item = item
        .say("version", CHECKPOINT_VERSION)
        .say("generation", header.generation)
        .say("incarnation", header.incarnation)
        .say("covered_seq", header.covered_seq)
        .say("replay_from_file", header.replay_from.file_seq)
        .say("replay_after_seq", header.replay_from.prev.frame_seq)
        .say("files", header.files)
        .say("file_bytes", u64::from(header.file_blocks) * BODY_AT)
        .say("seed", Value::Bits(header.seed))
        .say("body_bytes", len);
    let body = match read(source, BODY_AT, usize::try_from(len).unwrap_or(usize::MAX)) {
        Ok(body) => body,
        Err(why) => return out(item.wrong(why)),
    };
    let is_whole = body.len() as u64 == len && crc32c::crc32c(&body) == crc;
    out(item.wrong_if(!is_whole, "its body is cut or damaged, so the other copy counts"))?;
    let mut rest = &body[..];
    if let Err(why) = tell_logs(&mut rest, &body, detail, out)? {
        let at = BODY_AT + (body.len() - rest.len()) as u64;
        return out(Item::new("rest", at, rest.len() as u64).wrong(why));
    }
    ControlFlow::Continue(())
}

/// The body's parts in turn, which leave `rest` where one cannot be read.
fn tell_logs(rest: &mut &[u8], body: &[u8], detail: Detail, out: Sink<'_>) -> ControlFlow<(), Result<(), RecordError>> {
    let told = |result| ControlFlow::Continue(result);
    let count = match take(rest, 4) {
        Ok(count) => u32_at(count, 0),
        Err(why) => return told(Err(why)),
    };
    for _ in 0..count {
        let at = BODY_AT + (body.len() - rest.len()) as u64;
        let head = match take(rest, 20) {
            Ok(head) => head,
            Err(why) => return told(Err(why)),
        };
        let (id, pinned_from) = (LogId(u64_at(head, 0)), u64_at(head, 8));
        let mut encoded = match take(rest, u32_at(head, 16) as usize) {
            Ok(encoded) => encoded,
            Err(why) => return told(Err(why)),
        };
        let item = Item::new("log", at, 20 + encoded.len() as u64).say("log", Value::Bits(id.0));
        let item = item.say_if(pinned_from != u64::MAX, "needs_frames_from", pinned_from);
        match PartitionLog::decode(id, &mut encoded) {
            Ok(log) => tell_log(
                item.wrong_if(!encoded.is_empty(), "longer than it says"),
                &log,
                detail,
                out,
            )?,
            // Its length is known, so the next one can be told.
            Err(why) => out(item.wrong(why))?,
        }
    }
    told(tell_end(rest, body, out)?)
}

fn tell_log(item: Item, log: &PartitionLog, detail: Detail, out: Sink<'_>) -> ControlFlow<()> {
    let (at, segments) = (item.at, log.segments());
    let item = item
        .say("topic", log.spec().topic.as_str())
        .say("partition", log.spec().partition)
        .say("topic_id", log.spec().topic_id.to_string())
        .say("directory", log.directory())
        .say("start_offset", log.start_offset())
        .say("end_offset", log.end_offset())
        .say("files_end", log.files_end())
        .say("segments", segments.iter().count() as u64)
        .say("segment_bytes", segments.bytes());
    let damage = log.damaged().map(|damage| damage.reason.clone());
    out(match damage {
        Some(reason) => item.wrong(format_args!("damaged, as recovery found: {reason}")),
        None => item,
    })?;
    if detail == Detail::Outline {
        return ControlFlow::Continue(());
    }
    for segment in &segments.sealed {
        out(of_segment(at, "sealed", segment))?;
    }
    if let Some(segment) = &segments.active {
        out(of_segment(at, "active", segment))?;
    }
    for entry in log.epochs().entries() {
        let item = Item::new("epoch", at, 0)
            .inside()
            .say("leader_epoch", entry.leader_epoch);
        out(item.say("start_offset", entry.start_offset))?;
    }
    for (producer_id, producer) in log.settled_producers().iter() {
        let last = producer.batches.back();
        let item = Item::new("producer", at, 0)
            .inside()
            .say("producer_id", producer_id)
            .say("producer_epoch", producer.producer_epoch)
            .say("batches", producer.batches.len() as u64)
            .say("last_sequence", last.map_or(-1, |batch| batch.last_sequence))
            .say("last_offset", last.map_or(-1, |batch| batch.last_offset));
        let open = producer.transaction_start;
        out(item.say_if(open.is_some(), "transaction_start", open.unwrap_or_default()))?;
    }
    ControlFlow::Continue(())
}

fn of_segment(at: u64, what: &'static str, segment: &Segment) -> Item {
    let item = Item::new(what, at, 0)
        .inside()
        .say("file", segment.file_name("log"))
        .say("base_offset", segment.base_offset)
        .say("end_offset", segment.end_offset)
        .say("durable_bytes", segment.position)
        .say("max_timestamp", segment.max_timestamp)
        .say("created_ms", segment.created_ms);
    item.say_if(segment.cut, "truncated", true)
}

/// Directories to be removed, and what is wrong with the whole journal.
fn tell_end(rest: &mut &[u8], body: &[u8], out: Sink<'_>) -> ControlFlow<(), Result<(), RecordError>> {
    let told = |result| ControlFlow::Continue(result);
    let place = |rest: &[u8]| BODY_AT + (body.len() - rest.len()) as u64;
    let text = |rest: &mut &[u8]| -> Result<String, RecordError> {
        let len = u32_at(take(rest, 4)?, 0) as usize;
        let text = std::str::from_utf8(take(rest, len)?).map_err(|_| RecordError("text is not UTF-8"))?;
        Ok(text.to_owned())
    };
    let count = match take(rest, 4) {
        Ok(count) => u32_at(count, 0),
        Err(why) => return told(Err(why)),
    };
    for _ in 0..count {
        let at = place(rest);
        match text(rest) {
            Ok(directory) => out(Item::new("to be removed", at, place(rest) - at).say("directory", directory))?,
            Err(why) => return told(Err(why)),
        }
    }
    let at = place(rest);
    match text(rest) {
        Ok(damage) if damage.is_empty() => {}
        Ok(damage) => out(Item::new("journal", at, place(rest) - at).wrong(damage))?,
        Err(why) => return told(Err(why)),
    }
    told(if rest.is_empty() {
        Ok(())
    } else {
        Err(RecordError("more than it counts"))
    })
}
