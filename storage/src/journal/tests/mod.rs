//! The journal's formats: golden bytes, newer versions, and mutations of everything that is decoded.

use corelane_protocol::crc32c;

use super::{
    checkpoint::{CHECKPOINT_VERSION, CheckpointError, CheckpointHeader},
    frame::{Address, FLAG_FILE_HEAD, Found, FrameBuilder, FrameError, FrameHeader, Lineage, Link, Seal, records},
    record::{RECORD_HEADER, Record, RecordHeader, decode_config, encode_config},
    recovery::{plan, scan_file},
    space::ReplayFrom,
};
use crate::{LogConfig, LogId, LogSpec, Rules, StateKind, disk::BLOCK};

fn seal() -> Seal {
    Seal {
        lineage: Lineage {
            seed: 0x1122_3344_5566_7788,
            incarnation: 5,
        },
        frame_seq: 77,
        address: Address { file_seq: 3, block: 0 },
        prev: Link {
            file_seq: 2,
            frame_seq: 70,
            chain: 0xabcd,
        },
        durable_seq: 70,
        wall_ms: 1_700_000_000_000,
    }
}

fn sample_records() -> Vec<Record<'static>> {
    let spec = LogSpec {
        topic_id: uuid::Uuid::from_u128(9),
        topic: "orders".into(),
        partition: 4,
    };
    vec![
        Record::Data {
            base_offset: 10,
            last_offset: 12,
            leader_epoch: 6,
            batch: b"not looked into here",
        },
        Record::Truncate { to_offset: 9 },
        Record::Start { offset: 3 },
        Record::Epoch {
            leader_epoch: 8,
            start_offset: 13,
        },
        Record::State {
            kind: StateKind::HardState,
            value: b"term",
        },
        Record::Create {
            spec,
            config: LogConfig::default(),
            suffixed: true,
        },
        Record::Configure {
            config: LogConfig {
                retention_ms: 1,
                ..LogConfig::default()
            },
        },
        Record::Delete,
        Record::Roll {
            file_id: 5,
            base_offset: 10,
            created_ms: 99,
        },
        Record::Flushed {
            file_id: 5,
            file_pos: 8192,
            end_offset: 12,
            next_pos: 8000,
        },
        Record::Residue {
            file_id: 5,
            file_pos: 8192,
            base_offset: 11,
            last_offset: 12,
            partial_bytes: 4,
            bytes: b"tail and more",
        },
    ]
}

