//! Tests of the policies: one line of the table for each of Kafka's rules.

use super::{
    retention::{Span, plan},
    roll::is_full,
};
use crate::{
    log::{FileId, Segment},
    store::LogConfig,
};

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
    let full = |segment: &Segment, bytes, batch_bytes, last_offset, timestamp, wall_ms| {
        is_full(&config(), segment, bytes, batch_bytes, last_offset, timestamp, wall_ms)
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
