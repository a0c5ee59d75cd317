//! Tests of the policies: one line of the table for each of Kafka's rules.

use super::{
    retention::{Span, plan},
    roll::{Batch, is_full, jitter_ms},
};
use crate::{
    log::{FileId, Segment},
    store::{LogConfig, LogId},
};

const LOG: LogId = LogId(7);

fn config() -> LogConfig {
    LogConfig {
        segment_bytes: 1000,
        segment_ms: 100,
        retention_ms: 50,
        retention_bytes: -1,
        ..LogConfig::default()
    }
}

#[test]
fn a_segment_is_full() {
    let mut segment = Segment::new(FileId(0), 10, 1_000);
    segment.first_timestamp = 500;
    let full = |segment: &Segment, bytes, batch_bytes, last_offset, max_timestamp, wall_ms| {
        let batch = Batch {
            bytes: batch_bytes,
            last_offset,
            max_timestamp,
        };
        is_full(&config(), LOG, segment, bytes, batch, wall_ms)
    };
    assert!(
        !full(&segment, 0, 5_000, 10, 9_999, 9_999),
        "an empty one takes any batch"
    );
    assert!(!full(&segment, 600, 400, 20, 500, 0));
    assert!(full(&segment, 601, 400, 20, 500, 0), "bytes");
    assert!(!full(&segment, 1, 1, 20, 600, 9_999), "time is the records'");
    assert!(full(&segment, 1, 1, 20, 601, 0), "time of the records");
    assert!(!full(&segment, 1, 1, 20, -1, 1_100));
    assert!(full(&segment, 1, 1, 20, -1, 1_101), "wall time where records have none");
    assert!(!full(&segment, 1, 1, 10 + i64::from(i32::MAX), 500, 0));
    assert!(
        full(&segment, 1, 1, 11 + i64::from(i32::MAX), 500, 0),
        "offsets of the index"
    );
}

/// Goal: a jitter shortens `segment.ms` by less than itself and than all of it, for each segment by another draw, and by none
/// without one.
#[test]
fn segments_are_rolled_with_jitter() {
    let with = |segment_jitter_ms| LogConfig {
        segment_jitter_ms,
        ..config()
    };
    let draws = |config: &LogConfig| -> Vec<i64> {
        let segment = |number: u64| Segment::new(FileId(number), number as i64 * 10, 1_000);
        (0..1_000)
            .map(|number| jitter_ms(config, LOG, &segment(number)))
            .collect()
    };
    assert!(draws(&with(0)).iter().all(|jitter| *jitter == 0));
    for (jitter, most) in [(30, 30), (i64::MAX, config().segment_ms)] {
        let draws = draws(&with(jitter));
        assert!(draws.iter().all(|draw| (0..most).contains(draw)));
        for tenth in 0..10 {
            let drawn = draws.iter().filter(|draw| **draw * 10 / most == tenth).count();
            assert!((50..150).contains(&drawn), "{drawn} of 1000 in tenth {tenth} of {most}");
        }
    }
    let first = Segment::new(FileId(3), 10, 1_000);
    assert_ne!(
        jitter_ms(&with(100), LogId(8), &first),
        jitter_ms(&with(100), LOG, &first),
        "of another log"
    );

    let mut segment = first;
    segment.first_timestamp = 500;
    let config = with(30);
    let kept_ms = config.segment_ms - jitter_ms(&config, LOG, &segment);
    assert!(kept_ms < config.segment_ms, "this one has some");
    let full = |max_timestamp| {
        let batch = Batch {
            bytes: 1,
            last_offset: 20,
            max_timestamp,
        };
        is_full(&config, LOG, &segment, 1, batch, 0)
    };
    assert!(!full(500 + kept_ms) && full(501 + kept_ms));
}

fn spans() -> [Span; 3] {
    let span = |end_offset, largest_timestamp| Span {
        end_offset,
        bytes: 100,
        largest_timestamp,
    };
    [span(10, 100), span(20, 90), span(30, 200)]
}

#[test]
fn retention_by_time() {
    let at = |now_ms, upto| plan(&config(), &spans(), now_ms, upto);
    assert_eq!(at(150, 30), None, "just not old enough");
    assert_eq!(at(151, 30), Some(20));
    assert_eq!(at(251, 30), Some(30), "the active one too, when all of it is old");
    assert_eq!(at(251, 29), Some(20), "nothing beyond the high watermark");
    assert_eq!(at(145, 30), None, "a younger one keeps those behind it");
    assert_eq!(
        plan(
            &LogConfig {
                delete: false,
                ..config()
            },
            &spans(),
            251,
            30
        ),
        None
    );
    assert_eq!(
        plan(
            &LogConfig {
                retention_ms: -1,
                ..config()
            },
            &spans(),
            i64::MAX,
            30
        ),
        None
    );
}

#[test]
fn retention_by_size() {
    let with = |retention_bytes| {
        plan(
            &LogConfig {
                retention_ms: -1,
                retention_bytes,
                ..config()
            },
            &spans(),
            0,
            30,
        )
    };
    assert_eq!(with(300), None);
    assert_eq!(with(201), None, "not a byte less than asked for is kept");
    assert_eq!(with(200), Some(10));
    assert_eq!(with(100), Some(20));
    assert_eq!(with(0), Some(20), "the active one stays");
}
