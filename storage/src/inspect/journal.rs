//! One file of a journal's ring: its frames, those of earlier laps behind them, and what lies between.

use std::ops::ControlFlow;

use super::{Detail, Item, Sink, Source, read};
use crate::{
    disk::BLOCK,
    journal::{
        frame::{FLAG_FILE_HEAD, FLAG_WATERMARK, FRAME_HEADER, Found, FrameError, FrameHeader, Link, records},
        record::{Record, RecordHeader, kind, u32_at},
    },
};

const BLOCK_BYTES: u64 = BLOCK as u64;

pub(super) fn inspect(source: &dyn Source, detail: Detail, out: Sink<'_>) -> ControlFlow<()> {
    let blocks = source.bytes() / BLOCK_BYTES;
    let mut walk = Walk {
        current: None,
        last: None,
    };
    let mut gap = Gap::default();
    let mut block = 0;
    while block < blocks {
        let at = block * BLOCK_BYTES;
        let frame = match frame_at(source, at) {
            Ok(frame) => frame,
            Err(nothing) => {
                gap.take(nothing, at, out)?;
                block += 1;
                continue;
            }
        };
        gap.end(at, out)?;
        block += walk.tell(source, block, &frame, detail, out)?;
    }
    gap.end(blocks * BLOCK_BYTES, out)?;
    let rest = source.bytes() % BLOCK_BYTES;
    if rest > 0 {
        out(Item::new("rest", blocks * BLOCK_BYTES, rest).wrong("the file does not end with a block: it was cut"))?;
    }
    ControlFlow::Continue(())
}

/// Why no frame starts at a block.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Nothing {
    Blank,
    Unknown,
    Damaged,
    Newer(u8),
    Unreadable(String),
}

fn frame_at(source: &dyn Source, at: u64) -> Result<FrameHeader, Nothing> {
    let head = read(source, at, BLOCK).map_err(Nothing::Unreadable)?;
    if head.iter().all(|byte| *byte == 0) {
        return Err(Nothing::Blank);
    }
    let parsed = match FrameHeader::parse(&head) {
        // Its sector table may go on beyond the first block.
        Err(FrameError::Damaged) if table_end(&head) > head.len() => {
            let longer = read(source, at, table_end(&head)).map_err(Nothing::Unreadable)?;
            FrameHeader::parse(&longer)
        }
        parsed => parsed,
    };
    parsed.map_err(|error| match error {
        FrameError::NotAFrame => Nothing::Unknown,
        FrameError::Damaged => Nothing::Damaged,
        FrameError::Newer(version) => Nothing::Newer(version),
    })
}

/// What the header says of the length of the table behind it.
fn table_end(head: &[u8]) -> usize {
    FRAME_HEADER.saturating_add((u32_at(head, 76) as usize).saturating_mul(4))
}

struct Walk {
    /// The file that this one is in this lap.
    current: Option<u32>,
    last: Option<Link>,
}

