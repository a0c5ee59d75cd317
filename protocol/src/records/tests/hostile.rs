//! Damage is seen wherever it is, and nothing that a stranger sends makes us panic or allocate without bound.

use std::io::Write;

use lz4_flex::frame::{BlockSize, FrameEncoder, FrameInfo};

use super::*;
use crate::error_code::ErrorCode;

/// Every single changed byte of a producer's batch is detected, but for the leader epoch, which is the broker's to write.
#[test]
fn each_byte_counts() {
    let mut random = Random(6);
    for codec in Compression::ALL {
        let records = random_records(&mut Random(7), 0, 5);
        let batch = build(Builder::new().compression(codec).producer(5, 1, 0), &records);
        let limits = Limits::client(1 << 20);
        assert!(verify(&batch, &limits).is_ok());
        for at in (0..batch.len()).filter(|at| !(12..16).contains(at)) {
            let mut damaged = batch.to_vec();
            damaged[at] ^= 1 << random.below(8);
            assert!(verify(&damaged, &limits).is_err(), "byte {at} with {}", codec.name());
        }
    }
}

/// A few kilobytes that expand to far more than allowed are refused at the bound.
#[test]
fn bombs() {
    let zeroes = vec![0u8; 8 << 20];
    for codec in [
        Compression::Gzip,
        Compression::Snappy,
        Compression::Lz4,
        Compression::Zstd,
    ] {
        let mut builder = Builder::new().compression(codec);
        builder.push(0, None, Some(&zeroes));
        let batch = builder.build();
        let bound = 1 << 20;
        let limits = Limits {
            decompressed_bytes_max: bound,
            ..Limits::client(16 << 20)
        };
        assert_eq!(
            verify(&batch, &limits),
            Err(BatchError::Bomb(bound)),
            "{}",
            codec.name()
        );
        assert!(verify(&batch, &Limits::client(16 << 20)).is_ok());
    }
    // Claims of length that nothing stands behind: a bare snappy block of 4 GiB, and one in the framing.
    let claim = [0xff, 0xff, 0xff, 0xff, 0x0f, 0];
    assert!(Compression::Snappy.decompress(&claim, usize::MAX).is_err());
    let framed = [b"\x82SNAPPY\0\0\0\0\x01\0\0\0\x01\x7f\xff\xff\xff", &claim[..]].concat();
    assert!(Compression::Snappy.decompress(&framed, usize::MAX).is_err());
}

/// Bare snappy, as some clients send it, is read.
#[test]
fn bare_snappy() {
    let text = b"some text some text some text".repeat(10);
    let bare = snap::raw::Encoder::new().compress_vec(&text).unwrap();
    assert_eq!(Compression::Snappy.decompress(&bare, 1 << 20).unwrap(), text);
}

/// A large batch is checked in steps of bounded work, with the same outcome wherever records lie across their borders.
#[test]
fn large_batches_are_checked_in_steps() {
    let mut random = Random(11);
    for codec in Compression::ALL.into_iter().skip(1) {
        let mut builder = Builder::new().compression(codec);
        for index in 0..300 {
            let value = vec![b'v'; random.below(3 * STEP_BYTES / 100) + if index == 7 { 3 * STEP_BYTES } else { 0 }];
            builder.push(1_000 + index, None, Some(&value));
        }
        let batch = builder.build();
        let limits = Limits::client(64 << 20);
        let mut verification = Verification::begin(&batch, &limits).unwrap();
        let mut steps = 1;
        let verified = loop {
            let before = verification.expanded_bytes();
            if let Some(verified) = verification.step().unwrap() {
                break verified;
            }
            assert!(
                verification.expanded_bytes() - before <= 2 * STEP_BYTES,
                "{}",
                codec.name()
            );
            steps += 1;
        };
        assert!(steps >= verified.records_bytes / STEP_BYTES / 2, "{}", codec.name());
        assert_eq!(
            (verified.max_timestamp, verified.max_timestamp_offset_delta),
            (1_299, 299)
        );
        let whole = codec.decompress(&batch[BATCH_HEADER_BYTES..], usize::MAX).unwrap();
        assert_eq!(verified.records_bytes, whole.len());
        // A record too few and one too many, far behind the first step.
        for count in [299, 301] {
            let mut wrong = batch.to_vec();
            wrong[23..27].copy_from_slice(&(count - 1i32).to_be_bytes());
            wrong[57..61].copy_from_slice(&count.to_be_bytes());
            crate::records::header::seal(&mut wrong);
            let error = verify(&wrong, &limits).unwrap_err();
            let is_right = match error {
                BatchError::TrailingRecords(_) => count == 299,
                BatchError::RecordsCount {
                    declared: 301,
                    found: 300,
                } => count == 301,
                _ => false,
            };
            assert!(is_right, "{error}");
        }
    }
}

