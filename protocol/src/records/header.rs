//! The 61 bytes in front of every batch, and the few of them that a broker may write.

use super::compression::Compression;
use super::error::BatchError;
use crate::crc32c;

/// Bytes of a batch before its first record.
pub const BATCH_HEADER_BYTES: usize = 61;
/// Bytes of `base_offset` and `batch_length`, which `batch_length` does not count.
pub const LENGTH_PREFIX_BYTES: usize = 12;
/// The only message format spoken.
pub const MAGIC: i8 = 2;
pub const NO_PRODUCER_ID: i64 = -1;
pub const NO_PRODUCER_EPOCH: i16 = -1;
pub const NO_SEQUENCE: i32 = -1;
pub const NO_TIMESTAMP: i64 = -1;
pub const NO_PARTITION_LEADER_EPOCH: i32 = -1;

const LEADER_EPOCH_AT: usize = 12;
const CRC_AT: usize = 17;
/// The CRC covers everything from here to the end.
pub(super) const ATTRIBUTES_AT: usize = 21;
const MAX_TIMESTAMP_AT: usize = 35;

const COMPRESSION_MASK: i16 = 0x07;
const APPEND_TIME_BIT: i16 = 0x08;
const TRANSACTIONAL_BIT: i16 = 0x10;
const CONTROL_BIT: i16 = 0x20;
const DELETE_HORIZON_BIT: i16 = 0x40;

/// Who gave the records their time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimestampType {
    CreateTime,
    /// Every record's time is the batch's `max_timestamp`.
    LogAppendTime,
}

/// The header of a batch as numbers. Parsed from bytes that hold the header; the records need not be there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BatchHeader {
    pub base_offset: i64,
    /// Bytes after this field; at least 49. See [`BatchHeader::batch_bytes`].
    pub batch_length: i32,
    pub partition_leader_epoch: i32,
    pub magic: i8,
    pub crc: u32,
    pub attributes: i16,
    pub last_offset_delta: i32,
    pub base_timestamp: i64,
    pub max_timestamp: i64,
    pub producer_id: i64,
    pub producer_epoch: i16,
    pub base_sequence: i32,
    pub records_count: i32,
}

impl BatchHeader {
    /// Reads the header at the front of `bytes`. Checks length and magic, the two that say whether the rest means
    /// anything; everything else is [`super::verify`]'s.
    pub fn parse(bytes: &[u8]) -> Result<BatchHeader, BatchError> {
        if bytes.is_empty() {
            return Err(BatchError::Empty);
        }
        // An older format is told from garbage even when it is shorter than our header.
        if let Some(&magic) = bytes.get(16)
            && magic as i8 != MAGIC
        {
            return Err(BatchError::Magic(magic as i8));
        }
        let Some(bytes) = bytes.first_chunk::<BATCH_HEADER_BYTES>() else {
            return Err(BatchError::Truncated {
                need: BATCH_HEADER_BYTES,
                have: bytes.len(),
            });
        };
        let header = BatchHeader {
            base_offset: i64::from_be_bytes(field(bytes, 0)),
            batch_length: i32::from_be_bytes(field(bytes, 8)),
            partition_leader_epoch: i32::from_be_bytes(field(bytes, LEADER_EPOCH_AT)),
            magic: MAGIC,
            crc: u32::from_be_bytes(field(bytes, CRC_AT)),
            attributes: i16::from_be_bytes(field(bytes, ATTRIBUTES_AT)),
            last_offset_delta: i32::from_be_bytes(field(bytes, 23)),
            base_timestamp: i64::from_be_bytes(field(bytes, 27)),
            max_timestamp: i64::from_be_bytes(field(bytes, MAX_TIMESTAMP_AT)),
            producer_id: i64::from_be_bytes(field(bytes, 43)),
            producer_epoch: i16::from_be_bytes(field(bytes, 51)),
            base_sequence: i32::from_be_bytes(field(bytes, 53)),
            records_count: i32::from_be_bytes(field(bytes, 57)),
        };
        if header.batch_length < (BATCH_HEADER_BYTES - LENGTH_PREFIX_BYTES) as i32 {
            return Err(BatchError::Length(header.batch_length));
        }
        Ok(header)
    }

    /// Bytes of the whole batch, header included.
    pub fn batch_bytes(&self) -> usize {
        LENGTH_PREFIX_BYTES + self.batch_length as usize
    }

    /// Offset of the last record. Saturates, since a header from outside may hold any numbers.
    pub fn last_offset(&self) -> i64 {
        self.base_offset.saturating_add(i64::from(self.last_offset_delta))
    }

    /// Offset after the last record.
    pub fn next_offset(&self) -> i64 {
        self.last_offset().saturating_add(1)
    }

    /// Sequence number of the last record; wraps from `i32::MAX` to 0 (Kafka's `DefaultRecordBatch.incrementSequence`).
    pub fn last_sequence(&self) -> i32 {
        if self.base_sequence < 0 {
            return NO_SEQUENCE;
        }
        (self.base_sequence.wrapping_add(self.last_offset_delta)) & i32::MAX
    }

    pub fn compression(&self) -> Result<Compression, BatchError> {
        Compression::from_id((self.attributes & COMPRESSION_MASK) as u8)
    }

    pub fn timestamp_type(&self) -> TimestampType {
        if self.attributes & APPEND_TIME_BIT != 0 {
            TimestampType::LogAppendTime
        } else {
            TimestampType::CreateTime
        }
    }

    pub fn is_transactional(&self) -> bool {
        self.attributes & TRANSACTIONAL_BIT != 0
    }

