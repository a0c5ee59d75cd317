//! Kafka's wire protocol as values: bytes in, values out, and back.
//!
//! A leaf: no IO, no clock, no knowledge of brokers. Whatever bytes come in, nothing here panics or allocates by a
//! length that somebody claims.

pub mod api_key;
pub mod crc32c;
pub mod error_code;
pub mod frame;
#[doc(hidden)]
pub mod fuzz;
pub mod header;
pub mod message;
pub mod messages;
pub mod records;
pub mod schema;
pub mod wire;