/// An LZ4 frame ends with its end mark, and a batch's records with it: Java's reader waits for the mark for good.
#[test]
fn lz4_ends_with_its_mark() {
    let text = b"some text some text some text".repeat(10_000);
    let frame = Compression::Lz4.compress(&text);
    let with = |header: &dyn Fn(FrameInfo) -> FrameInfo| {
        let info = FrameInfo::new().block_size(BlockSize::Max64KB);
        let mut encoder = FrameEncoder::with_frame_info(header(info), Vec::new());
        encoder.write_all(&text).unwrap();
        encoder.finish().unwrap()
    };
    let every_option = with(&|info| {
        let size = Some(text.len() as u64);
        info.content_checksum(true).block_checksums(true).content_size(size)
    });
    for frame in [frame, every_option, with(&|info| info)] {
        assert_eq!(Compression::Lz4.decompress(&frame, 1 << 20).unwrap(), text);
        for end in 0..frame.len() {
            assert!(
                Compression::Lz4.decompress(&frame[..end], 1 << 20).is_err(),
                "cut at {end}"
            );
        }
        let junk = [&frame[..], b"junk"].concat();
        assert!(Compression::Lz4.decompress(&junk, 1 << 20).is_err());
        let twice = [&frame[..], &frame[..]].concat();
        assert!(Compression::Lz4.decompress(&twice, 1 << 20).is_err());
    }
}

/// Records that do not expand are damage on the way, which a client sends again.
#[test]
fn what_does_not_expand_is_corrupt() {
    for codec in Compression::ALL {
        assert_eq!(BatchError::Decompress(codec).error_code(), ErrorCode::CORRUPT_MESSAGE);
    }
}

/// What is read of any bytes whatever: all entry points that take a stranger's bytes.
fn read_everything(bytes: &[u8]) {
    let limits = Limits {
        decompressed_bytes_max: 1 << 16,
        ..Limits::client(1 << 20)
    };
    let _ = verify(bytes, &limits);
    let _ = verify(
        bytes,
        &Limits {
            origin: Origin::Replication,
            ..limits
        },
    );
    for (header, batch) in batches(bytes).map_while(Result::ok) {
        let _ = (
            header.last_offset(),
            header.next_offset(),
            header.last_sequence(),
            header.compression(),
        );
        if let Ok(records) = records(batch) {
            for record in records.map_while(Result::ok) {
                let _ = ControlRecord::parse(&record);
            }
        }
    }
    for codec in Compression::ALL {
        let _ = codec.decompress(bytes, 1 << 16);
    }
}

/// Mutated batches, with the CRC made right again in half of the cases so that the inner checks are reached.
#[test]
fn mutated_input() {
    let mut random = Random(8);
    for case in 0..6_000 {
        let codec = Compression::ALL[case % 5];
        let count = 1 + random.below(4);
        let records = random_records(&mut random, 0, count);
        let mut bytes = build(Builder::new().compression(codec), &records).to_vec();
        bytes.truncate(4096);
        for _ in 0..1 + random.below(4) {
            match random.below(4) {
                0 => bytes.truncate(random.below(bytes.len()).max(1)),
                1 => {
                    let at = random.below(bytes.len());
                    bytes.insert(at, random.next() as u8);
                }
                2 => {
                    let at = random.below(bytes.len());
                    bytes[at] = [0, 0x7f, 0x80, 0xff][random.below(4)];
                }
                _ => {
                    let at = random.below(bytes.len());
                    bytes[at] = random.next() as u8;
                }
            }
        }
        if bytes.len() > BATCH_HEADER_BYTES && random.chance(50) {
            let length = (bytes.len() - LENGTH_PREFIX_BYTES) as i32;
            bytes[8..12].copy_from_slice(&length.to_be_bytes());
            header::seal(&mut bytes);
        }
        read_everything(&bytes);
    }
    for _ in 0..5_000 {
        let bytes: Vec<u8> = (0..random.below(200)).map(|_| random.next() as u8).collect();
        read_everything(&bytes);
    }
}
