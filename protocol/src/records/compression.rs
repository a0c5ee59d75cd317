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
        let mut expansion = Expansion::new(self, compressed, bytes_max)?;
        let mut out = Vec::new();
        while expansion.append(&mut out, usize::MAX)? {}
        Ok(out)
    }
}

/// What a stream expands to, piece by piece and never more than was allowed.
pub(super) struct Expansion<'a> {
    codec: Compression,
    source: Source<'a>,
    bytes_max: usize,
    bytes: usize,
}

enum Source<'a> {
    Stream(Box<dyn Read + 'a>),
    Snappy(snappy::Blocks<'a>),
}

impl<'a> Expansion<'a> {
    /// `compressed` must be wholly one stream.
    pub(super) fn new(codec: Compression, compressed: &'a [u8], bytes_max: usize) -> Result<Expansion<'a>, BatchError> {
        let refused = || BatchError::Decompress(codec);
        let source = match codec {
            Compression::None => Source::Stream(Box::new(compressed)),
            Compression::Gzip => Source::Stream(Box::new(flate2::bufread::MultiGzDecoder::new(compressed))),
            Compression::Snappy => Source::Snappy(snappy::Blocks::new(compressed)?),
            Compression::Lz4 => Source::Stream(Box::new(lz4::decoder(compressed).ok_or_else(refused)?)),
            Compression::Zstd => {
                let decoder = zstd::stream::read::Decoder::with_buffer(compressed).map_err(|_| refused())?;
                Source::Stream(Box::new(decoder))
            }
        };
        Ok(Expansion {
            codec,
            source,
            bytes_max,
            bytes: 0,
        })
    }

    /// Bytes that came so far.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Appends at most so many bytes to `out`, or one block where a codec has only whole ones; false when that was the end.
    pub(super) fn append(&mut self, out: &mut Vec<u8>, bytes: usize) -> Result<bool, BatchError> {
        let left = self.bytes_max - self.bytes;
        let before = out.len();
        let bytes_max = self.bytes_max;
        let in_whole = |error| match error {
            BatchError::Bomb(_) => BatchError::Bomb(bytes_max),
            other => other,
        };
        let more = match &mut self.source {
            Source::Stream(stream) => {
                // One more than is allowed, to tell that there is more.
                let wanted = bytes.clamp(1, left.saturating_add(1));
                let took = stream.take(wanted as u64).read_to_end(out);
                took.map_err(|_| BatchError::Decompress(self.codec))? == wanted
            }
            Source::Snappy(blocks) => loop {
                let appended = blocks.append_next(out, before.saturating_add(left));
                if !appended.map_err(in_whole)? {
                    break false;
                }
                if out.len() - before >= bytes {
                    break true;
                }
            },
        };
        let came = out.len() - before;
        self.bytes += came.min(left);
        if came > left {
            return Err(BatchError::Bomb(self.bytes_max));
        }
        Ok(more)
    }
}
