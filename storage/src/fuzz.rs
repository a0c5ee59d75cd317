//! Every decoder of bytes that lay on a disk as a function of those bytes, for the fuzzer (`fuzz` at the root) and for the
//! bounded runs of `cargo test` (`tests/inspect`). Each must return: no panic, no endless loop, no allocation beyond the
//! input. Checksums are made right where they would keep the fuzzer out: what is behind them may still be a bug's.

use std::ops::ControlFlow;

use corelane_protocol::crc32c;

use crate::{
    disk::BLOCK,
    identity::Superblock,
    inspect::{Detail, FileKind, inspect},
    journal::{
        checkpoint::CheckpointHeader,
        frame::{self, Address, FRAME_HEADER, Found, FrameBuilder, FrameHeader, Lineage, Link, Seal},
        record::{RECORD_HEADER, Record, RecordHeader, u32_at, u64_at},
    },
    log::{PartitionLog, SegmentIndex, decode_snapshot, encode_snapshot},
    store::LogId,
};

/// Feeds bytes to a decoder.
type Feed = fn(&[u8]);

pub const TARGETS: &[(&str, Feed)] = &[
    ("SuperblockFile", superblock),
    ("FrameHeader", frame_header),
    ("FrameRecords", frame_records),
    ("CheckpointHeader", checkpoint_header),
    ("CheckpointLog", checkpoint_log),
    ("ProducerSnapshot", producer_snapshot),
    ("SegmentIndex", segment_index),
    ("Inspect", inspect_any),
];

/// One block that begins with the input.
fn block_of(input: &[u8]) -> Vec<u8> {
    let mut block = input[..input.len().min(BLOCK)].to_vec();
    block.resize(BLOCK, 0);
    block
}

fn superblock(input: &[u8]) {
    let _ = Superblock::decode(input);
    let mut block = block_of(input);
    Superblock::seal(&mut block);
    if let Ok(superblock) = Superblock::decode(&block) {
        let mut again = vec![0; BLOCK];
        superblock.encode(&mut again);
        assert_eq!(Superblock::decode(&again), Ok(superblock));
    }
}

/// Once as it is, once with the header's own checksums made right.
fn frame_header(input: &[u8]) {
    let _ = FrameHeader::parse(input);
    let mut frame = input.to_vec();
    if frame.len() < FRAME_HEADER {
        return;
    }
    let sectors = (u32_at(&frame, 76) as usize).min((frame.len() - FRAME_HEADER) / 4);
    frame::seal_header(&mut frame, sectors);
    let Ok(header) = FrameHeader::parse(&frame) else {
        return;
    };
    let bad = header.bad_sectors(&frame);
    if let Some(frame) = frame.get(..header.len as usize) {
        read_records(&header, frame, &bad);
    }
}

/// The input is the records of a frame that is otherwise sound; the first byte chooses a damaged sector, or none.
fn frame_records(input: &[u8]) {
    let Some((choice, payload)) = input.split_first() else {
        return;
    };
    let room = vec![0; payload.len().saturating_sub(RECORD_HEADER)];
    let record = RecordHeader {
        len: (RECORD_HEADER + room.len()) as u32,
        ..RecordHeader::default()
    };
    let mut builder = FrameBuilder::new(room.len(), 0, RECORD_HEADER);
    builder.push(&record, &room);
    let (sealed, _) = builder.seal(&Seal {
        lineage: Lineage {
            seed: 1,
            incarnation: 1,
        },
        frame_seq: 1,
        address: Address { file_seq: 1, block: 0 },
        prev: Link::default(),
        durable_seq: 0,
        wall_ms: 0,
    });
    let header = FrameHeader::parse(&sealed).expect("what was sealed is parsed");
    assert!(header.bad_sectors(&sealed).is_empty());
    let mut frame = sealed.to_vec();
    let start = header.body_start as usize;
    let len = payload.len().min(header.payload_len as usize);
    frame[start..start + len].copy_from_slice(&payload[..len]);
    read_records(&header, &frame, &[]);
    read_records(&header, &frame, &[u32::from(*choice)]);
}

