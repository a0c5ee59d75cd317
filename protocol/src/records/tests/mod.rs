//! Tests of record batches: golden bytes, an independent codec as oracle, every damaged byte, hostile input.

mod golden;
mod hostile;
mod oracle;
mod rules;

use bytes::Bytes;

use super::*;

/// A seeded sequence (splitmix64), so that a failing case can be run again.
pub(super) struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }

    pub fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    /// Up to `len_max` bytes of a small alphabet, so that codecs have something to do.
    pub fn bytes(&mut self, len_max: usize) -> Bytes {
        (0..self.below(len_max + 1))
            .map(|_| b'a' + self.below(4) as u8)
            .collect::<Vec<u8>>()
            .into()
    }

    pub fn optional(&mut self, len_max: usize) -> Option<Bytes> {
        if self.chance(20) {
            None
        } else {
            Some(self.bytes(len_max))
        }
    }
}

/// `count` records of any shape at offsets from `base_offset`.
pub(super) fn random_records(random: &mut Random, base_offset: i64, count: usize) -> Vec<Record> {
    let len_max = if random.chance(10) { 100_000 } else { 200 };
    (0..count)
        .map(|index| Record {
            offset: base_offset + index as i64,
            timestamp: 1_700_000_000_000 + random.below(1000) as i64 - 500,
            key: random.optional(20),
            value: random.optional(len_max),
            headers: (0..random.below(4))
                .map(|index| Header {
                    key: format!("header-{index}").into(),
                    value: random.optional(10),
                })
                .collect(),
        })
        .collect()
}

pub(super) fn build(builder: Builder, records: &[Record]) -> Bytes {
    let mut builder = builder;
    for record in records {
        let headers: Vec<_> = record
            .headers
            .iter()
            .map(|h| (h.key.as_ref(), h.value.as_deref()))
            .collect();
        builder.push_with_headers(
            record.timestamp,
            record.key.as_deref(),
            record.value.as_deref(),
            &headers,
        );
    }
    builder.build()
}

pub(super) fn collect(batch: &[u8]) -> Vec<Record> {
    records(batch).unwrap().map(Result::unwrap).collect()
}

/// What is built is verified, and reads back as it was, with every codec.
#[test]
fn round_trip() {
    let mut random = Random(1);
    for case in 0..300 {
        let base_offset = random.below(1_000_000) as i64;
        let count = 1 + random.below(20);
        let written = random_records(&mut random, base_offset, count);
        let codec = Compression::ALL[case % 5];
        let batch = build(Builder::new().base_offset(base_offset).compression(codec), &written);
        let verified = verify(&batch, &Limits::replication()).unwrap();
        assert_eq!(collect(&batch), written);
        assert_eq!(verified.header.compression(), Ok(codec));
        assert_eq!(verified.header.next_offset(), base_offset + written.len() as i64);
        assert_eq!(Some(verified.max_timestamp), written.iter().map(|r| r.timestamp).max());
        let of_max = base_offset + i64::from(verified.max_timestamp_offset_delta);
        let first_max = written.iter().find(|r| r.timestamp == verified.max_timestamp).unwrap();
        assert_eq!(of_max, first_max.offset);
    }
}

/// `patch` leaves the CRC right, and the two that change times make it right again.
#[test]
fn patch_keeps_a_batch_whole() {
    let written = random_records(&mut Random(2), 0, 3);
    let mut batch = build(Builder::new(), &written).to_vec();
    patch(&mut batch, 77, 5);
    let header = verify(&batch, &Limits::replication()).unwrap().header;
    assert_eq!(
        (header.base_offset, header.partition_leader_epoch, header.next_offset()),
        (77, 5, 80)
    );

    set_append_time(&mut batch, 123);
    let verified = verify(&batch, &Limits::replication()).unwrap();
    assert_eq!(verified.header.timestamp_type(), TimestampType::LogAppendTime);
    assert!(!verified.needs_max_timestamp());
    assert!(collect(&batch).iter().all(|record| record.timestamp == 123));

    set_max_timestamp(&mut batch, 124);
    let verified = verify(&batch, &Limits::replication()).unwrap();
    assert_eq!(verified.header.timestamp_type(), TimestampType::CreateTime);
    assert!(verified.needs_max_timestamp(), "124 is no record's time");
}

/// The iterator gives each batch of a run and tells a cut one at its end.
#[test]
fn batches_of_a_run() {
    let mut random = Random(3);
    let mut run = Vec::new();
    for base_offset in [0, 5, 9] {
        run.extend_from_slice(&build(
            Builder::new().base_offset(base_offset),
            &random_records(&mut random, 0, 4),
        ));
    }
    let found: Vec<_> = batches(&run).map(|batch| batch.unwrap().0.base_offset).collect();
    assert_eq!(found, [0, 5, 9]);
    let mut cut = batches(&run[..run.len() - 1]);
    assert!(cut.next().unwrap().is_ok() && cut.next().unwrap().is_ok());
    assert!(matches!(cut.next(), Some(Err(BatchError::Truncated { .. }))));
    assert!(cut.next().is_none());
    assert!(batches(&[]).next().is_none());
}

/// Sequence numbers wrap from `i32::MAX` to 0, as Kafka's do.
#[test]
fn last_sequence_wraps() {
    let with = |base_sequence, count| {
        let records = random_records(&mut Random(4), 0, count);
        let batch = build(Builder::new().producer(1, 0, base_sequence), &records);
        BatchHeader::parse(&batch).unwrap().last_sequence()
    };
    assert_eq!(with(0, 1), 0);
    assert_eq!(with(i32::MAX, 1), i32::MAX);
    assert_eq!(with(i32::MAX, 2), 0);
    assert_eq!(with(i32::MAX - 1, 4), 1);
    assert_eq!(with(-1, 4), -1);
}
