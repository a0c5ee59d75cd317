//! Everything a broker checks of a batch before it takes responsibility for it (Kafka's `ProduceRequest`,
//! `UnifiedLog.analyzeAndValidateRecords` and `LogValidator`). Stricter than Kafka in one place: offset deltas of an
//! uncompressed batch must be dense too, since readers trust `last_offset_delta`.

use super::compression::{Compression, Expansion};
use super::error::{BatchError, RecordFault};
use super::header::{BATCH_HEADER_BYTES, BatchHeader, NO_TIMESTAMP, TimestampType, computed_crc};
use super::record::RecordView;
use super::varint::take_varint;

/// Most bytes that one batch may expand to.
pub const DECOMPRESSED_BYTES_MAX: usize = 128 << 20;

/// Bytes of expanded records that [`Verification::step`] looks at before it gives its caller a chance to do other things: about a
/// millisecond. Most batches are smaller.
pub const STEP_BYTES: usize = 1 << 20;

/// Records that one batch is refused for, by index; the others are not looked at.
const UNWANTED_MAX: usize = 1000;

/// Where a batch comes from, which says how far it is trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A producer: starts at offset 0, no control records, CreateTime, dense offsets.
    Client,
    /// The broker's own coordinators: may write control records.
    Coordinator,
    /// Another replica's log: has its offsets, and gaps where compaction took records.
    Replication,
}

/// The bounds that a batch is held against; most are topic configs.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    pub origin: Origin,
    /// `max.message.bytes`: most bytes of a batch as it came, header included.
    pub batch_bytes_max: usize,
    /// Most bytes of its records expanded.
    pub decompressed_bytes_max: usize,
    /// `cleanup.policy=compact`: each record needs a key.
    pub keys_required: bool,
    /// Earliest and latest time of a record, inclusive (`message.timestamp.before.max.ms`, `.after.max.ms`); records
    /// without time (-1) pass, as in Kafka. Leave the whole range where the topic has LogAppendTime.
    pub timestamp_min_ms: i64,
    pub timestamp_max_ms: i64,
}

impl Limits {
    /// For a producer's batch of at most `batch_bytes_max` bytes, keys and timestamps free.
    pub fn client(batch_bytes_max: usize) -> Limits {
        Limits {
            origin: Origin::Client,
            batch_bytes_max,
            decompressed_bytes_max: DECOMPRESSED_BYTES_MAX,
            keys_required: false,
            timestamp_min_ms: i64::MIN,
            timestamp_max_ms: i64::MAX,
        }
    }

    /// For bytes that some broker verified before: everything must still be right, but gaps are.
    pub fn replication() -> Limits {
        Limits {
            origin: Origin::Replication,
            ..Limits::client(usize::MAX)
        }
    }
}

/// What [`verify`] learned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verified {
    pub header: BatchHeader,
    /// Latest time of its records, -1 without any. Where it differs from the header's, the header is to be repaired
    /// with [`super::set_max_timestamp`], as Kafka does.
    pub max_timestamp: i64,
    /// Offset of the first record with that time, relative to the base offset; 0 without any.
    pub max_timestamp_offset_delta: i32,
    /// Bytes of the records expanded.
    pub records_bytes: usize,
}

impl Verified {
    pub fn needs_max_timestamp(&self) -> bool {
        self.header.timestamp_type() == TimestampType::CreateTime && self.header.max_timestamp != self.max_timestamp
    }
}

/// Checks that `bytes` are exactly one good batch, its records included, in one go.
pub fn verify(bytes: &[u8], limits: &Limits) -> Result<Verified, BatchError> {
    let mut verification = Verification::begin(bytes, limits)?;
    loop {
        if let Some(verified) = verification.step()? {
            return Ok(verified);
        }
    }
}

/// A batch that is being checked, step by step. Compressed records are expanded piece by piece and forgotten once they were
/// looked at, so that what is held is one step, or one record if that is larger.
pub struct Verification<'a> {
    header: BatchHeader,
    limits: Limits,
    payload: Payload<'a>,
    walk: Walk,
}

