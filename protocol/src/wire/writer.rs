//! Encodes Kafka's primitive types.
//!
//! One writer for both ways out: contiguous ([`Writer::new`]) appends everything to one buffer; vectored (through
//! [`super::PartsWriter`]) keeps record bytes as they are, between the pieces written around them.

use super::STRING_BYTES_MAX;
use crate::error_code::ErrorCode;
use bytes::{BufMut, Bytes, BytesMut};
use uuid::Uuid;

/// Below this many bytes, copying is cheaper than one more entry in a vectored send.
const SHARE_BYTES_MIN: usize = 512;

/// Appends values to a buffer; cannot fail.
#[derive(Debug, Default)]
pub struct Writer {
    buffer: BytesMut,
    /// Finished pieces in front of `buffer`, with their total size; `None` when contiguous.
    parts: Option<(Vec<Bytes>, usize)>,
    /// Of what was written; none is NONE.
    errors: Vec<ErrorCode>,
}

impl Writer {
    /// An empty, contiguous writer.
    pub fn new() -> Self {
        Self::default()
    }

    /// A contiguous writer with room for `bytes`.
    pub fn with_capacity(bytes: usize) -> Self {
        Self::over(BytesMut::with_capacity(bytes))
    }

    /// A contiguous writer that appends to `buffer`.
    pub fn over(buffer: BytesMut) -> Self {
        Writer {
            buffer,
            ..Self::default()
        }
    }

    pub(super) fn vectored() -> Self {
        Writer {
            buffer: BytesMut::new(),
            parts: Some((Vec::new(), 0)),
            errors: Vec::new(),
        }
    }

    /// Bytes written so far.
    pub fn len(&self) -> usize {
        self.buffer.len() + self.parts.as_ref().map_or(0, |(_, bytes)| *bytes)
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What was written. Of a vectored writer this joins the pieces, which copies.
    pub fn finish(mut self) -> BytesMut {
        match self.parts.take() {
            None => self.buffer,
            Some((parts, bytes)) => {
                let mut joined = BytesMut::with_capacity(bytes + self.buffer.len());
                parts.iter().for_each(|part| joined.extend_from_slice(part));
                joined.unsplit(self.buffer);
                joined
            }
        }
    }

    pub(super) fn finish_parts(mut self) -> Vec<Bytes> {
        self.seal();
        self.parts.take().map(|(parts, _)| parts).unwrap_or_default()
    }

    /// Moves the open buffer to the finished pieces.
    fn seal(&mut self) {
        let Some((parts, bytes)) = &mut self.parts else { return };
        if !self.buffer.is_empty() {
            *bytes += self.buffer.len();
            parts.push(self.buffer.split().freeze());
        }
    }

    /// Raw bytes, copied.
    pub fn raw(&mut self, bytes: &[u8]) {
        self.buffer.put_slice(bytes);
    }

    /// Raw bytes, by reference when the writer is vectored and they are worth it.
    pub fn shared(&mut self, bytes: &Bytes) {
        if self.parts.is_none() || bytes.len() < SHARE_BYTES_MIN {
            return self.raw(bytes);
        }
        self.seal();
        if let Some((parts, total)) = &mut self.parts {
            parts.push(bytes.clone());
            *total += bytes.len();
        }
    }

    pub fn i8(&mut self, value: i8) {
        self.buffer.put_i8(value);
    }

    pub fn i16(&mut self, value: i16) {
        self.buffer.put_i16(value);
    }

    /// Remembered, too, if it is an error: see [`Writer::take_errors`].
    pub fn error_code(&mut self, code: ErrorCode) {
        if !code.is_none() {
            self.errors.push(code);
        }
        self.i16(code.0);
    }

    /// The errors that were written so far, of a message and of its parts, in order.
    pub fn take_errors(&mut self) -> Vec<ErrorCode> {
        std::mem::take(&mut self.errors)
    }

    pub fn u16(&mut self, value: u16) {
        self.buffer.put_u16(value);
    }

    pub fn i32(&mut self, value: i32) {
        self.buffer.put_i32(value);
    }

    pub fn i64(&mut self, value: i64) {
        self.buffer.put_i64(value);
    }

    pub fn f64(&mut self, value: f64) {
        self.buffer.put_f64(value);
    }

    pub fn bool(&mut self, value: bool) {
        self.i8(i8::from(value));
    }

    pub fn uuid(&mut self, value: Uuid) {
        self.raw(value.as_bytes());
    }

    /// Unsigned LEB128.
    pub fn unsigned_varint(&mut self, value: u32) {
        self.unsigned_varlong(u64::from(value));
    }

    /// Zigzag varint.
    pub fn varint(&mut self, value: i32) {
        self.unsigned_varint(((value << 1) ^ (value >> 31)) as u32);
    }

    /// Zigzag varint of 64 bits.
    pub fn varlong(&mut self, value: i64) {
        self.unsigned_varlong(((value << 1) ^ (value >> 63)) as u64);
    }

    fn unsigned_varlong(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.buffer.put_u8(value as u8 | 0x80);
            value >>= 7;
        }
        self.buffer.put_u8(value as u8);
    }

    /// A string, or null. One longer than [`STRING_BYTES_MAX`] is cut at a character, since no client could read it.
    pub fn nullable_str(&mut self, value: Option<&str>, flexible: bool) {
        let value = value.map(|text| &text[..text.floor_char_boundary(STRING_BYTES_MAX)]);
        match (value, flexible) {
            (value, true) => self.compact_length(value.map(str::len)),
            (Some(text), false) => self.i16(text.len() as i16),
            (None, false) => self.i16(-1),
        }
        self.raw(value.unwrap_or_default().as_bytes());
    }

    /// A byte field, or null.
    pub fn nullable_bytes(&mut self, value: Option<&Bytes>, flexible: bool) {
        self.length(value.map(Bytes::len), flexible);
        if let Some(bytes) = value {
            self.shared(bytes);
        }
    }

    /// A length in front of bytes, or a count in front of an array; `None` is null.
    pub fn length(&mut self, length: Option<usize>, flexible: bool) {
        match (length, flexible) {
            (length, true) => self.compact_length(length),
            (Some(length), false) => self.i32(length as i32),
            (None, false) => self.i32(-1),
        }
    }

    fn compact_length(&mut self, length: Option<usize>) {
        self.unsigned_varint(length.map_or(0, |length| length as u32 + 1));
    }

    /// One tagged field: tag, size and the value that `write` writes.
    pub fn tagged_field(&mut self, tag: u32, write: impl FnOnce(&mut Writer)) {
        let mut value = Writer::new();
        write(&mut value);
        self.unsigned_varint(tag);
        self.unsigned_varint(value.len() as u32);
        self.raw(&value.buffer);
    }
}
