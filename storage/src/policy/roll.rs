//! When a segment takes no further batch (Kafka's `LogSegment.shouldRoll`).

use xxhash_rust::xxh3::xxh3_64_with_seed;

use crate::{
    log::Segment,
    store::{LogConfig, LogId},
};

/// What would come next.
#[derive(Clone, Copy, Debug)]
pub struct Batch {
    pub bytes: u64,
    pub last_offset: i64,
    pub max_timestamp: i64,
}

/// Whether `batch` must go to a new segment, where `segment` has `segment_bytes` so far. Time counts in
/// the records' own time, from the segment's first batch; in wall time where records have none.
pub fn is_full(
    config: &LogConfig,
    log: LogId,
    segment: &Segment,
    segment_bytes: u64,
    batch: Batch,
    wall_ms: i64,
) -> bool {
    if segment_bytes == 0 {
        return false;
    }
    let waited_ms = if segment.first_timestamp >= 0 && batch.max_timestamp >= 0 {
        batch.max_timestamp.saturating_sub(segment.first_timestamp)
    } else {
        wall_ms.saturating_sub(segment.created_ms)
    };
    let bytes_max = u64::from(config.segment_bytes).min(i32::MAX as u64);
    segment_bytes + batch.bytes > bytes_max
        || config.segment_ms >= 0 && waited_ms > config.segment_ms - jitter_ms(config, log, segment)
        // Indexes have 32 bits for an offset.
        || batch.last_offset - segment.base_offset > i64::from(i32::MAX)
}

/// What is taken off `segment.ms` for this segment (Kafka's `LogConfig.randomSegmentJitter`), so that logs that were made
/// together are not rolled together. Drawn by what names the segment: a restart draws the same.
pub fn jitter_ms(config: &LogConfig, log: LogId, segment: &Segment) -> i64 {
    let most = config.segment_jitter_ms.min(config.segment_ms);
    if most <= 0 {
        return 0;
    }
    let name = [log.0, segment.file.number(), segment.created_ms as u64].map(u64::to_le_bytes);
    (xxh3_64_with_seed(name.as_flattened(), segment.base_offset as u64) % most as u64) as i64
}
