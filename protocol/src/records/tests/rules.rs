//! Each thing that a client may not send is refused, with its own reason.

use super::*;

const MAX: usize = 1 << 20;

fn client(batch: &[u8]) -> Result<Verified, BatchError> {
    verify(batch, &Limits::client(MAX))
}

fn three() -> Builder {
    let mut builder = Builder::new();
    for timestamp in [10, 30, 20] {
        builder.push(timestamp, Some(b"k"), Some(b"v"));
    }
    builder
}

/// Writes `bytes` at `at` and makes the CRC fit, as an odd client would.
fn altered(batch: &[u8], at: usize, bytes: &[u8]) -> Vec<u8> {
    let mut batch = batch.to_vec();
    batch[at..at + bytes.len()].copy_from_slice(bytes);
    header::seal(&mut batch);
    batch
}

#[test]
fn sizes() {
    let batch = three().build();
    assert!(client(&batch).is_ok());
    assert_eq!(client(&[]), Err(BatchError::Empty));
    let need = batch.len();
    assert_eq!(
        client(&batch[..need - 1]),
        Err(BatchError::Truncated { need, have: need - 1 })
    );
    assert_eq!(client(&batch[..20]), Err(BatchError::Truncated { need: 61, have: 20 }));
    assert_eq!(client(&[&batch[..], b"x"].concat()), Err(BatchError::Trailing(1)));
    assert_eq!(
        client(&[&batch[..], &batch[..]].concat()),
        Err(BatchError::Trailing(need))
    );
    let limits = Limits::client(need - 1);
    assert_eq!(
        verify(&batch, &limits),
        Err(BatchError::TooLarge {
            bytes: need,
            max: need - 1
        })
    );
    assert_eq!(
        client(&altered(&batch, 8, &48i32.to_be_bytes())),
        Err(BatchError::Length(48))
    );
    assert_eq!(
        client(&altered(&batch, 8, &(-1i32).to_be_bytes())),
        Err(BatchError::Length(-1))
    );
    for magic in [0, 1, 3] {
        assert_eq!(
            client(&altered(&batch, 16, &[magic as u8])),
            Err(BatchError::Magic(magic))
        );
    }
}

#[test]
fn header_fields() {
    let batch = three().build();
    let counts = |last_offset_delta: i32, records_count: i32| {
        let batch = altered(&batch, 23, &last_offset_delta.to_be_bytes());
        client(&altered(&batch, 57, &records_count.to_be_bytes()))
    };
    let refused = |last_offset_delta, records_count| {
        Err(BatchError::LastOffsetDelta {
            last_offset_delta,
            records_count,
        })
    };
    for (last_offset_delta, records_count) in [(1, 3), (3, 3), (2, 2), (-1, 0), (-2, -1), (i32::MAX, i32::MIN), (2, -1)]
    {
        assert_eq!(
            counts(last_offset_delta, records_count),
            refused(last_offset_delta, records_count)
        );
    }
    assert_eq!(counts(3, 4), Err(BatchError::RecordsCount { declared: 4, found: 3 }));
    assert_eq!(
        counts(1, 2),
        Err(BatchError::TrailingRecords((batch.len() - BATCH_HEADER_BYTES) / 3))
    );
    assert_eq!(
        counts(i32::MAX - 1, i32::MAX),
        Err(BatchError::RecordsCount {
            declared: i32::MAX,
            found: 3
        })
    );

    assert_eq!(client(&three().base_offset(1).build()), Err(BatchError::BaseOffset(1)));
    assert_eq!(client(&three().control(true).build()), Err(BatchError::Control));
    assert_eq!(
        client(&three().producer(1, 0, -1).build()),
        Err(BatchError::Sequence(-1))
    );
    assert_eq!(client(&three().append_time(5).build()), Err(BatchError::AppendTime));
    for codec in 5..8 {
        assert_eq!(
            client(&altered(&batch, 22, &[codec])),
            Err(BatchError::UnknownCompression(codec))
        );
    }
    for codec in 1..5 {
        assert!(
            matches!(client(&altered(&batch, 22, &[codec])), Err(BatchError::Decompress(_))),
            "{codec}"
        );
    }
    assert!(
        verify(
            &three().control(true).build(),
            &Limits {
                origin: Origin::Coordinator,
                ..Limits::client(MAX)
            }
        )
        .is_ok()
    );
    assert!(verify(&three().append_time(5).build(), &Limits::replication()).is_ok());
}

