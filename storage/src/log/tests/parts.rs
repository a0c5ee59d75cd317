//! Epochs, producers and their snapshot, the checkpoint's decoder, and what a damaged disk does to reads.

use corelane_protocol::records::{BatchHeader, Builder};

use super::{super::*, harness::Harness};
use crate::{disk::Disk, journal::record::Record, store::ReadError};

fn entries(list: &EpochList) -> Vec<(i32, i64)> {
    list.entries()
        .iter()
        .map(|entry| (entry.leader_epoch, entry.start_offset))
        .collect()
}

fn epochs(starts: &[(i32, i64)]) -> EpochList {
    let mut list = EpochList::default();
    for (epoch, start) in starts {
        list.start(*epoch, *start);
    }
    list
}

/// The answers of OffsetForLeaderEpoch, as `LeaderEpochFileCache.endOffsetFor` gives them.
#[test]
fn end_of_an_epoch() {
    let list = epochs(&[(2, 10), (5, 40), (7, 60)]);
    assert_eq!(list.end_of(7, 100), Some((7, 100)));
    assert_eq!(list.end_of(8, 100), None, "later than all");
    assert_eq!(list.end_of(-1, 100), None);
    assert_eq!(list.end_of(5, 100), Some((5, 60)));
    assert_eq!(list.end_of(6, 100), Some((5, 60)), "the largest not above it");
    assert_eq!(list.end_of(1, 100), Some((1, 10)), "before all: where the first starts");
    assert_eq!(EpochList::default().end_of(0, 100), None);
    assert_eq!(
        (list.at(9), list.at(10), list.at(59), list.at(1000)),
        (None, Some(2), Some(5), Some(7))
    );
    assert_eq!(list.to_checkpoint_text(), "0\n3\n2 10\n5 40\n7 60\n");
}

#[test]
fn epochs_that_contradict() {
    assert_eq!(entries(&epochs(&[(2, 10), (3, 10)])), [(3, 10)], "2 had no records");
    assert_eq!(entries(&epochs(&[(2, 10), (3, 20), (4, 15)])), [(2, 10), (4, 15)]);
    assert_eq!(entries(&epochs(&[(2, 10), (5, 20), (3, 30)])), [(2, 10), (3, 30)]);
    assert_eq!(
        entries(&epochs(&[(2, 10), (2, 20), (3, 30), (2, 15)])),
        [(2, 10), (3, 30)],
        "known already"
    );
    let mut list = epochs(&[(2, 10), (5, 40), (7, 60)]);
    list.truncate_end(60);
    assert_eq!(entries(&list), [(2, 10), (5, 40)]);
    list.truncate_start(45);
    assert_eq!(entries(&list), [(5, 45)]);
    list.truncate_start(5);
    assert_eq!(entries(&list), [(5, 45)]);
}

fn header(producer: (i64, i16, i32), base_offset: i64, count: usize, transactional: bool) -> (BatchHeader, Bytes) {
    let mut builder = Builder::new()
        .base_offset(base_offset)
        .producer(producer.0, producer.1, producer.2);
    for _ in 0..count {
        builder.push(1000 + base_offset, None, Some(b"v"));
    }
    let bytes = builder.transactional(transactional).build();
    (BatchHeader::parse(&bytes).unwrap(), bytes)
}

#[test]
fn sequences() {
    let mut table = ProducerTable::default();
    let check =
        |table: &ProducerTable, epoch, sequence, count| table.check(&header((1, epoch, sequence), 0, count, false).0);
    assert_eq!(check(&table, 0, 77, 1), ProducerCheck::Append, "unknown: anywhere");
    for (at, sequence) in [i32::MAX - 4, i32::MAX - 1, 1, 4, 7, 10].into_iter().enumerate() {
        let (batch, bytes) = header((1, 3, sequence), at as i64 * 3, 3, false);
        assert_eq!(table.check(&batch), ProducerCheck::Append, "sequence {sequence}");
        table.on_append(&batch, &bytes);
    }
    let duplicate = |at: i64| ProducerCheck::Duplicate {
        base_offset: at,
        last_offset: at + 2,
        append_time: 1000 + at,
    };
    assert_eq!(check(&table, 3, 10, 3), duplicate(15));
    assert_eq!(check(&table, 3, i32::MAX - 1, 3), duplicate(3), "across the wrap");
    assert_eq!(
        check(&table, 3, i32::MAX - 4, 3),
        ProducerCheck::OutOfOrderSequence,
        "the sixth is forgotten"
    );
    assert_eq!(
        check(&table, 3, 10, 2),
        ProducerCheck::OutOfOrderSequence,
        "not the same batch"
    );
    assert_eq!(check(&table, 3, 13, 9), ProducerCheck::Append);
    assert_eq!(check(&table, 3, 14, 1), ProducerCheck::OutOfOrderSequence);
    assert_eq!(check(&table, 2, 13, 1), ProducerCheck::InvalidEpoch);
    assert_eq!(
        check(&table, 4, 13, 1),
        ProducerCheck::OutOfOrderSequence,
        "a new epoch starts at 0"
    );
    assert_eq!(check(&table, 4, 0, 1), ProducerCheck::Append);
    table.truncate(15);
    assert_eq!(
        check(&table, 3, 10, 3),
        ProducerCheck::Append,
        "cut, so not a duplicate"
    );
    assert_eq!(check(&table, 3, 7, 3), duplicate(12));
    table.truncate(0);
    assert!(table.is_empty());
}

