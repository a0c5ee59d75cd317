//! Random operations against a list of batches. A failure prints its seed.

use std::collections::BTreeMap;

use bytes::Bytes;
use corelane_protocol::records::{Builder, records};

use super::super::*;
use super::harness::Harness;
use crate::{journal::record::Record, sim_disk::Persist};

struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, end: i64) -> i64 {
        (self.next() % end.max(1) as u64) as i64
    }
}

struct Batch {
    header: BatchHeader,
    bytes: Bytes,
}

/// What the log should be.
#[derive(Default)]
struct Model {
    batches: Vec<Batch>,
    start_offset: i64,
    end_offset: i64,
    leader_epoch: i32,
    time: i64,
    sequences: BTreeMap<i64, i32>,
    /// Batches from here on were never cut into: their producers are known exactly.
    producers_from: i64,
}

impl Model {
    fn next_batch(&mut self, random: &mut Random) -> Bytes {
        if random.below(10) == 0 {
            self.leader_epoch += 1 + random.below(2) as i32;
        }
        let producer_id = random.below(5) - 1;
        let count = 1 + random.below(4);
        let mut builder = Builder::new()
            .base_offset(self.end_offset)
            .leader_epoch(self.leader_epoch);
        if producer_id >= 0 {
            // Never the same again, though batches are cut: a sequence means one batch.
            let sequence = self.sequences.entry(producer_id).or_default();
            builder = builder.producer(producer_id, 0, *sequence);
            *sequence += count as i32;
        }
        for _ in 0..count {
            self.time += random.below(20) - 5;
            let len = match random.below(20) {
                0 => random.below(20_000),
                1..8 => random.below(2000),
                _ => random.below(100),
            };
            let value: Vec<u8> = (0..len).map(|at| (at as u64 * 7 + random.0) as u8).collect();
            builder.push(self.time.max(0), None, Some(&value));
        }
        let bytes = builder.build();
        let header = BatchHeader::parse(&bytes).unwrap();
        self.end_offset = header.next_offset();
        self.batches.push(Batch {
            header,
            bytes: bytes.clone(),
        });
        bytes
    }

    fn truncate(&mut self, to_offset: i64, in_files: bool) {
        self.batches.retain(|batch| batch.header.last_offset() < to_offset);
        let end_offset = self
            .batches
            .last()
            .map_or(self.start_offset, |batch| batch.header.next_offset());
        self.end_offset = end_offset.max(self.start_offset);
        self.leader_epoch += 1;
        if in_files {
            self.producers_from = self.end_offset;
        }
    }

    fn advance_start(&mut self, offset: i64) {
        self.start_offset = offset;
        self.batches.retain(|batch| batch.header.last_offset() >= offset);
        if offset > self.end_offset {
            self.end_offset = offset;
            self.producers_from = offset;
        }
    }

    fn read(&self, from: i64, upto: i64, bytes_max: usize) -> Vec<Bytes> {
        let mut out: Vec<Bytes> = Vec::new();
        let mut bytes = 0;
        for batch in self.batches.iter().filter(|batch| batch.header.last_offset() >= from) {
            bytes += batch.bytes.len();
            if from >= upto || batch.header.base_offset >= upto || !out.is_empty() && bytes > bytes_max {
                break;
            }
            out.push(batch.bytes.clone());
        }
        out
    }

    fn find_time(&self, timestamp: i64, upto: i64) -> Option<read::FoundRecord> {
        let all = self.batches.iter().flat_map(|batch| {
            let epoch = batch.header.partition_leader_epoch;
            records(&batch.bytes)
                .unwrap()
                .map(move |record| (record.unwrap(), epoch))
        });
        let mut wanted = all.filter(|(record, _)| record.timestamp >= timestamp && record.offset >= self.start_offset);
        let (record, epoch) = wanted.next()?;
        (record.offset < upto).then_some((record.offset, record.timestamp, epoch))
    }

    fn check(&self, harness: &mut Harness, random: &mut Random) {
        assert_eq!(harness.log.start_offset(), self.start_offset);
        assert_eq!(harness.log.end_offset(), self.end_offset);
        for _ in 0..4 {
            let from = self.start_offset + random.below(self.end_offset - self.start_offset + 1);
            let upto = if random.below(3) == 0 {
                from + random.below(20)
            } else {
                self.end_offset
            };
            let bytes_max = [0, 500, 10_000, 1 << 20][random.below(4) as usize];
            let read = harness.read(from, upto, bytes_max).unwrap();
            let expected = self.read(from, upto, bytes_max);
            let offsets = |batches: &[Bytes]| {
                batches
                    .iter()
                    .map(|batch| BatchHeader::parse(batch).unwrap().base_offset)
                    .collect::<Vec<_>>()
            };
            assert_eq!(
                offsets(&read),
                offsets(&expected),
                "read {from}..{upto}, {bytes_max} bytes"
            );
            assert_eq!(read, expected);
        }
        assert!(harness.read(self.start_offset - 1, i64::MAX, 1).is_err());
        assert!(harness.read(self.end_offset + 1, i64::MAX, 1).is_err());
        let timestamp = random.below(self.time.max(0) + 20);
        let upto = if random.below(3) == 0 {
            self.end_offset - random.below(20)
        } else {
            self.end_offset
        };
        assert_eq!(
            harness.find_time(timestamp, upto),
            self.find_time(timestamp, upto),
            "time {timestamp} below {upto}"
        );
        self.check_epochs(harness);
        self.check_producers(harness);
    }