impl Walk {
    /// Says what is in a frame, and how many blocks further the next may be.
    fn tell(
        &mut self,
        source: &dyn Source,
        block: u64,
        header: &FrameHeader,
        detail: Detail,
        out: Sink<'_>,
    ) -> ControlFlow<(), u64> {
        let at = block * BLOCK_BYTES;
        let current = *self.current.get_or_insert(header.address.file_seq);
        let is_here = u64::from(header.address.block) == block;
        let is_of_now = is_here && header.address.file_seq == current;
        let bytes = read(source, at, header.len as usize);
        let bad = match &bytes {
            Ok(bytes) if bytes.len() == header.len as usize => header.bad_sectors(bytes),
            _ => (0..header.len / BLOCK as u32).collect(),
        };
        let is_head = header.flags & FLAG_FILE_HEAD != 0;
        let follows = self.last.is_none_or(|last| last == header.prev);
        let says_end = source.bytes().saturating_sub(at) < u64::from(header.len);
        let item = Item::new("frame", at, u64::from(header.len))
            .say("frame_seq", header.frame_seq)
            .say("file_seq", header.address.file_seq)
            .say("incarnation", header.incarnation)
            .say("prev_seq", header.prev.frame_seq)
            .say("durable_seq", header.durable_seq)
            .say("records", header.records)
            .say("payload_bytes", header.payload_len)
            .say("wall_ms", header.wall_ms)
            .say_if(is_head, "file_head", true)
            .say_if(header.flags & FLAG_WATERMARK != 0, "watermark", true)
            .say_if(is_here && !is_of_now, "earlier_lap", true)
            .wrong_if(
                !is_here,
                format_args!("it was written for block {} of its file", header.address.block),
            )
            .wrong_if(
                is_here && is_head != (block == 0),
                "only the first frame of a file is its head",
            )
            .wrong_if(says_end, "the file ends within it")
            .wrong_if(
                is_of_now && !follows,
                "it does not continue the frame before it in this file",
            )
            .wrong_if(
                !bad.is_empty() && !says_end,
                format_args!("damaged sectors: {}", ranges(&bad)),
            );
        out(item)?;
        if is_of_now {
            self.last = Some(Link {
                file_seq: header.address.file_seq,
                frame_seq: header.frame_seq,
                chain: header.chain,
            });
        }
        if let (Detail::Full, Ok(bytes), false) = (detail, &bytes, says_end) {
            tell_records(at, header, bytes, &bad, out)?;
        }
        // What lies elsewhere than it says tells nothing of where the next one is.
        let next = if is_here {
            u64::from(header.len) / BLOCK_BYTES
        } else {
            1
        };
        ControlFlow::Continue(next.max(1))
    }
}

fn tell_records(at: u64, frame: &FrameHeader, bytes: &[u8], bad: &[u32], out: Sink<'_>) -> ControlFlow<()> {
    let mut counted = 0;
    for found in records(frame, bytes, bad) {
        counted += 1;
        match found {
            Found::Record {
                header,
                at: body_at,
                body,
            } => {
                let at = at + u64::from(body_at) - crate::journal::record::RECORD_HEADER as u64;
                out(record(at, &header, body))?;
            }
            Found::DamagedBody { header } => {
                out(outline(at, &header).wrong("its body is in a damaged sector"))?;
            }
            Found::DamagedRest => {
                let item = Item::new("records", at, 0).inside();
                return out(item.wrong("what follows in this frame cannot be told"));
            }
        }
    }
    if counted != frame.records {
        let item = Item::new("records", at, 0).inside().say("counted", counted);
        out(item.wrong(format_args!("the frame says {}", frame.records)))?;
    }
    ControlFlow::Continue(())
}

fn outline(at: u64, header: &RecordHeader) -> Item {
    let name = match header.kind {
        kind::DATA => "data",
        kind::RESIDUE => "residue",
        kind::TRUNCATE => "truncate",
        kind::START => "start",
        kind::EPOCH => "epoch",
        kind::STATE => "state",
        kind::ROLL => "roll",
        kind::FLUSHED => "flushed",
        kind::CREATE => "create",
        kind::CONFIGURE => "configure",
        kind::DELETE => "delete",
        kind::COPY => "copy",
        _ => "unknown record",
    };
    let item = Item::new(name, at, u64::from(header.len)).inside();
    item.say("log", super::Value::Bits(header.log_id))
}