/// What is read of a record, written again, is the same.
fn read_records(header: &FrameHeader, frame: &[u8], bad: &[u32]) {
    let mut found = 0;
    for record in frame::records(header, frame, bad) {
        found += 1;
        let Found::Record { header, body, .. } = record else {
            continue;
        };
        let Ok((log, record)) = Record::decode(&header, body) else {
            continue;
        };
        let (header, body) = record.encode(log);
        assert_eq!(Record::decode(&header, body.as_slice()), Ok((log, record)));
    }
    assert!(found <= frame.len() / RECORD_HEADER);
}

fn checkpoint_header(input: &[u8]) {
    let mut block = block_of(input);
    CheckpointHeader::seal(&mut block);
    let seed = u64_at(&block, 16);
    if let Ok((header, ..)) = CheckpointHeader::decode(&block, seed) {
        let again = header.encode(&[]);
        assert_eq!(
            CheckpointHeader::decode(&again, seed),
            Ok((header, 0, crc32c::crc32c(&[])))
        );
    }
}

/// What is read of a log, written again, is the same.
fn checkpoint_log(input: &[u8]) {
    let Ok(log) = PartitionLog::decode(LogId(1), &mut { input }) else {
        return;
    };
    let encoded = |log: &PartitionLog| {
        let mut out = Vec::new();
        log.encode(&mut out);
        out
    };
    let once = encoded(&log);
    let mut rest = &once[..];
    let again = PartitionLog::decode(LogId(1), &mut rest).expect("what was encoded is decoded");
    assert!(rest.is_empty());
    assert_eq!(encoded(&again), once);
}

fn producer_snapshot(input: &[u8]) {
    let _ = decode_snapshot(input);
    let mut sealed = input.to_vec();
    if let Some((crc, covered)) = sealed.get_mut(2..).and_then(|rest| rest.split_first_chunk_mut::<4>()) {
        *crc = crc32c::crc32c(covered).to_be_bytes();
    }
    if let Some(table) = decode_snapshot(&sealed) {
        assert_eq!(decode_snapshot(&encode_snapshot(&table)), Some(table));
    }
}

/// The first bytes say where the time index begins, and what is looked for.
fn segment_index(input: &[u8]) {
    let Some((wanted, files)) = input.split_first_chunk::<10>() else {
        return;
    };
    let [a, b, wanted @ ..] = *wanted;
    let (wanted, at) = (i64::from_be_bytes(wanted), usize::from(u16::from_be_bytes([a, b])));
    let (offsets, times) = files.split_at(at.min(files.len()));
    let bytes = 1 << 30;
    let Some(index) = SegmentIndex::parse(offsets, times, bytes) else {
        return;
    };
    assert_eq!(
        (&index.offset_index_bytes()[..], &index.time_index_bytes()[..]),
        (offsets, times)
    );
    let wanted_offset = wanted.unsigned_abs() as i64 & i64::MAX;
    assert!(index.position_of(wanted_offset, 0) < bytes);
    assert!(index.before_time(wanted, 0).all(|(time, _)| time < wanted));
}

/// The first byte chooses what the file is said to be.
fn inspect_any(input: &[u8]) {
    let (choice, file) = input.split_first().unwrap_or((&0, &[]));
    let kind = FileKind::ALL[usize::from(*choice) % FileKind::ALL.len()];
    let mut items = 0;
    let _ = inspect(kind, &file, Some(100), Detail::Full, &mut |item| {
        items += 1;
        assert!(item.at <= file.len() as u64, "{}: {item}", kind.name());
        ControlFlow::Continue(())
    });
    assert!(items < 100 + file.len(), "{}: {items} items", kind.name());
}
