//! Goal: every file that the engine writes is told as it is, a damaged one says where and why and goes on; and whatever bytes are
//! given as a file, inspecting them ends, without a panic and with memory bounded by them.

mod samples;

use std::alloc::System;
use std::fmt::Write;
use std::ops::ControlFlow;
use std::path::Path;

use corelane_storage::inspect::{Detail, FileKind, Item, Source, inspect};
use samples::{BASE_OFFSET, BLOCK};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// All that is ever allocated for one file, per byte of it: frames and batches are read whole, once each, and searched for.
const ALLOCATED_PER_BYTE_MAX: usize = 64;
const ALLOCATED_MAX: usize = 1 << 20;
/// Damaged files of each kind.
const SEEDS: u64 = 600;

fn told(kind: FileKind, source: &dyn Source, detail: Detail) -> Vec<Item> {
    let mut items = Vec::new();
    let flow = inspect(kind, source, Some(BASE_OFFSET), detail, &mut |item| {
        items.push(item);
        ControlFlow::Continue(())
    });
    assert_eq!(flow, ControlFlow::Continue(()));
    items
}

/// One test, because the allocator's counts are of the whole process.
#[test]
fn files_are_told_as_they_are() {
    sound_and_damaged_files_read_as_in_the_golden_text();
    sound_files_have_nothing_wrong();
    what_cannot_be_read_is_said_and_gone_over();
    whoever_has_enough_is_told_no_more();
    damaged_bytes_do_no_harm();
}

/// `UPDATE=1` writes the text anew; the difference is the review.
fn sound_and_damaged_files_read_as_in_the_golden_text() {
    let mut text = String::new();
    let mut tell = |title: &str, kind: FileKind, bytes: &[u8]| {
        writeln!(text, "## {} {title}", kind.name()).unwrap();
        for item in told(kind, &bytes, Detail::Full) {
            writeln!(text, "{item}").unwrap();
        }
        text.push('\n');
    };
    for (kind, bytes) in samples::all() {
        tell("as written", kind, &bytes);
    }
    let mut damaged = |kind: FileKind, title: &str, damage: &dyn Fn(&mut Vec<u8>)| {
        let mut bytes = samples::of(kind);
        damage(&mut bytes);
        tell(title, kind, &bytes);
    };
    damaged(FileKind::Superblock, "with one bit turned", &|bytes| bytes[50] ^= 1);
    damaged(FileKind::Superblock, "of a later release", &|bytes| bytes[8] = 3);
    damaged(FileKind::Journal, "with a rotted body", &|bytes| {
        bytes[2 * BLOCK + 10] ^= 1
    });
    damaged(FileKind::Journal, "with a rotted header", &|bytes| {
        bytes[BLOCK + 30] ^= 1
    });
    damaged(FileKind::Journal, "with a block from elsewhere", &|bytes| {
        bytes.copy_within(BLOCK..3 * BLOCK, 5 * BLOCK);
    });
    damaged(FileKind::Journal, "cut within a frame", &|bytes| {
        bytes.truncate(2 * BLOCK + 100)
    });
    damaged(FileKind::Checkpoint, "with a rotted body", &|bytes| {
        bytes[BLOCK + 60] ^= 1
    });
    damaged(FileKind::Checkpoint, "cut", &|bytes| bytes.truncate(BLOCK + 100));
    damaged(FileKind::Checkpoint, "with a rotted header", &|bytes| bytes[20] ^= 1);
    damaged(FileKind::Segment, "with a rotted record", &|bytes| bytes[70] ^= 1);
    damaged(FileKind::Segment, "with a rotted length", &|bytes| bytes[9] ^= 0x40);
    damaged(FileKind::Segment, "with bytes put in between", &|bytes| {
        bytes.splice(0..0, [2; 300]);
    });
    damaged(FileKind::Segment, "cut within the last batch", &|bytes| {
        bytes.truncate(bytes.len() - 3)
    });
    damaged(
        FileKind::Segment,
        "of one block, as one that is still written",
        &|bytes| {
            let mut long = corelane_protocol::records::Builder::new().base_offset(105);
            long.push(1, None, Some(&[b'x'; 2 * BLOCK]));
            bytes.extend(long.build());
            bytes.truncate(BLOCK);
        },
    );
    damaged(FileKind::OffsetIndex, "out of order and cut", &|bytes| {
        bytes.rotate_left(8);
        bytes.push(0);
    });
    damaged(FileKind::TimeIndex, "out of order", &|bytes| bytes.rotate_left(12));
    damaged(FileKind::ProducerSnapshot, "with one bit turned", &|bytes| {
        bytes[20] ^= 1
    });
    damaged(FileKind::LeaderEpochs, "with a line that is none", &|bytes| {
        bytes[4] = b'x'
    });

    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/inspect/golden.txt");
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&path, &text).unwrap();
    }
    let golden = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(text, golden, "UPDATE=1 writes it anew");
}

fn sound_files_have_nothing_wrong() {
    for (kind, bytes) in samples::all() {
        for item in told(kind, &bytes.as_slice(), Detail::Full) {
            // The log and the journal that the sample's checkpoint knows to be damaged.
            let is_said = kind == FileKind::Checkpoint && ["log", "journal"].contains(&item.what);
            assert!(item.wrong.is_none() || is_said, "{}: {item}", kind.name());
            assert!(item.at + item.bytes <= bytes.len() as u64, "{}: {item}", kind.name());
        }
    }
}