#[test]
fn transactions_and_expiry() {
    use corelane_protocol::records::{ControlRecord, EndTransactionMarker};
    let mut table = ProducerTable::default();
    let (batch, bytes) = header((1, 0, 0), 5, 2, true);
    table.on_append(&batch, &bytes);
    assert_eq!(table.first_unstable_offset(), Some(5));
    assert_eq!(
        table.check(&header((1, 0, 2), 7, 1, false).0),
        ProducerCheck::InvalidTransactionState
    );
    table.expire(i64::MAX, 1);
    assert_eq!(table.len(), 1, "its transaction is open");
    let mut marker = Builder::new().base_offset(7).producer(1, 1, -1).transactional(true);
    marker.push_control(
        2000,
        ControlRecord::Abort(EndTransactionMarker { coordinator_epoch: 4 }),
    );
    let bytes = marker.build();
    table.on_append(&BatchHeader::parse(&bytes).unwrap(), &bytes);
    assert_eq!(table.first_unstable_offset(), None);
    let producer = table.get(1).unwrap();
    assert_eq!(
        (
            producer.producer_epoch,
            producer.coordinator_epoch,
            producer.batches.len()
        ),
        (1, 4, 0)
    );
    assert_eq!(table.check(&header((1, 1, 0), 8, 1, true).0), ProducerCheck::Append);
    table.expire(2000 + 99, 100);
    assert_eq!(table.len(), 1);
    table.expire(2000 + 100, 100);
    assert!(table.is_empty());
}

#[test]
fn the_table_is_bounded() {
    let mut table = ProducerTable::default();
    for id in 0..PRODUCERS_MAX as i64 + 10 {
        let (batch, bytes) = header((id, 0, 0), id, 1, false);
        table.on_append(&batch, &bytes);
    }
    assert_eq!(table.len(), PRODUCERS_MAX);
    assert!(table.get(9).is_none() && table.get(10).is_some(), "the oldest go");
}

#[test]
fn snapshot_round_trip() {
    let mut table = ProducerTable::default();
    for (id, sequence) in [(4, 0), (9, i32::MAX), (70_000, 3)] {
        let (batch, bytes) = header((id, 2, sequence), id * 10, 2, id == 9);
        table.on_append(&batch, &bytes);
    }
    let bytes = encode_snapshot(&table);
    assert_eq!(bytes.len(), 10 + 3 * 46);
    assert_eq!(decode_snapshot(&bytes), Some(table));
    for at in 0..bytes.len() {
        let mut damaged = bytes.clone();
        damaged[at] ^= 0x10;
        assert_eq!(decode_snapshot(&damaged), None, "byte {at}");
        assert_eq!(decode_snapshot(&bytes[..at]), None);
    }
}

fn filled(batches: i64) -> Harness {
    filled_in_segments(30_000, batches)
}

fn filled_in_segments(segment_bytes: u32, batches: i64) -> Harness {
    let config = LogConfig {
        segment_bytes,
        ..LogConfig::default()
    };
    let mut harness = Harness::new(config);
    for number in 0..batches {
        let mut builder = Builder::new()
            .base_offset(harness.log.end_offset())
            .producer(number % 3, 0, 0);
        builder.push(number, None, Some(&[number as u8; 3000]));
        harness.append(&builder.leader_epoch((number / 10) as i32).build());
    }
    harness.commit();
    while harness.write_out(1 << 20) {}
    harness
}

/// What a write-out costs the core in one go is bound by the number of batches, too.
#[test]
fn a_write_out_of_small_batches_has_an_end() {
    let mut harness = Harness::new(LogConfig::default());
    for number in 0..5000 {
        let mut builder = Builder::new().base_offset(number);
        builder.push(number, None, Some(b"x"));
        harness.append(&builder.build());
    }
    harness.commit();
    let first = harness.plan(1 << 30).expect("there is more than a block");
    assert_eq!(first.pieces.len(), 4096);
    harness.finish(first);
    let second = harness.plan(1 << 30).expect("the rest");
    assert!(second.pieces.len() <= 5000 - 4096 + 1 && second.end_offset() > 4096);
}

/// A changed or unreadable sector is never served, and does not hide the other batches.
#[test]
fn damage_is_an_error() {
    let mut harness = filled(60);
    let path = "log/events-3/00000000000000000000.log";
    assert!(harness.disk.rot(path, 3));
    assert!(harness.read(0, 3, 1 << 20).is_ok());
    let intact = harness
        .read(0, 60, 1 << 20)
        .expect("what lies before the damage is served");
    let next = BatchHeader::parse(intact.last().expect("three at least")).expect("a batch");
    let damaged = harness.read(next.next_offset(), 60, 1 << 20);
    assert!(matches!(damaged, Err(ReadError::Corrupt(_))), "{damaged:?}");
    assert_eq!(harness.read(20, 60, 1 << 20).unwrap().len(), 40);
    let next = harness.log.segments().sealed[1].file_name("log");
    harness.disk.make_unreadable(&format!("log/events-3/{next}"), 0);
    assert!(matches!(harness.read(10, 60, 1 << 20), Err(ReadError::Io(_))));
}