    fn check_epochs(&self, harness: &Harness) {
        let epoch_of = |batch: &Batch| batch.header.partition_leader_epoch;
        let Some(last) = self.batches.last().map(epoch_of) else {
            return;
        };
        let first = epoch_of(&self.batches[0]);
        for epoch in first..=last {
            let known = self
                .batches
                .iter()
                .map(epoch_of)
                .filter(|known| *known <= epoch)
                .max()
                .unwrap();
            let next = self.batches.iter().find(|batch| epoch_of(batch) > epoch);
            let end_offset = next.map_or(self.end_offset, |batch| batch.header.base_offset);
            assert_eq!(
                harness.log.epoch_end(epoch),
                Some((known, end_offset)),
                "end of epoch {epoch}"
            );
        }
        assert_eq!(harness.log.epoch_end(last + 5), None);
    }

    fn check_producers(&self, harness: &Harness) {
        for producer_id in 0..4 {
            let is_its = |batch: &&Batch| batch.header.producer_id == producer_id;
            let known = self.batches.iter().rev().filter(is_its).take(BATCHES_REMEMBERED);
            for batch in known.take_while(|batch| batch.header.base_offset >= self.producers_from) {
                let ProducerCheck::Duplicate {
                    base_offset,
                    last_offset,
                    ..
                } = harness.log.check_producer(&batch.header)
                else {
                    panic!("producer {producer_id}: {:?} is in the log", batch.header);
                };
                assert_eq!(
                    (base_offset, last_offset),
                    (batch.header.base_offset, batch.header.last_offset())
                );
            }
        }
    }
}

fn run(seed: u64, steps: u32) {
    let mut random = Random(seed);
    let segment_bytes = [20_000, 60_000, 1 << 20][random.below(3) as usize];
    let config = LogConfig {
        segment_bytes,
        index_interval_bytes: 4096,
        ..LogConfig::default()
    };
    let mut harness = Harness::new(config);
    let mut model = Model::default();
    for _ in 0..steps {
        harness.wall_ms += 1;
        match random.below(100) {
            0..45 => {
                for _ in 0..=random.below(6) {
                    harness.append(&model.next_batch(&mut random));
                }
                harness.commit();
            }
            45..48 => {
                // The power goes in the middle of a write-out.
                if let Some(plan) = harness.plan(1 << 20) {
                    harness.finish_or_crash(plan, random.next() % 16);
                    harness.reopen(Persist::Seeded(random.next()));
                }
            }
            48..65 => {
                let bytes_max = [1, 10_000, 1 << 20][random.below(3) as usize];
                while harness.write_out(bytes_max) && random.below(4) != 0 {}
                if random.below(2) == 0 {
                    harness.commit();
                }
            }
            65..70 => {
                harness.relog_residue();
                if random.below(2) == 0 {
                    harness.commit();
                }
            }
            70..78 => harness.checkpoint(),
            78..84 => harness.reopen(Persist::Seeded(random.next())),
            84..92 => {
                // Maybe while a write-out is running.
                let running = if random.below(2) == 0 {
                    harness.plan(1 << 20)
                } else {
                    None
                };
                let newest = model.batches.len() as i64;
                let Some(batch) = newest.checked_sub(1 + random.below(newest.min(30))) else {
                    continue;
                };
                let Some(batch) = model.batches.get(batch as usize) else {
                    continue;
                };
                let to_offset = batch.header.base_offset.max(model.start_offset);
                let cuts_partial = |entry: &tail::TailEntry| entry.partial && to_offset <= entry.last_offset;
                let in_files =
                    to_offset < harness.log.files_end() || harness.log.tail.front().is_some_and(cuts_partial);
                harness.record(Record::Truncate { to_offset });
                harness.commit();
                model.truncate(to_offset, in_files);
                if let Some(running) = running {
                    harness.finish(running);
                }
            }
            _ => {
                let running = if random.below(2) == 0 {
                    harness.plan(1 << 20)
                } else {
                    None
                };
                let ahead = model.end_offset - model.start_offset;
                let beyond = if random.below(8) == 0 { random.below(10) } else { 0 };
                let offset = model.start_offset + random.below(ahead / 2 + 1) + beyond;
                if offset > model.start_offset {
                    harness.record(Record::Start { offset });
                    harness.commit();
                    model.advance_start(offset);
                }
                if let Some(running) = running {
                    harness.finish(running);
                }
            }
        }
        model.check(&mut harness, &mut random);
    }
}

/// The log is what a list of batches is, whatever is written out, rolled, cut, reclaimed and recovered in between.
#[test]
fn the_log_is_a_list_of_batches() {
    for seed in 0..60 {
        let ran = std::panic::catch_unwind(|| run(seed, 150));
        assert!(ran.is_ok(), "seed {seed}");
    }
}
