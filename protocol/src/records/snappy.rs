//! Snappy in the framing of snappy-java, which Kafka's clients write: a 16-byte header, then blocks with a length each.
//!
//! ```text
//! 0x82 'S' 'N' 'A' 'P' 'P' 'Y' 0x00 | version i32 = 1 | compatible version i32 = 1 | { length i32, bare snappy block }*
//! ```
//! Bare snappy without any framing is accepted too (librdkafka and others did or do send it).

use super::compression::Compression;
use super::error::BatchError;

const FRAME_MAGIC: &[u8; 8] = b"\x82SNAPPY\0";
const FRAME_HEADER_BYTES: usize = 16;
/// snappy-java's default; its readers take any.
const BLOCK_BYTES: usize = 32 * 1024;

pub(super) fn compress(records: &[u8]) -> Vec<u8> {
    let mut encoder = Encoder::new();
    encoder.write(records);
    encoder.finish()
}

/// Makes a stream piece by piece.
pub(super) struct Encoder {
    codec: snap::raw::Encoder,
    out: Vec<u8>,
    /// Less than a block.
    rest: Vec<u8>,
}

impl Encoder {
    pub(super) fn new() -> Encoder {
        let mut out = Vec::new();
        out.extend_from_slice(FRAME_MAGIC);
        out.extend_from_slice(&1i32.to_be_bytes());
        out.extend_from_slice(&1i32.to_be_bytes());
        Encoder {
            codec: snap::raw::Encoder::new(),
            out,
            rest: Vec::new(),
        }
    }

    pub(super) fn write(&mut self, mut records: &[u8]) {
        if !self.rest.is_empty() {
            let (more, after) = records.split_at(records.len().min(BLOCK_BYTES - self.rest.len()));
            self.rest.extend_from_slice(more);
            records = after;
            if self.rest.len() < BLOCK_BYTES {
                return;
            }
            let block = std::mem::take(&mut self.rest);
            self.put(&block);
        }
        let mut blocks = records.chunks_exact(BLOCK_BYTES);
        for block in &mut blocks {
            self.put(block);
        }
        self.rest.extend_from_slice(blocks.remainder());
    }

    pub(super) fn finish(mut self) -> Vec<u8> {
        let block = std::mem::take(&mut self.rest);
        if !block.is_empty() {
            self.put(&block);
        }
        self.out
    }

    fn put(&mut self, block: &[u8]) {
        let block = self.codec.compress_vec(block);
        let block = block.expect("a 32 KiB block is in snappy's range");
        self.out.extend_from_slice(&(block.len() as i32).to_be_bytes());
        self.out.extend_from_slice(&block);
    }
}

/// The blocks of a stream, expanded one at a time.
pub(super) struct Blocks<'a> {
    rest: &'a [u8],
    is_framed: bool,
}

impl<'a> Blocks<'a> {
    pub(super) fn new(compressed: &'a [u8]) -> Result<Blocks<'a>, BatchError> {
        let is_framed = compressed.starts_with(FRAME_MAGIC);
        if is_framed && compressed.len() < FRAME_HEADER_BYTES {
            return Err(BatchError::Decompress(Compression::Snappy));
        }
        // Not even an empty block.
        if !is_framed && compressed.is_empty() {
            return Err(BatchError::Decompress(Compression::Snappy));
        }
        Ok(Blocks {
            rest: compressed,
            is_framed,
        })
    }

    /// Appends the next block to `out`, which must not get longer than `len_max`; false when there is none.
    pub(super) fn append_next(&mut self, out: &mut Vec<u8>, len_max: usize) -> Result<bool, BatchError> {
        if !self.is_framed {
            let block = std::mem::take(&mut self.rest);
            if !block.is_empty() {
                append_block(out, block, len_max)?;
            }
            return Ok(false);
        }
        // snappy-java writes the header anew when streams are concatenated.
        while self.rest.starts_with(FRAME_MAGIC) && self.rest.len() >= FRAME_HEADER_BYTES {
            self.rest = &self.rest[FRAME_HEADER_BYTES..];
        }
        if self.rest.is_empty() {
            return Ok(false);
        }
        let refused = BatchError::Decompress(Compression::Snappy);
        let (length, after) = self.rest.split_first_chunk::<4>().ok_or(refused.clone())?;
        let (block, after) = usize::try_from(i32::from_be_bytes(*length))
            .ok()
            .and_then(|length| after.split_at_checked(length))
            .ok_or(refused)?;
        append_block(out, block, len_max)?;
        self.rest = after;
        Ok(true)
    }
}

/// A bare block says its expanded length first; snappy cannot expand beyond 64 bytes for 3, so a greater claim is a lie
/// and nothing is allocated for it.
fn append_block(out: &mut Vec<u8>, block: &[u8], bytes_max: usize) -> Result<(), BatchError> {
    let refuse = |_| BatchError::Decompress(Compression::Snappy);
    let length = snap::raw::decompress_len(block).map_err(refuse)?;
    if length > block.len().saturating_mul(22) {
        return Err(BatchError::Decompress(Compression::Snappy));
    }
    if out.len() + length > bytes_max {
        return Err(BatchError::Bomb(bytes_max));
    }
    let start = out.len();
    out.resize(start + length, 0);
    let written = snap::raw::Decoder::new()
        .decompress(block, &mut out[start..])
        .map_err(refuse)?;
    if written == length {
        Ok(())
    } else {
        Err(BatchError::Decompress(Compression::Snappy))
    }
}