fn sample_frame() -> Vec<u8> {
    let mut builder = FrameBuilder::new(1 << 12, 1 << 20, 0);
    builder.set_flags(FLAG_FILE_HEAD);
    for record in sample_records() {
        let (header, body) = record.encode(LogId(0x0102));
        builder.push(&header, body.as_slice());
    }
    builder.seal(&seal()).0.to_vec()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Goal: the format on the disk stays what it is. Changing these bytes needs a new version and a way to read the old.
#[test]
fn golden_frame() {
    let frame = sample_frame();
    assert_eq!(frame.len(), BLOCK);
    assert_eq!(hex(&frame[..132]), GOLDEN_HEADER);
    let header = FrameHeader::parse(&frame).unwrap();
    let first = &frame[header.body_start as usize..][..RECORD_HEADER + 24];
    assert_eq!(hex(first), GOLDEN_RECORD);
    assert_eq!(crc32c::crc32c(&frame), GOLDEN_CRC);
}

const GOLDEN_HEADER: &str = "d66388854a460101887766554433221105000000000000004d000000000000000300000000000000cdab000000000000\
    f4aab5ecdd005d36460000000000000000100000800200000b00000001000000c0040000000000000068e5cf8b010000\
    4600000000000000020000000000000000000000000000000000000000000000cb2ac511";
const GOLDEN_RECORD: &str = "3c0000000100000002010000000000000a00000000000000\
    020000000600000000000000000000006e6f74206c6f6f6b656420696e746f206865726500000000";
const GOLDEN_CRC: u32 = 3_740_817_600;

/// Goal: what was pushed is read back, each record with the place of its body.
#[test]
fn a_frame_reads_back() {
    let frame = sample_frame();
    let header = FrameHeader::parse(&frame).unwrap();
    assert_eq!(
        (header.frame_seq, header.prev, header.durable_seq),
        (77, seal().prev, 70)
    );
    assert_eq!(header.bad_sectors(&frame), Vec::<u32>::new());
    let mut expected = sample_records().into_iter();
    for found in records(&header, &frame, &[]) {
        let Found::Record { header, at, body } = found else {
            panic!("{found:?}")
        };
        assert_eq!(&frame[at as usize..at as usize + body.len()], body);
        assert_eq!(
            Record::decode(&header, body),
            Ok((LogId(0x0102), expected.next().unwrap()))
        );
    }
    assert_eq!(expected.next(), None);
}

/// Goal: a frame of a later release is not taken for garbage, which recovery would cut off.
#[test]
fn newer_versions_are_told_apart() {
    let mut frame = sample_frame();
    frame[6] = 2;
    let crc = crc32c::crc32c(&frame[4..132]);
    frame[..4].copy_from_slice(&crc.to_le_bytes());
    assert_eq!(FrameHeader::parse(&frame), Err(FrameError::Newer(2)));
    assert_eq!(scan_file(&frame, 3, 16, seal().lineage.seed), Err(2));

    let header = checkpoint_header();
    let mut block = header.encode(b"body");
    block[4..8].copy_from_slice(&(CHECKPOINT_VERSION + 1).to_le_bytes());
    let decoded = CheckpointHeader::decode(&block, header.seed);
    assert_eq!(decoded, Err(CheckpointError::Newer(CHECKPOINT_VERSION + 1)));
}

fn checkpoint_header() -> CheckpointHeader {
    CheckpointHeader {
        seed: 1,
        generation: 2,
        incarnation: 3,
        covered_seq: 4,
        replay_from: ReplayFrom {
            file_seq: 5,
            prev: Link {
                file_seq: 4,
                frame_seq: 3,
                chain: 2,
            },
        },
        files: 16,
        file_blocks: 4096,
    }
}

/// Goal: no flipped bit goes unnoticed, and none panics.
#[test]
fn every_flipped_bit_is_noticed() {
    let frame = sample_frame();
    let header = FrameHeader::parse(&frame).unwrap();
    let table = 128..header.body_start as usize;
    for at in 0..frame.len() {
        let mut mutated = frame.clone();
        mutated[at] ^= 1 << (at % 8);
        // Of the table's room only the frame's own entries count.
        let unused = table.contains(&at) && at >= table.start + 4;
        match FrameHeader::parse(&mutated) {
            Ok(parsed) if !unused => {
                let bad = parsed.bad_sectors(&mutated);
                assert_eq!(bad, vec![0], "byte {at}");
                records(&parsed, &mutated, &bad).for_each(drop);
                // Also with a checksum that lied.
                records(&parsed, &mutated, &[]).for_each(decode);
            }
            Ok(_) => assert!(unused),
            Err(_) => assert!(at < 132),
        }
    }
    let checkpoint = checkpoint_header();
    let block = checkpoint.encode(b"body");
    assert_eq!(
        CheckpointHeader::decode(&block, 1).map(|decoded| decoded.0),
        Ok(checkpoint)
    );
    for at in 0..block.len() {
        let mut mutated = block.clone();
        mutated[at] ^= 1 << (at % 8);
        let decoded = CheckpointHeader::decode(&mutated, 1);
        let version = (4..8).contains(&at);
        assert!(
            matches!(decoded, Err(CheckpointError::Newer(_))) == version && decoded.is_err(),
            "byte {at}"
        );
    }
}

fn decode(found: Found<'_>) {
    if let Found::Record { header, body, .. } = found {
        let _ = Record::decode(&header, body);
    }
}

/// Goal: cut and garbled records are errors, whatever they claim.
#[test]
fn garbled_records_never_panic() {
    let mut random = 1u64;
    let mut next = || {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        random
    };
    for record in sample_records() {
        let (header, body) = record.encode(LogId(1));
        let body = body.as_slice();
        for cut in 0..body.len() {
            let _ = Record::decode(&header, &body[..cut]);
        }
        for _ in 0..2000 {
            let mut bytes = [&header.encode()[..], body].concat();
            for _ in 0..1 + next() % 4 {
                let at = next() as usize % bytes.len();
                bytes[at] = next() as u8;
            }
            let header = RecordHeader::parse(&bytes).unwrap();
            let _ = Record::decode(&header, &bytes[RECORD_HEADER..]);
        }
    }
    assert!(RecordHeader::parse(&[0; RECORD_HEADER - 1]).is_err());
}

/// Goal: damage to one body leaves the other records readable; damage to a record's header leaves nothing after it.
#[test]
fn damage_is_known_to_the_sector() {
    let mut builder = FrameBuilder::new(1 << 16, 1 << 20, 0);
    let body = vec![7; 6000];
    for offset in 0..4 {
        let record = Record::Data {
            base_offset: offset,
            last_offset: offset,
            leader_epoch: 0,
            batch: &body,
        };
        let (header, body) = record.encode(LogId(offset as u64));
        builder.push(&header, body.as_slice());
    }
    let frame = builder.seal(&seal()).0;
    let header = FrameHeader::parse(&frame).unwrap();
    let kinds = |bad: &[u32]| -> String {
        let kind = |found: Found<'_>| match found {
            Found::Record { .. } => 'r',
            Found::DamagedBody { .. } => 'd',
            Found::DamagedRest => '-',
        };
        records(&header, &frame, bad).map(kind).collect()
    };
    assert_eq!(kinds(&[]), "rrrr");
    assert_eq!(kinds(&[0]), "-");
    assert_eq!(kinds(&[1]), "d-");
    assert_eq!(kinds(&[2]), "rdrr");
    assert_eq!(kinds(&[5]), "rrrd");
}

