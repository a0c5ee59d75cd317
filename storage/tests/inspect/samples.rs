//! One small file of each kind, made by the code that writes them.

use corelane_protocol::crc32c;
use corelane_protocol::records::{Builder, Compression};
use corelane_storage::inspect::FileKind;
use corelane_storage::journal::{
    checkpoint::CheckpointHeader,
    frame::{Address, FLAG_FILE_HEAD, FLAG_WATERMARK, FrameBuilder, Lineage, Link, Seal},
    frames::{FrameRef, Frames},
    record::Record,
    space::ReplayFrom,
};
use corelane_storage::log::{Fold, PartitionLog};
use corelane_storage::{LogConfig, LogId, LogSpec, StateKind};

pub const BLOCK: usize = 4096;
/// Of the segment and its indexes.
pub const BASE_OFFSET: i64 = 100;

pub fn all() -> Vec<(FileKind, Vec<u8>)> {
    FileKind::ALL.into_iter().map(|kind| (kind, of(kind))).collect()
}

pub fn of(kind: FileKind) -> Vec<u8> {
    match kind {
        FileKind::Superblock => superblock(),
        FileKind::Journal => journal(),
        FileKind::Checkpoint => checkpoint(),
        FileKind::Segment => segment(),
        FileKind::OffsetIndex => [(2_u32, 0_u32), (5, 210)]
            .iter()
            .flat_map(|(relative, at)| [relative.to_be_bytes(), at.to_be_bytes()].concat())
            .collect(),
        FileKind::TimeIndex => [(1_700_000_000_000_i64, 2_u32), (1_700_000_009_000, 5)]
            .iter()
            .flat_map(|(time, relative)| [&time.to_be_bytes()[..], &relative.to_be_bytes()].concat())
            .collect(),
        FileKind::ProducerSnapshot => producer_snapshot(),
        FileKind::LeaderEpochs => b"0\n2\n3 100\n4 103\n".to_vec(),
    }
}

/// By hand, since only the engine itself makes one.
fn superblock() -> Vec<u8> {
    let mut block = vec![0; BLOCK];
    block[0..8].copy_from_slice(b"CORELANE");
    block[8..12].copy_from_slice(&2_u32.to_le_bytes());
    block[16..32].copy_from_slice(&[0x11; 16]);
    block[32..48].copy_from_slice(&[0x22; 16]);
    block[48..56].copy_from_slice(&9_u64.to_le_bytes());
    block[56..64].copy_from_slice(&4_u64.to_le_bytes());
    block[64..68].copy_from_slice(&1_i32.to_le_bytes());
    block[68..72].copy_from_slice(&2_u32.to_le_bytes());
    block[80..88].copy_from_slice(&1_700_000_000_000_i64.to_le_bytes());
    let crc = crc32c::crc32c_append(crc32c::crc32c(&block[..12]), &block[16..]);
    block[12..16].copy_from_slice(&crc.to_le_bytes());
    block
}

fn spec() -> LogSpec {
    LogSpec {
        topic_id: uuid::Uuid::from_u128(7),
        topic: "orders".to_owned(),
        partition: 3,
    }
}

const LOG: LogId = LogId(0x0100_0000_0002);

/// The head of file 5, a frame of two blocks, one without records; blanks; a frame of the lap before.
fn journal() -> Vec<u8> {
    let mut file = vec![0; 8 * BLOCK];
    let (spec, config) = (spec(), LogConfig::default());
    let create = Record::Create {
        spec,
        config,
        suffixed: true,
    };
    let last = Link {
        file_seq: 4,
        frame_seq: 80,
        chain: 0xabc,
    };
    let last = put(&mut file, 5, 0, 81, last, FLAG_FILE_HEAD, &[create]);
    let batch = vec![7; 5000];
    let data = [
        Record::Epoch {
            leader_epoch: 2,
            start_offset: 0,
        },
        Record::Data {
            base_offset: 0,
            last_offset: 4,
            leader_epoch: 2,
            batch: &batch,
        },
        Record::State {
            kind: StateKind::HighWatermark,
            value: b"12345678",
        },
        Record::Flushed {
            file_id: 1,
            file_pos: 4096,
            end_offset: 3,
            next_pos: 4000,
        },
        Record::Truncate { to_offset: 4 },
    ];
    let last = put(&mut file, 5, 1, 82, last, 0, &data);
    put(&mut file, 5, 4, 83, last, FLAG_WATERMARK, &[]);
    let before = Link {
        file_seq: 1,
        frame_seq: 30,
        chain: 0xdef,
    };
    put(&mut file, 1, 7, 31, before, 0, &[Record::Delete]);
    file
}