#[test]
fn records_inside() {
    for codec in Compression::ALL {
        let mut gap = three().compression(codec);
        gap.push_at(5, 10, None, None, &[]);
        let gap = gap.last_offset_delta(3).build();
        let fault = RecordFault::OffsetDelta(5, 3);
        assert_eq!(client(&gap), Err(BatchError::Record { index: 3, fault }));
        let compacted = {
            let mut builder = three().compression(codec);
            builder.push_at(5, 10, None, None, &[]);
            builder.last_offset_delta(7).build()
        };
        assert_eq!(
            verify(&compacted, &Limits::replication()).unwrap().header.next_offset(),
            8
        );

        let mut no_key = three().compression(codec);
        no_key.push(10, None, Some(b"v"));
        let limits = Limits {
            keys_required: true,
            ..Limits::client(MAX)
        };
        let fault = RecordFault::KeyMissing;
        assert_eq!(
            verify(&no_key.build(), &limits),
            Err(BatchError::Unwanted(vec![(3, fault)]))
        );
        assert!(verify(&three().compression(codec).build(), &limits).is_ok());

        let limits = |timestamp_min_ms, timestamp_max_ms| Limits {
            timestamp_min_ms,
            timestamp_max_ms,
            ..Limits::client(MAX)
        };
        let batch = three().compression(codec).build();
        assert!(verify(&batch, &limits(10, 30)).is_ok());
        // Each such record is named, and none that only was in their batch.
        let times = |records: &[(i32, i64)]| {
            records
                .iter()
                .map(|&(at, time)| (at, RecordFault::Timestamp(time)))
                .collect()
        };
        let all = verify(&batch, &limits(25, 28)).unwrap_err();
        assert_eq!(all, BatchError::Unwanted(times(&[(0, 10), (1, 30), (2, 20)])));
        let refused = |index, timestamp| Err(BatchError::Unwanted(vec![(index, RecordFault::Timestamp(timestamp))]));
        assert_eq!(verify(&batch, &limits(11, 30)), refused(0, 10));
        assert_eq!(verify(&batch, &limits(10, 29)), refused(1, 30));
        let mut untimed = Builder::new();
        untimed.push(NO_TIMESTAMP, None, None);
        assert_eq!(
            verify(&untimed.build(), &limits(10, 30)).map(|verified| verified.max_timestamp),
            Ok(NO_TIMESTAMP)
        );
    }
}

/// A wrong `max_timestamp` is no error but ours to repair, as in Kafka.
#[test]
fn max_timestamp_is_repaired() {
    for codec in Compression::ALL {
        let mut batch = altered(&three().compression(codec).build(), 35, &99i64.to_be_bytes());
        let verified = client(&batch).unwrap();
        assert!(verified.needs_max_timestamp());
        assert_eq!((verified.max_timestamp, verified.max_timestamp_offset_delta), (30, 1));
        set_max_timestamp(&mut batch, verified.max_timestamp);
        assert_eq!(batch, three().compression(codec).build());
    }
}

/// An empty batch, which compaction leaves to remember a producer's sequence, is good from a replica only.
#[test]
fn empty_batch() {
    let empty = Builder::new().last_offset_delta(4).producer(1, 0, 7).build();
    let verified = verify(&empty, &Limits::replication()).unwrap();
    assert_eq!(
        (verified.header.next_offset(), verified.max_timestamp),
        (5, NO_TIMESTAMP)
    );
    assert_eq!(collect(&empty), []);
    assert!(matches!(client(&empty), Err(BatchError::LastOffsetDelta { .. })));
}

/// The code that a client sees for each kind of refusal.
#[test]
fn error_codes() {
    use crate::error_code::ErrorCode;
    let batch = three().build();
    let code = |batch: &[u8], limits: &Limits| verify(batch, limits).unwrap_err().error_code();
    let limits = Limits::client(MAX);
    let mut damaged = batch.to_vec();
    damaged[70] ^= 1;
    assert_eq!(code(&damaged, &limits), ErrorCode::CORRUPT_MESSAGE);
    // What ends too early is no batch at all to Kafka, which no second sending would mend.
    assert_eq!(code(&batch[..70], &limits), ErrorCode::INVALID_RECORD);
    assert_eq!(code(&altered(&batch, 16, &[1]), &limits), ErrorCode::INVALID_RECORD);
    assert_eq!(code(&altered(&batch, 16, &[3]), &limits), ErrorCode::CORRUPT_MESSAGE);
    assert_eq!(code(&batch, &Limits::client(70)), ErrorCode::MESSAGE_TOO_LARGE);
    assert_eq!(
        code(&altered(&batch, 22, &[7]), &limits),
        ErrorCode::UNSUPPORTED_COMPRESSION_TYPE
    );
    assert_eq!(
        code(&three().append_time(1).build(), &limits),
        ErrorCode::INVALID_TIMESTAMP
    );
    let early = Limits {
        timestamp_max_ms: 10,
        ..limits
    };
    assert_eq!(code(&batch, &early), ErrorCode::INVALID_TIMESTAMP);
    assert_eq!(code(&three().control(true).build(), &limits), ErrorCode::INVALID_RECORD);
    assert_eq!(code(&[], &limits), ErrorCode::INVALID_RECORD);
}
