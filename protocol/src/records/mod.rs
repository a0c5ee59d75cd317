//! Record batches, Kafka's message format v2: the only thing that a log stores and that Produce and Fetch carry.
//!
//! ```text
//!  0 base_offset i64 | 8 batch_length i32 | 12 partition_leader_epoch i32 | 16 magic i8 | 17 crc u32   <- broker may patch
//! 21 attributes i16 | 23 last_offset_delta i32 | 27 base_timestamp i64 | 35 max_timestamp i64          <- under the CRC
//! 43 producer_id i64 | 51 producer_epoch i16 | 53 base_sequence i32 | 57 records_count i32 | 61 records, maybe compressed
//! ```
//!
//! What must stay true: bytes that come from outside never panic, never loop beyond their own length, and never make
//! us allocate more than [`Limits::decompressed_bytes_max`]; a batch is looked into once ([`verify`]) when a client
//! hands it in, and only its header is read afterwards. Message formats v0 and v1 are not spoken (Kafka 4 dropped them).

mod builder;
mod compression;
mod control;
mod error;
mod header;
mod lz4;
mod recompress;
mod record;
mod snappy;
mod varint;
mod verify;

#[cfg(test)]
mod tests;

pub(crate) use header::make_sound;

pub use builder::Builder;
pub use compression::Compression;
pub use control::{ControlRecord, EndTransactionMarker};
pub use error::{BatchError, RecordFault};
pub use header::{
    BATCH_HEADER_BYTES, BatchHeader, Batches, LENGTH_PREFIX_BYTES, MAGIC, NO_PARTITION_LEADER_EPOCH, NO_PRODUCER_EPOCH,
    NO_PRODUCER_ID, NO_SEQUENCE, NO_TIMESTAMP, TimestampType, batches, check_crc, patch, set_append_time,
    set_max_timestamp,
};
pub use recompress::{Recompression, Target};
pub use record::{Header, Record, Records, records};
pub use verify::{DECOMPRESSED_BYTES_MAX, Limits, Origin, STEP_BYTES, Verification, Verified, verify};
