//! A vectored message: small pieces that we wrote, and between them record bytes that belong to somebody else.
//!
//! ```text
//! [ header, topic, partition … ][ records, as the log has them ][ next partition … ][ records ] …
//! ```

use super::Writer;
use bytes::{BufMut, Bytes, BytesMut};

/// Collects one message as pieces for a vectored send. Record bytes are referred to, never copied.
#[derive(Debug)]
pub struct PartsWriter {
    writer: Writer,
}

impl Default for PartsWriter {
    fn default() -> Self {
        Self::new()
    }
}

impl PartsWriter {
    pub fn new() -> Self {
        PartsWriter {
            writer: Writer::vectored(),
        }
    }

    /// The writer to encode headers and messages with.
    pub fn writer(&mut self) -> &mut Writer {
        &mut self.writer
    }

    /// Bytes written so far, over all pieces.
    pub fn len(&self) -> usize {
        self.writer.len()
    }

    pub fn is_empty(&self) -> bool {
        self.writer.is_empty()
    }

    /// The pieces in order; none is empty.
    pub fn finish(self) -> Vec<Bytes> {
        self.writer.finish_parts()
    }

    /// The pieces in order with the frame's length prefix before them, as a piece of its own.
    pub fn finish_frame(self) -> Vec<Bytes> {
        let mut prefix = BytesMut::with_capacity(4);
        prefix.put_i32(self.len() as i32);
        let mut parts = self.writer.finish_parts();
        parts.insert(0, prefix.freeze());
        parts
    }
}
