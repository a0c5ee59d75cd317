//! The four codecs of a batch's records, each bounded when it expands: what comes in is a stranger's.

use std::io::{self, Read, Write};

use super::error::BatchError;
use super::{lz4, snappy};

/// How the records of a batch are compressed: the low three bits of its attributes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Compression {
    #[default]
    None,
    Gzip,
    /// In the framing of the Java library ("xerial"); bare snappy, as some clients send it, is read too.
    Snappy,
    /// The LZ4 frame format.
    Lz4,
    Zstd,
}

impl Compression {
    pub const ALL: [Compression; 5] = [
        Compression::None,
        Compression::Gzip,
        Compression::Snappy,
        Compression::Lz4,
        Compression::Zstd,
    ];

    pub fn from_id(id: u8) -> Result<Compression, BatchError> {
        Compression::ALL
            .get(usize::from(id))
            .copied()
            .ok_or(BatchError::UnknownCompression(id))
    }

    pub fn id(self) -> u8 {
        self as u8
    }

    /// Kafka's name, as in `compression.type`.
    pub fn name(self) -> &'static str {
        match self {
            Compression::None => "none",
            Compression::Gzip => "gzip",
            Compression::Snappy => "snappy",
            Compression::Lz4 => "lz4",
            Compression::Zstd => "zstd",
        }
    }

    pub(super) fn compress(self, records: &[u8]) -> Vec<u8> {
        // Writing to memory cannot fail, so an error here would be the library's invariant broken.
        self.try_compress(records).expect("compressing in memory")
    }

    fn try_compress(self, records: &[u8]) -> io::Result<Vec<u8>> {
        match self {
            Compression::None => Ok(records.to_vec()),
            Compression::Gzip => {
                let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
                encoder.write_all(records)?;
                encoder.finish()
            }
            Compression::Snappy => Ok(snappy::compress(records)),
            Compression::Lz4 => lz4::compress(records),
            Compression::Zstd => zstd::bulk::compress(records, zstd::DEFAULT_COMPRESSION_LEVEL),
        }
    }

    /// Expands `compressed`, which must be wholly one stream, to at most `bytes_max` bytes.
    pub(super) fn decompress(self, compressed: &[u8], bytes_max: usize) -> Result<Vec<u8>, BatchError> {
        let refuse = |_| BatchError::Decompress(self);
        match self {
            Compression::None if compressed.len() > bytes_max => Err(BatchError::Bomb(bytes_max)),
            Compression::None => Ok(compressed.to_vec()),
            Compression::Gzip => self.read_bounded(flate2::bufread::MultiGzDecoder::new(compressed), bytes_max),
            Compression::Snappy => snappy::decompress(compressed, bytes_max),
            Compression::Lz4 => self.read_bounded(lz4::decoder(compressed), bytes_max),
            Compression::Zstd => self.read_bounded(
                zstd::stream::read::Decoder::with_buffer(compressed).map_err(refuse)?,
                bytes_max,
            ),
        }
    }

    fn read_bounded(self, reader: impl Read, bytes_max: usize) -> Result<Vec<u8>, BatchError> {
        let mut out = Vec::new();
        reader
            .take(bytes_max as u64 + 1)
            .read_to_end(&mut out)
            .map_err(|_| BatchError::Decompress(self))?;
        if out.len() > bytes_max {
            Err(BatchError::Bomb(bytes_max))
        } else {
            Ok(out)
        }
    }
}
