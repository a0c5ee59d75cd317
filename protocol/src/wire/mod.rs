//! Kafka's primitive encodings, read and written within bounds.
//!
//! Everything here is total: a [`Reader`] turns any bytes into a value or a [`DecodeError`], never panics, and never
//! allocates by a length that is not backed by that many bytes still in the input. A [`Writer`] cannot fail.
//! Rules of the encodings: <https://kafka.apache.org/protocol#protocol_types>, KIP-482 (compact types, tagged fields).

mod error;
mod field;
mod parts;
mod reader;
mod writer;

pub use error::{DecodeError, Problem};
pub use field::{At, Element, Field};
pub use parts::PartsWriter;
pub use reader::Reader;
pub use writer::Writer;

/// Longest string that Kafka's own decoder accepts, in bytes, in either encoding.
pub const STRING_BYTES_MAX: usize = i16::MAX as usize;

#[cfg(test)]
mod tests;
