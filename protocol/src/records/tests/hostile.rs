//! Damage is seen wherever it is, and nothing that a stranger sends makes us panic or allocate without bound.

use super::*;

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
