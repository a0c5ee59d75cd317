//! The length prefix around every request and response: four bytes, big-endian, not counting themselves.

use crate::error_code::ErrorCode;
use crate::header::{RequestHeader, encode_response_header};
use crate::message::Message;
use crate::wire::{PartsWriter, Writer};
use bytes::{Bytes, BytesMut};

/// Bytes of the prefix.
pub const PREFIX_BYTES: usize = 4;

/// Most answers but those with records are smaller.
const SMALL_FRAME_BYTES: usize = 256;

/// A prefix that no peer of ours sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// Kafka's clients never send one; often TLS or HTTP spoken to this port.
    #[error("frame length {0} is negative")]
    Negative(i32),
    /// Over the receiver's limit (`socket.request.max.bytes`).
    #[error("frame of {bytes} bytes is over the limit of {max} bytes")]
    TooLarge { bytes: usize, max: usize },
}

/// The size of the frame body that begins after the prefix, in bytes; `None` while the prefix is not complete.
///
/// # Errors
/// When the size is negative or over `bytes_max`. The connection cannot go on then.
pub fn body_bytes(received: &[u8], bytes_max: usize) -> Result<Option<usize>, FrameError> {
    let Some(prefix) = received.first_chunk::<PREFIX_BYTES>() else {
        return Ok(None);
    };
    let length = i32::from_be_bytes(*prefix);
    let bytes = usize::try_from(length).map_err(|_| FrameError::Negative(length))?;
    if bytes > bytes_max {
        return Err(FrameError::TooLarge { bytes, max: bytes_max });
    }
    Ok(Some(bytes))
}

/// A whole request frame, as a client sends it.
pub fn request<M: Message>(header: &RequestHeader, message: &M) -> BytesMut {
    framed(|w| {
        header.encode(w);
        message.encode(w, header.api_version);
    })
}

/// A whole response frame in one piece.
pub fn response<M: Message>(api_version: i16, correlation_id: i32, message: &M) -> BytesMut {
    response_with_errors(api_version, correlation_id, message).0
}

/// The same, with the errors that are in it.
pub fn response_with_errors<M: Message>(
    api_version: i16,
    correlation_id: i32,
    message: &M,
) -> (BytesMut, Vec<ErrorCode>) {
    let mut errors = Vec::new();
    let frame = framed(|w| {
        encode_response_header(w, M::API_KEY, api_version, correlation_id);
        message.encode(w, api_version);
        errors = w.take_errors();
    });
    (frame, errors)
}

/// The same, written to `memory`, which stays there for the next response: when this one is gone by then, that one takes no
/// memory of its own.
pub fn response_in<M: Message>(
    memory: &mut BytesMut,
    api_version: i16,
    correlation_id: i32,
    message: &M,
) -> (Bytes, Vec<ErrorCode>) {
    let mut errors = Vec::new();
    memory.reserve(SMALL_FRAME_BYTES);
    let mut frame = framed_in(std::mem::take(memory), |w| {
        encode_response_header(w, M::API_KEY, api_version, correlation_id);
        message.encode(w, api_version);
        errors = w.take_errors();
    });
    let whole = frame.split().freeze();
    // A large one keeps its memory for itself.
    if whole.len() <= SMALL_FRAME_BYTES {
        *memory = frame;
    }
    (whole, errors)
}

/// A whole response frame in pieces; record bytes are not copied.
pub fn response_parts<M: Message>(api_version: i16, correlation_id: i32, message: &M) -> Vec<Bytes> {
    response_parts_with_errors(api_version, correlation_id, message).0
}

/// The same, with the errors that are in it.
pub fn response_parts_with_errors<M: Message>(
    api_version: i16,
    correlation_id: i32,
    message: &M,
) -> (Vec<Bytes>, Vec<ErrorCode>) {
    let mut parts = PartsWriter::new();
    encode_response_header(parts.writer(), M::API_KEY, api_version, correlation_id);
    message.encode(parts.writer(), api_version);
    let errors = parts.writer().take_errors();
    (parts.finish_frame(), errors)
}

/// Whatever `write` writes, with the prefix in front.
pub fn framed(write: impl FnOnce(&mut Writer)) -> BytesMut {
    framed_in(BytesMut::with_capacity(SMALL_FRAME_BYTES), write)
}

fn framed_in(empty: BytesMut, write: impl FnOnce(&mut Writer)) -> BytesMut {
    let mut writer = Writer::over(empty);
    writer.i32(0);
    write(&mut writer);
    let mut frame = writer.finish();
    let length = (frame.len() - PREFIX_BYTES) as i32;
    frame[..PREFIX_BYTES].copy_from_slice(&length.to_be_bytes());
    frame
}
