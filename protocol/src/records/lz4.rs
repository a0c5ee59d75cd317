//! LZ4 frames as Kafka's clients write them since message format v2: 64 KiB independent blocks, no block checksum, a
//! right header checksum (the wrong one of format v0 is not spoken).

use std::io::{self, Write};

use lz4_flex::frame::{BlockMode, BlockSize, FrameDecoder, FrameEncoder, FrameInfo};

pub(super) fn compress(records: &[u8]) -> io::Result<Vec<u8>> {
    let frame = FrameInfo::new()
        .block_size(BlockSize::Max64KB)
        .block_mode(BlockMode::Independent);
    let mut encoder = FrameEncoder::with_frame_info(frame, Vec::new());
    encoder.write_all(records)?;
    Ok(encoder.finish()?)
}

pub(super) fn decoder(compressed: &[u8]) -> FrameDecoder<&[u8]> {
    FrameDecoder::new(compressed)
}
