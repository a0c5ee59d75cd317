//! Which segments may go (Kafka's `UnifiedLog.deleteOldSegments`): whole ones, oldest first, by time and by size.

use crate::store::LogConfig;

/// One segment; the last one is the active one with what is in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    pub end_offset: i64,
    pub bytes: u64,
    /// Latest time of its records, or of the file where they have none.
    pub largest_timestamp: i64,
}

/// The new start offset. By time, the last span goes too when all of it is old; by size it stays, whatever it has.
pub fn plan(config: &LogConfig, spans: &[Span], now_ms: i64, upto: i64) -> Option<i64> {
    if !config.delete {
        return None;
    }
    let mut excess = match u64::try_from(config.retention_bytes) {
        Ok(bytes_max) => spans
            .iter()
            .map(|span| span.bytes)
            .sum::<u64>()
            .saturating_sub(bytes_max),
        Err(_) => 0,
    };
    let mut start_offset = None;
    for (index, span) in spans.iter().enumerate() {
        let old = config.retention_ms >= 0 && now_ms.saturating_sub(span.largest_timestamp) > config.retention_ms;
        let spare = excess >= span.bytes && excess > 0 && index + 1 < spans.len();
        if !(old || spare) || span.end_offset > upto {
            break;
        }
        excess = excess.saturating_sub(span.bytes);
        start_offset = Some(span.end_offset);
    }
    start_offset
}