/// A disk that gives an error for one block.
struct BadBlock<'a> {
    bytes: &'a [u8],
    block: u64,
}

impl Source for BadBlock<'_> {
    fn bytes(&self) -> u64 {
        Source::bytes(&self.bytes)
    }

    fn read(&self, at: u64, into: &mut [u8]) -> Result<(), String> {
        let (from, to) = (self.block * BLOCK as u64, (self.block + 1) * BLOCK as u64);
        if at < to && from < at + into.len() as u64 {
            return Err("input/output error".to_owned());
        }
        Source::read(&self.bytes, at, into)
    }
}

fn what_cannot_be_read_is_said_and_gone_over() {
    let bytes = samples::of(FileKind::Journal);
    let items = told(
        FileKind::Journal,
        &BadBlock {
            bytes: &bytes,
            block: 2,
        },
        Detail::Full,
    );
    let seqs: Vec<&Item> = items.iter().filter(|item| item.what == "frame").collect();
    assert_eq!(
        seqs.len(),
        4,
        "the frames before and after it, and its own header: {items:?}"
    );
    assert!(
        seqs[1]
            .wrong
            .as_ref()
            .is_some_and(|why| why.contains("damaged sectors")),
        "{}",
        seqs[1]
    );

    let batches: Vec<u8> = (0..400_i64)
        .flat_map(|offset| {
            let mut batch = corelane_protocol::records::Builder::new().base_offset(BASE_OFFSET + offset);
            batch.push(1, None, Some(b"value"));
            batch.build()
        })
        .collect();
    let items = told(
        FileKind::Segment,
        &BadBlock {
            bytes: &batches,
            block: 3,
        },
        Detail::Outline,
    );
    let (wrong, sound): (Vec<&Item>, Vec<&Item>) = items.iter().partition(|item| item.wrong.is_some());
    assert_eq!(wrong.len(), 1, "{wrong:?}");
    assert!(
        wrong[0].at / BLOCK as u64 >= 2 && wrong[0].bytes >= BLOCK as u64,
        "{}",
        wrong[0]
    );
    let missing = sound.len() as u64 * 75 + wrong[0].bytes;
    assert!(
        missing.abs_diff(batches.len() as u64) < 75 * 400,
        "everything else is told"
    );
    assert_eq!(
        sound.last().map(|item| item.at + item.bytes),
        Some(batches.len() as u64)
    );
}

fn whoever_has_enough_is_told_no_more() {
    for (kind, bytes) in samples::all() {
        let mut count = 0;
        let flow = inspect(kind, &bytes.as_slice(), None, Detail::Full, &mut |_| {
            count += 1;
            ControlFlow::Break(())
        });
        assert_eq!((flow, count), (ControlFlow::Break(()), 1), "{}", kind.name());
    }
}

/// xorshift64*: the same damage every time.
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) as usize % end.max(1)
    }
}

fn damage(bytes: &mut Vec<u8>, random: &mut Random) {
    for _ in 0..1 + random.below(6) {
        let at = random.below(bytes.len());
        match random.below(6) {
            0 => bytes.truncate(at),
            1 => bytes.iter_mut().skip(at).take(8).for_each(|byte| *byte = 0xff),
            2 => {
                let len = random.below(bytes.len() - at);
                bytes.copy_within(at..at + len, 0);
            }
            3 => bytes
                .splice(at..at, (0..random.below(300)).map(|byte| byte as u8))
                .for_each(drop),
            _ if bytes.is_empty() => {}
            _ => bytes[at] ^= 1 << random.below(8),
        }
    }
}

/// Any kind's bytes, given as any kind.
fn damaged_bytes_do_no_harm() {
    let samples = samples::all();
    let base = std::env::var("SEED")
        .ok()
        .and_then(|seed| seed.parse().ok())
        .unwrap_or(0_u64);
    for seed in base..base + SEEDS {
        let mut random = Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
        let (_, bytes) = &samples[random.below(samples.len())];
        let mut bytes = bytes.clone();
        damage(&mut bytes, &mut random);
        for (_, feed) in corelane_storage::fuzz::TARGETS {
            feed(&bytes);
        }
        for kind in FileKind::ALL {
            let region = Region::new(ALLOCATOR);
            let mut items = 0;
            let _ = inspect(kind, &bytes.as_slice(), Some(BASE_OFFSET), Detail::Full, &mut |item| {
                items += 1;
                assert!(item.at <= bytes.len() as u64, "SEED={seed} {}: {item}", kind.name());
                ControlFlow::Continue(())
            });
            let change = region.change();
            let allocated = change.bytes_allocated;
            let bound = ALLOCATED_MAX + ALLOCATED_PER_BYTE_MAX * bytes.len();
            assert!(
                allocated < bound,
                "SEED={seed} {}: {allocated} bytes for a file of {}",
                kind.name(),
                bytes.len()
            );
            assert!(
                items < 100 + bytes.len(),
                "SEED={seed} {}: {items} items of {} bytes",
                kind.name(),
                bytes.len()
            );
        }
    }
}