fn put(file: &mut [u8], file_seq: u32, block: u32, frame_seq: u64, prev: Link, flags: u8, records: &[Record]) -> Link {
    let mut builder = FrameBuilder::new(BLOCK, 4 * BLOCK, 0);
    builder.set_flags(flags);
    for record in records {
        let (header, body) = record.encode(LOG);
        builder.push(&header, body.as_slice());
    }
    let (bytes, chain) = builder.seal(&Seal {
        lineage: Lineage {
            seed: 0x5eed,
            incarnation: 4,
        },
        frame_seq,
        address: Address { file_seq, block },
        prev,
        durable_seq: prev.frame_seq,
        wall_ms: 1_700_000_000_000,
    });
    file[block as usize * BLOCK..][..bytes.len()].copy_from_slice(&bytes);
    Link {
        file_seq,
        frame_seq,
        chain,
    }
}

fn checkpoint() -> Vec<u8> {
    let mut log = PartitionLog::new(LOG, spec(), LogConfig::default(), false);
    let at = FrameRef {
        frame_seq: 1,
        at: 0,
        len: 0,
    };
    let mut frames = Frames::default();
    for record in [
        Record::Epoch {
            leader_epoch: 2,
            start_offset: 0,
        },
        Record::Roll {
            file_id: 0,
            base_offset: 0,
            created_ms: 1_700_000_000_000,
        },
        Record::Flushed {
            file_id: 0,
            file_pos: 8192,
            end_offset: 0,
            next_pos: 0,
        },
    ] {
        log.apply(&record, at, Fold::Full, &mut frames);
    }
    let mut damaged = PartitionLog::new(LogId(3), spec(), LogConfig::default(), true);
    damaged.mark_damaged("frame 12 is missing");
    let mut body = 2_u32.to_le_bytes().to_vec();
    for (log, pinned_from) in [(&log, u64::MAX), (&damaged, 77)] {
        let mut encoded = Vec::new();
        log.encode(&mut encoded);
        body.extend(log.id().0.to_le_bytes());
        body.extend(u64::to_le_bytes(pinned_from));
        body.extend((encoded.len() as u32).to_le_bytes());
        body.extend(encoded);
    }
    body.extend(1_u32.to_le_bytes());
    for text in ["log/gone-0", "frames 5 to 6 are missing"] {
        body.extend((text.len() as u32).to_le_bytes());
        body.extend(text.as_bytes());
    }
    let header = CheckpointHeader {
        seed: 0x5eed,
        generation: 12,
        incarnation: 4,
        covered_seq: 80,
        replay_from: ReplayFrom {
            file_seq: 5,
            prev: Link {
                file_seq: 4,
                frame_seq: 80,
                chain: 0xabc,
            },
        },
        files: 8,
        file_blocks: 8,
    };
    let mut file = header.encode(&body).to_vec();
    file.extend(body);
    file
}

/// Four batches, as a complete segment has them.
fn segment() -> Vec<u8> {
    let mut plain = Builder::new()
        .base_offset(BASE_OFFSET)
        .leader_epoch(3)
        .producer(4000, 1, 17);
    plain
        .push(1_700_000_000_000, Some(b"key"), Some(b"value"))
        .push(1_700_000_000_001, None, None);
    let mut packed = Builder::new()
        .base_offset(102)
        .leader_epoch(3)
        .compression(Compression::Zstd);
    packed.push(1_700_000_000_500, Some(b"\x1b[2J\xff"), Some(&[b'x'; 2000]));
    let mut other = Builder::new().base_offset(103).leader_epoch(4);
    other.push_with_headers(1_700_000_009_000, None, Some(b"v"), &[(b"h", Some(b"1"))]);
    let mut last = Builder::new().base_offset(104).leader_epoch(4);
    last.push(1_700_000_009_001, Some(b"last"), Some(b"v"));
    [plain, packed, other, last]
        .iter()
        .flat_map(|batch| batch.build())
        .collect()
}

fn producer_snapshot() -> Vec<u8> {
    let mut entries = 1_i32.to_be_bytes().to_vec();
    entries.extend(4000_i64.to_be_bytes());
    entries.extend(1_i16.to_be_bytes());
    entries.extend(18_i32.to_be_bytes());
    entries.extend(101_i64.to_be_bytes());
    entries.extend(1_i32.to_be_bytes());
    entries.extend(1_700_000_000_001_i64.to_be_bytes());
    entries.extend((-1_i32).to_be_bytes());
    entries.extend((-1_i64).to_be_bytes());
    let mut file = 1_i16.to_be_bytes().to_vec();
    file.extend(crc32c::crc32c(&entries).to_be_bytes());
    file.extend(entries);
    file
}