enum Payload<'a> {
    Plain(&'a [u8]),
    Compressed {
        expansion: Expansion<'a>,
        /// Expanded and not yet looked at.
        window: Vec<u8>,
    },
}

impl<'a> Verification<'a> {
    /// Checks everything but the records.
    pub fn begin(bytes: &'a [u8], limits: &Limits) -> Result<Verification<'a>, BatchError> {
        let header = BatchHeader::parse(bytes)?;
        verify_size(&header, bytes.len(), limits)?;
        let computed = computed_crc(bytes);
        if computed != header.crc {
            return Err(BatchError::Crc {
                stored: header.crc,
                computed,
            });
        }
        verify_header(&header, limits)?;
        let payload = &bytes[BATCH_HEADER_BYTES..];
        let payload = match header.compression()? {
            Compression::None => Payload::Plain(payload),
            codec => Payload::Compressed {
                expansion: Expansion::new(codec, payload, limits.decompressed_bytes_max)?,
                window: Vec::new(),
            },
        };
        Ok(Verification {
            header,
            limits: *limits,
            payload,
            walk: Walk::default(),
        })
    }

    /// Goes on: with all records if they are not compressed, else with [`STEP_BYTES`] of what they expand to. None if there
    /// is more.
    pub fn step(&mut self) -> Result<Option<Verified>, BatchError> {
        match &mut self.payload {
            Payload::Plain(payload) => {
                let records_bytes = payload.len();
                let mut rest = *payload;
                while self.walk.records < self.header.records_count {
                    self.walk.take(&mut rest, &self.header, &self.limits)?;
                }
                self.walk.finish(self.header, rest, records_bytes).map(Some)
            }
            Payload::Compressed { expansion, window } => {
                let more = expansion.append(window, STEP_BYTES)?;
                let mut rest = &window[..];
                while self.walk.records < self.header.records_count && (!more || holds_a_record(rest)) {
                    self.walk.take(&mut rest, &self.header, &self.limits)?;
                }
                if !more || self.walk.records == self.header.records_count && !rest.is_empty() {
                    return self.walk.finish(self.header, rest, expansion.bytes()).map(Some);
                }
                let taken = window.len() - rest.len();
                window.drain(..taken);
                Ok(None)
            }
        }
    }

    /// Bytes that compressed records have expanded to so far.
    pub fn expanded_bytes(&self) -> usize {
        match &self.payload {
            Payload::Plain(_) => 0,
            Payload::Compressed { expansion, .. } => expansion.bytes(),
        }
    }
}

/// Whether the first record is there to its end, or can be seen to be wrong.
fn holds_a_record(bytes: &[u8]) -> bool {
    let mut rest = bytes;
    match take_varint(&mut rest) {
        Ok(length) => usize::try_from(length).is_ok_and(|length| length <= rest.len()) || length < 0,
        Err(fault) => fault != RecordFault::Truncated,
    }
}

fn verify_size(header: &BatchHeader, have: usize, limits: &Limits) -> Result<(), BatchError> {
    let need = header.batch_bytes();
    if need > limits.batch_bytes_max {
        return Err(BatchError::TooLarge {
            bytes: need,
            max: limits.batch_bytes_max,
        });
    }
    match have {
        _ if have < need => Err(BatchError::Truncated { need, have }),
        _ if have > need => Err(BatchError::Trailing(have - need)),
        _ => Ok(()),
    }
}

fn verify_header(header: &BatchHeader, limits: &Limits) -> Result<(), BatchError> {
    let BatchHeader {
        last_offset_delta,
        records_count,
        ..
    } = *header;
    let dense = last_offset_delta.checked_add(1) == Some(records_count) && records_count > 0;
    // Compaction takes records out of a batch but leaves its offset range, up to an empty batch.
    let sparse = last_offset_delta >= 0 && records_count >= 0 && records_count - 1 <= last_offset_delta;
    if !(dense || limits.origin == Origin::Replication && sparse) {
        return Err(BatchError::LastOffsetDelta {
            last_offset_delta,
            records_count,
        });
    }
    if limits.origin == Origin::Replication {
        return if header.base_offset < 0 {
            Err(BatchError::BaseOffset(header.base_offset))
        } else {
            Ok(())
        };
    }
    if header.base_offset != 0 {
        return Err(BatchError::BaseOffset(header.base_offset));
    }
    if limits.origin == Origin::Client && header.is_control() {
        return Err(BatchError::Control);
    }
    if limits.origin == Origin::Client && header.has_producer_id() && header.base_sequence < 0 {
        return Err(BatchError::Sequence(header.base_sequence));
    }
    if header.timestamp_type() == TimestampType::LogAppendTime {
        return Err(BatchError::AppendTime);
    }
    Ok(())
}

/// What was learned of the records so far.
struct Walk {
    records: i32,
    next_offset_delta: i32,
    max_timestamp: i64,
    max_timestamp_offset_delta: i32,
    unwanted: Vec<(i32, RecordFault)>,
}

impl Default for Walk {
    fn default() -> Walk {
        Walk {
            records: 0,
            next_offset_delta: 0,
            max_timestamp: NO_TIMESTAMP,
            max_timestamp_offset_delta: 0,
            unwanted: Vec::new(),
        }
    }
}

impl Walk {
    /// Checks the next record and takes it off the front of `payload`.
    fn take(&mut self, payload: &mut &[u8], header: &BatchHeader, limits: &Limits) -> Result<(), BatchError> {
        let index = self.records;
        if payload.is_empty() {
            return Err(BatchError::RecordsCount {
                declared: header.records_count,
                found: index,
            });
        }
        let refuse = |fault| BatchError::Record { index, fault };
        let record = RecordView::take(payload).map_err(refuse)?;
        let delta = record.offset_delta;
        let in_order = match limits.origin {
            Origin::Replication => delta >= self.next_offset_delta && delta <= header.last_offset_delta,
            Origin::Client | Origin::Coordinator => delta == self.next_offset_delta,
        };
        if !in_order {
            return Err(refuse(RecordFault::OffsetDelta(delta, self.next_offset_delta)));
        }
        let timestamp = record.timestamp(header);
        let allowed = limits.timestamp_min_ms..=limits.timestamp_max_ms;
        if limits.keys_required && record.key.is_none() {
            self.refuse(RecordFault::KeyMissing)?;
        } else if timestamp != NO_TIMESTAMP && !allowed.contains(&timestamp) {
            self.refuse(RecordFault::Timestamp(timestamp))?;
        }
        if timestamp > self.max_timestamp {
            self.max_timestamp = timestamp;
            self.max_timestamp_offset_delta = delta;
        }
        self.next_offset_delta = delta.saturating_add(1);
        self.records += 1;
        Ok(())
    }

    /// The batch is lost, but its producer wants to know of each such record.
    fn refuse(&mut self, fault: RecordFault) -> Result<(), BatchError> {
        self.unwanted.push((self.records, fault));
        if self.unwanted.len() == UNWANTED_MAX {
            return Err(BatchError::Unwanted(std::mem::take(&mut self.unwanted)));
        }
        Ok(())
    }

    /// All records were taken; nothing may be left.
    fn finish(&mut self, header: BatchHeader, left: &[u8], records_bytes: usize) -> Result<Verified, BatchError> {
        if !left.is_empty() {
            return Err(BatchError::TrailingRecords(left.len()));
        }
        if !self.unwanted.is_empty() {
            return Err(BatchError::Unwanted(std::mem::take(&mut self.unwanted)));
        }
        Ok(Verified {
            header,
            max_timestamp: self.max_timestamp,
            max_timestamp_offset_delta: self.max_timestamp_offset_delta,
            records_bytes,
        })
    }
}