/// A sealed segment that has lost its index files is served all the same.
#[test]
fn index_files_can_be_missing() {
    let mut harness = filled(60);
    harness.commit();
    harness.checkpoint();
    let expected = harness.read(0, 60, 1 << 20).unwrap();
    for (path, _) in harness.disk.files() {
        if path.ends_with("index") {
            futures_lite::future::block_on(harness.disk.remove(&path)).unwrap();
        }
    }
    harness.reopen(crate::sim_disk::Persist::All);
    assert_eq!(harness.read(0, 60, 1 << 20).unwrap(), expected);
    assert_eq!(harness.find_time(31, 60), Some((31, 31, 3)));
}

/// A rotted index hides nothing and invents nothing: whichever bit of it is turned, offsets and times are found as before.
#[test]
fn index_files_can_be_damaged() {
    let mut harness = filled_in_segments(250_000, 100);
    harness.checkpoint();
    for (ending, entry_bytes) in [("index", 8), ("timeindex", 12)] {
        let path = format!("log/events-3/00000000000000000000.{ending}");
        let sound = harness.disk.content(&path).unwrap();
        assert!(sound.len() >= 3 * entry_bytes, "{ending} of {} bytes", sound.len());
        for bit in 0..8 * sound.len() {
            let mut rotted = sound.clone();
            rotted[bit / 8] ^= 1 << (bit % 8);
            harness.disk.overwrite(&path, 0, &rotted);
            // No index is in memory any more.
            harness.reopen(crate::sim_disk::Persist::All);
            for offset in (0..80).step_by(7) {
                let batches = harness.read(offset, 100, 1);
                let found = batches.map(|batches| BatchHeader::parse(&batches[0]).unwrap().base_offset);
                assert_eq!(found, Ok(offset), "bit {bit} of {ending}");
                let found = harness.find_time(offset, 100).map(|(offset, ..)| offset);
                assert_eq!(found, Some(offset), "bit {bit} of {ending}");
            }
        }
        harness.disk.overwrite(&path, 0, &sound);
    }
}

/// Retention lets whole segments go, and their files after a checkpoint.
#[test]
fn retention_removes_files() {
    let mut harness = filled(60);
    let files = |harness: &Harness| {
        harness
            .disk
            .files()
            .iter()
            .filter(|(path, _)| path.ends_with(".log"))
            .count()
    };
    let before = files(&harness);
    assert_eq!(before, harness.log.segments().iter().count());
    let start_offset = harness
        .log
        .plan_retention(harness.log.config().retention_ms + 40, 60)
        .unwrap();
    assert!(start_offset > 20 && start_offset <= 40, "{start_offset}");
    harness.record(Record::Start { offset: start_offset });
    assert_eq!(files(&harness), before, "not before a checkpoint says so");
    harness.checkpoint();
    assert_eq!(files(&harness), harness.log.segments().iter().count());
    assert!(files(&harness) < before);
    assert_eq!(
        harness.read(start_offset, 60, 1 << 20).unwrap().len() as i64,
        60 - start_offset
    );
    assert!(matches!(
        harness.read(start_offset - 1, 60, 1),
        Err(ReadError::OutOfRange { .. })
    ));
}

/// Records without a time are not as old as time itself: nothing takes them while they are in memory alone.
#[test]
fn retention_spares_the_timeless() {
    let mut harness = Harness::new(LogConfig::default());
    let mut timeless = Builder::new();
    timeless.push(-1, None, Some(b"when?"));
    harness.append(&timeless.build());
    harness.commit();
    let long_after = harness.log.config().retention_ms * 1000;
    assert_eq!(harness.log.plan_retention(long_after, 1), None);
    // Beside one that has a time, it goes by that, as in Kafka.
    let mut timed = Builder::new().base_offset(1);
    timed.push(1, None, Some(b"then"));
    harness.append(&timed.build());
    harness.commit();
    assert_eq!(harness.log.plan_retention(long_after, 2), Some(2));
}

/// Any bytes are refused or read, never a panic or a great allocation.
#[test]
fn damaged_checkpoints() {
    let mut harness = filled(25);
    harness.record(Record::Truncate { to_offset: 12 });
    let mut bytes = Vec::new();
    harness.log.encode(&mut bytes);
    assert!(PartitionLog::decode(LogId(1), &mut &bytes[..]).is_ok());
    for at in 0..bytes.len() {
        assert!(
            PartitionLog::decode(LogId(1), &mut &bytes[..at]).is_err(),
            "cut at {at}"
        );
        for value in [0, 0x7f, 0x80, 0xff] {
            let mut damaged = bytes.clone();
            damaged[at] = value;
            let _ = PartitionLog::decode(LogId(1), &mut &damaged[..]);
        }
    }
}