/// Goal: a record larger than the usual frame gets a frame with a table for it.
#[test]
fn a_large_record_has_its_own_frame() {
    let body = vec![3; 5 << 20];
    let record = Record::Data {
        base_offset: 0,
        last_offset: 0,
        leader_epoch: 0,
        batch: &body,
    };
    let (header, encoded) = record.encode(LogId(1));
    let mut builder = FrameBuilder::new(1 << 12, 1 << 20, RECORD_HEADER + body.len());
    builder.push(&header, encoded.as_slice());
    let (frame, _) = builder.seal(&seal());
    let header = FrameHeader::parse(&frame).unwrap();
    assert!(header.body_start > 5120 && header.bad_sectors(&frame).is_empty());
    assert!(matches!(records(&header, &frame, &[]).next(), Some(Found::Record { body: b, .. }) if b == body));
}

/// Goal: frames of another disk, of another place and of an earlier lap do not count.
#[test]
fn foreign_frames_do_not_count() {
    let frame = sample_frame();
    let seed = seal().lineage.seed;
    assert_eq!(scan_file(&frame, 3, 16, seed).unwrap().len(), 1);
    assert_eq!(scan_file(&frame, 3, 16, seed + 1).unwrap().len(), 0);
    assert_eq!(scan_file(&frame, 4, 16, seed).unwrap().len(), 0);
    let shifted = [vec![0; BLOCK], frame.clone()].concat();
    assert_eq!(scan_file(&shifted, 3, 16, seed).unwrap().len(), 0);

    let scanned = scan_file(&frame, 3, 16, seed).unwrap();
    let from = ReplayFrom {
        file_seq: 3,
        prev: seal().prev,
    };
    assert_eq!(plan(scanned.clone(), from, 70, &Rules::production()).frames.len(), 1);
    let earlier = ReplayFrom {
        file_seq: 19,
        prev: seal().prev,
    };
    assert_eq!(plan(scanned, earlier, 70, &Rules::production()).frames.len(), 0);
}

/// Goal: a jitter is kept beside the bit that it shares a word with, and a word of before has none.
#[test]
fn a_jitter_shares_its_word() {
    for (delete, segment_jitter_ms) in [(true, 0), (false, 0), (true, 1), (false, i64::MAX), (true, i64::MAX)] {
        let config = LogConfig {
            delete,
            segment_jitter_ms,
            ..LogConfig::default()
        };
        let mut bytes = Vec::new();
        encode_config(&config, &mut bytes);
        assert_eq!(decode_config(&mut &bytes[..]), Ok(config));
        let word = u64::from_le_bytes(bytes[bytes.len() - 8..].try_into().unwrap());
        assert_eq!(word == u64::from(delete), segment_jitter_ms == 0);
    }
}
