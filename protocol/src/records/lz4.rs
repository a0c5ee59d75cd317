//! LZ4 frames as Kafka's clients write them since message format v2: 64 KiB independent blocks, no block checksum, a
//! right header checksum (the wrong one of format v0 is not spoken).

use std::io::{self, Write};

use lz4_flex::frame::{BlockMode, BlockSize, FrameDecoder, FrameEncoder, FrameInfo};

pub(super) fn compress(records: &[u8]) -> io::Result<Vec<u8>> {
    let mut encoder = encoder();
    encoder.write_all(records)?;
    Ok(encoder.finish()?)
}

pub(super) fn encoder() -> FrameEncoder<Vec<u8>> {
    let frame = FrameInfo::new()
        .block_size(BlockSize::Max64KB)
        .block_mode(BlockMode::Independent);
    FrameEncoder::with_frame_info(frame, Vec::new())
}

/// A reader of what `compressed`, exactly one frame, expands to.
///
/// The library takes the end of its input for the end of a frame. Java's reader asks for the end mark and waits for it for
/// good, so a frame without one, or with anything behind it, must not get into a log.
pub(super) fn decoder(compressed: &[u8]) -> Option<FrameDecoder<&[u8]>> {
    is_one_frame(compressed).then(|| FrameDecoder::new(compressed))
}

const CONTENT_SIZE_BIT: u8 = 0x08;
const CONTENT_CHECKSUM_BIT: u8 = 0x04;
const BLOCK_CHECKSUM_BIT: u8 = 0x10;
const DICTIONARY_BIT: u8 = 0x01;
/// Magic number, flags and block size; optional fields and the header's checksum follow.
const FIXED_HEADER_BYTES: usize = 6;
const UNCOMPRESSED_BIT: u32 = 1 << 31;

/// Walks over the blocks without looking into them: do they end with an end mark, and the bytes with the frame?
fn is_one_frame(frame: &[u8]) -> bool {
    let Some(&flags) = frame.get(4) else {
        return false;
    };
    let bytes_if = |bit: u8, bytes: usize| if flags & bit != 0 { bytes } else { 0 };
    let header_bytes = FIXED_HEADER_BYTES + bytes_if(CONTENT_SIZE_BIT, 8) + bytes_if(DICTIONARY_BIT, 4) + 1;
    let block_checksum_bytes = bytes_if(BLOCK_CHECKSUM_BIT, 4);
    let Some(mut rest) = frame.get(header_bytes..) else {
        return false;
    };
    loop {
        let Some((&length, blocks)) = rest.split_first_chunk::<4>() else {
            return false;
        };
        let length = u32::from_le_bytes(length);
        if length == 0 {
            return blocks.len() == bytes_if(CONTENT_CHECKSUM_BIT, 4);
        }
        let bytes = (length & !UNCOMPRESSED_BIT) as usize;
        // Java takes an empty block for an end mark whatever its highest bit says.
        match blocks.get(bytes + block_checksum_bytes..) {
            Some(after) if bytes > 0 => rest = after,
            _ => return false,
        }
    }
}
