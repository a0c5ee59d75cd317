//! What can be wrong with a batch. Each is the client's fault (or the disk's, when read back), never ours.

use super::compression::Compression;
use super::header::MAGIC;
use crate::error_code::ErrorCode;

/// Why a batch is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BatchError {
    #[error("no record batch")]
    Empty,
    #[error("{have} bytes where the batch needs {need}")]
    Truncated { need: usize, have: usize },
    #[error("batch length {0} is less than a header")]
    Length(i32),
    #[error("message format v{0}; only v2 is supported")]
    Magic(i8),
    #[error("crc 0x{stored:08x} in the batch, 0x{computed:08x} of its bytes")]
    Crc { stored: u32, computed: u32 },
    #[error("batch of {bytes} bytes; the most is {max}")]
    TooLarge { bytes: usize, max: usize },
    #[error("{0} bytes after the batch; exactly one batch is allowed")]
    Trailing(usize),
    #[error("base offset {0}; a client's batch starts at 0")]
    BaseOffset(i64),
    #[error("{declared} records declared, {found} found")]
    RecordsCount { declared: i32, found: i32 },
    #[error("last offset delta {last_offset_delta} with {records_count} records")]
    LastOffsetDelta { last_offset_delta: i32, records_count: i32 },
    #[error("clients may not write control records")]
    Control,
    #[error("base sequence {0} with a producer id")]
    Sequence(i32),
    #[error("timestamp type LogAppendTime is the broker's to set")]
    AppendTime,
    #[error("compression codec {0} is unknown")]
    UnknownCompression(u8),
    #[error("records do not decompress as {}", .0.name())]
    Decompress(Compression),
    #[error("records decompress to more than {0} bytes")]
    Bomb(usize),
    #[error("record {index}: {fault}")]
    Record { index: i32, fault: RecordFault },
    /// Sound records that the topic does not take, by index.
    #[error("{} records that the topic does not take; record {}: {}", .0.len(), .0[0].0, .0[0].1)]
    Unwanted(Vec<(i32, RecordFault)>),
    #[error("{0} bytes after the last record")]
    TrailingRecords(usize),
}

/// What is wrong with one record of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RecordFault {
    #[error("ends before its length")]
    Truncated,
    #[error("malformed variable-length number")]
    Varint,
    #[error("a length is negative or beyond the record")]
    Length,
    #[error("bytes remain after its last header")]
    Trailing,
    #[error("offset delta {0} where {1} is next")]
    OffsetDelta(i32, i32),
    #[error("timestamp {0} is outside of what the topic allows")]
    Timestamp(i64),
    #[error("compacted topics need a key")]
    KeyMissing,
    #[error("not a known control record")]
    Control,
}

impl BatchError {
    /// What Kafka answers. Damage on the way (CORRUPT_MESSAGE) is sent again by clients; the rest is theirs to mend.
    pub fn error_code(&self) -> ErrorCode {
        match self {
            BatchError::Length(_) | BatchError::Crc { .. } | BatchError::Decompress(_) => ErrorCode::CORRUPT_MESSAGE,
            // No format that there ever was.
            BatchError::Magic(magic) if !(0..=MAGIC).contains(magic) => ErrorCode::CORRUPT_MESSAGE,
            // A producer answers by splitting the batch, which helps in both cases.
            BatchError::TooLarge { .. } | BatchError::Bomb(_) => ErrorCode::MESSAGE_TOO_LARGE,
            BatchError::UnknownCompression(_) => ErrorCode::UNSUPPORTED_COMPRESSION_TYPE,
            BatchError::AppendTime => ErrorCode::INVALID_TIMESTAMP,
            BatchError::Unwanted(records) => {
                let is_time = |fault: &RecordFault| matches!(fault, RecordFault::Timestamp(_));
                if records.iter().any(|(_, fault)| is_time(fault)) {
                    ErrorCode::INVALID_TIMESTAMP
                } else {
                    ErrorCode::INVALID_RECORD
                }
            }
            _ => ErrorCode::INVALID_RECORD,
        }
    }

    /// Records that the topic does not take, by index, for `record_errors` of ProduceResponse: the producer can tell them from
    /// those that only were in the same batch (KIP-467).
    pub fn unwanted(&self) -> &[(i32, RecordFault)] {
        match self {
            BatchError::Unwanted(records) => records,
            _ => &[],
        }
    }
}