fn record(at: u64, header: &RecordHeader, body: &[u8]) -> Item {
    let item = outline(at, header);
    let record = match Record::decode(header, body) {
        Ok((_, record)) => record,
        Err(why) => return item.say("kind", u32::from(header.kind)).wrong(why),
    };
    match record {
        Record::Data {
            base_offset,
            last_offset,
            leader_epoch,
            batch,
        }
        | Record::Copy {
            base_offset,
            last_offset,
            leader_epoch,
            batch,
        } => item
            .say("base_offset", base_offset)
            .say("last_offset", last_offset)
            .say("leader_epoch", leader_epoch)
            .say("batch_bytes", batch.len() as u64),
        Record::Residue {
            file_id,
            file_pos,
            base_offset,
            last_offset,
            partial_bytes,
            bytes,
        } => item
            .say("file", super::Value::Bits(file_id))
            .say("position", file_pos)
            .say("base_offset", base_offset)
            .say("last_offset", last_offset)
            .say("partial_bytes", partial_bytes)
            .say("copied_bytes", bytes.len() as u64),
        Record::Truncate { to_offset } => item.say("to_offset", to_offset),
        Record::Start { offset } => item.say("offset", offset),
        Record::Epoch {
            leader_epoch,
            start_offset,
        } => item.say("leader_epoch", leader_epoch).say("start_offset", start_offset),
        Record::State { kind, value } => item
            .say("state", format!("{kind:?}"))
            .say("value_bytes", value.len() as u64),
        Record::Roll {
            file_id,
            base_offset,
            created_ms,
        } => item
            .say("file", super::Value::Bits(file_id))
            .say("base_offset", base_offset)
            .say("created_ms", created_ms),
        Record::Flushed {
            file_id,
            file_pos,
            end_offset,
            next_pos,
        } => item
            .say("file", super::Value::Bits(file_id))
            .say("position", file_pos)
            .say("end_offset", end_offset)
            .say("next_position", next_pos),
        Record::Create { spec, config, suffixed } => item
            .say("topic", spec.topic)
            .say("partition", spec.partition)
            .say("topic_id", spec.topic_id.to_string())
            .say("segment_bytes", config.segment_bytes)
            .say("retention_ms", config.retention_ms)
            .say_if(suffixed, "id_in_directory", true),
        Record::Configure { config } => item
            .say("segment_bytes", config.segment_bytes)
            .say("segment_ms", config.segment_ms)
            .say("retention_ms", config.retention_ms)
            .say("retention_bytes", config.retention_bytes)
            .say("delete", config.delete),
        Record::Delete => item,
    }
}

/// Neighbouring blocks without a frame, told together.
#[derive(Default)]
struct Gap {
    open: Option<(Nothing, u64)>,
}

impl Gap {
    fn take(&mut self, nothing: Nothing, at: u64, out: Sink<'_>) -> ControlFlow<()> {
        if self.open.as_ref().is_some_and(|(open, _)| *open == nothing) {
            return ControlFlow::Continue(());
        }
        self.end(at, out)?;
        self.open = Some((nothing, at));
        ControlFlow::Continue(())
    }

    fn end(&mut self, at: u64, out: Sink<'_>) -> ControlFlow<()> {
        let Some((nothing, from)) = self.open.take() else {
            return ControlFlow::Continue(());
        };
        let item = |what| Item::new(what, from, at - from);
        out(match nothing {
            Nothing::Blank => item("blank"),
            // Blocks in the middle of frames of an earlier lap.
            Nothing::Unknown => item("leftover"),
            Nothing::Damaged => item("frame").wrong("its header or its table of sectors is damaged"),
            Nothing::Newer(version) => item("frame")
                .say("version", u32::from(version))
                .wrong("a newer release wrote it"),
            Nothing::Unreadable(why) => item("unreadable").wrong(why),
        })
    }
}

/// `0-3, 7`.
fn ranges(sorted: &[u32]) -> String {
    let mut text = String::new();
    let mut rest = sorted;
    while let Some(first) = rest.first() {
        let len = rest
            .iter()
            .zip(*first..)
            .take_while(|(have, want)| *have == want)
            .count();
        let last = rest[len - 1];
        let comma = if text.is_empty() { "" } else { ", " };
        text += &match len {
            1 => format!("{comma}{first}"),
            _ => format!("{comma}{first}-{last}"),
        };
        rest = &rest[len..];
    }
    text
}
