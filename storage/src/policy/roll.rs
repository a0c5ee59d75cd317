//! When a segment takes no further batch (Kafka's `LogSegment.shouldRoll`).

use crate::{log::Segment, store::LogConfig};

/// Whether a batch of `batch_bytes` must go to a new segment, where `segment` has `segment_bytes` so far. Time counts in
/// the records' own time, from the segment's first batch; in wall time where records have none.
pub fn is_full(
    config: &LogConfig,
    segment: &Segment,
    segment_bytes: u64,
    batch_bytes: u64,
    batch_last_offset: i64,
    batch_max_timestamp: i64,
    wall_ms: i64,
) -> bool {
    if segment_bytes == 0 {
        return false;
    }
    let waited_ms = if segment.first_timestamp >= 0 && batch_max_timestamp >= 0 {
        batch_max_timestamp.saturating_sub(segment.first_timestamp)
    } else {
        wall_ms.saturating_sub(segment.created_ms)
    };
    let bytes_max = u64::from(config.segment_bytes).min(i32::MAX as u64);
    segment_bytes + batch_bytes > bytes_max
        || config.segment_ms >= 0 && waited_ms > config.segment_ms
        // Indexes have 32 bits for an offset.
        || batch_last_offset - segment.base_offset > i64::from(i32::MAX)
}