    pub fn is_control(&self) -> bool {
        self.attributes & CONTROL_BIT != 0
    }

    /// Whether `base_timestamp` is instead the time after which a tombstone may go (KIP-534).
    pub fn has_delete_horizon(&self) -> bool {
        self.attributes & DELETE_HORIZON_BIT != 0
    }

    pub fn has_producer_id(&self) -> bool {
        self.producer_id > NO_PRODUCER_ID
    }
}

fn field<const N: usize>(bytes: &[u8; BATCH_HEADER_BYTES], at: usize) -> [u8; N] {
    bytes[at..].first_chunk().copied().expect("the header holds its fields")
}

/// The batches of a run of bytes, each with its header. A batch cut off at the end is an error (Fetch answers may end
/// so; a reader that expects that stops there). Nothing follows an error.
pub fn batches(bytes: &[u8]) -> Batches<'_> {
    Batches { rest: bytes }
}

/// See [`batches`].
#[derive(Clone, Debug)]
pub struct Batches<'a> {
    rest: &'a [u8],
}

impl<'a> Batches<'a> {
    /// What has not been looked at yet, a batch cut off at the end included.
    pub fn rest(&self) -> &'a [u8] {
        self.rest
    }
}

impl<'a> Iterator for Batches<'a> {
    type Item = Result<(BatchHeader, &'a [u8]), BatchError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let rest = self.rest;
        let header = match BatchHeader::parse(rest) {
            Ok(header) => header,
            Err(error) => {
                self.rest = &[];
                return Some(Err(error));
            }
        };
        let Some((batch, after)) = rest.split_at_checked(header.batch_bytes()) else {
            self.rest = &[];
            return Some(Err(BatchError::Truncated {
                need: header.batch_bytes(),
                have: rest.len(),
            }));
        };
        self.rest = after;
        Some(Ok((header, batch)))
    }
}

/// CRC32C of everything that the CRC covers. `batch` is one whole batch.
pub(super) fn computed_crc(batch: &[u8]) -> u32 {
    crc32c::crc32c(&batch[ATTRIBUTES_AT..])
}

/// Checks the CRC of one whole batch, and nothing else: for a batch read back that was verified when it came in.
pub fn check_crc(batch: &[u8]) -> Result<(), BatchError> {
    let header = BatchHeader::parse(batch)?;
    let computed = computed_crc(batch);
    if computed == header.crc {
        Ok(())
    } else {
        Err(BatchError::Crc {
            stored: header.crc,
            computed,
        })
    }
}

/// Gives a batch its place in the log: the two fields outside of the CRC.
///
/// # Panics
/// If `batch` is shorter than a header: the caller has verified it.
pub fn patch(batch: &mut [u8], base_offset: i64, leader_epoch: i32) {
    batch[..8].copy_from_slice(&base_offset.to_be_bytes());
    batch[LEADER_EPOCH_AT..][..4].copy_from_slice(&leader_epoch.to_be_bytes());
}

/// Makes `append_time_ms` the time of every record (`message.timestamp.type=LogAppendTime`) and renews the CRC.
///
/// # Panics
/// As [`patch`].
pub fn set_append_time(batch: &mut [u8], append_time_ms: i64) {
    set_time(batch, APPEND_TIME_BIT, append_time_ms);
}

/// Repairs `max_timestamp` as Kafka's `LogValidator` does when the producer's is not its records' (see
/// [`super::Verified::max_timestamp`]) and renews the CRC.
///
/// # Panics
/// As [`patch`].
pub fn set_max_timestamp(batch: &mut [u8], max_timestamp: i64) {
    set_time(batch, 0, max_timestamp);
}

fn set_time(batch: &mut [u8], append_time_bit: i16, max_timestamp: i64) {
    let attributes = i16::from_be_bytes([batch[ATTRIBUTES_AT], batch[ATTRIBUTES_AT + 1]]);
    let attributes = attributes & !APPEND_TIME_BIT | append_time_bit;
    batch[ATTRIBUTES_AT..][..2].copy_from_slice(&attributes.to_be_bytes());
    batch[MAX_TIMESTAMP_AT..][..8].copy_from_slice(&max_timestamp.to_be_bytes());
    seal(batch);
}

/// Writes the CRC of a finished batch into it.
pub(super) fn seal(batch: &mut [u8]) {
    let crc = computed_crc(batch);
    batch[CRC_AT..][..4].copy_from_slice(&crc.to_be_bytes());
}

/// Makes length, magic and CRC right, and the numbers that a client's batch must have, so that other faults are found behind
/// them; false if these bytes cannot be a batch. For the fuzzer.
pub(crate) fn make_sound(batch: &mut [u8]) -> bool {
    if batch.len() < BATCH_HEADER_BYTES {
        return false;
    }
    let length = (batch.len() - LENGTH_PREFIX_BYTES) as i32;
    batch[..8].fill(0);
    batch[8..12].copy_from_slice(&length.to_be_bytes());
    batch[16] = MAGIC as u8;
    let count = i32::from_be_bytes([batch[57], batch[58], batch[59], batch[60]]);
    batch[23..27].copy_from_slice(&count.wrapping_sub(1).to_be_bytes());
    seal(batch);
    true
}

/// Attribute bits of a batch that a [`super::Builder`] makes.
pub(super) fn attributes(compression: Compression, append_time: bool, transactional: bool, control: bool) -> i16 {
    let bit = |set: bool, bit: i16| if set { bit } else { 0 };
    i16::from(compression.id())
        | bit(append_time, APPEND_TIME_BIT)
        | bit(transactional, TRANSACTIONAL_BIT)
        | bit(control, CONTROL_BIT)
}
