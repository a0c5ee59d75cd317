//! A batch in another codec, piece by piece: `compression.type` of a topic that does not keep what producers chose.
//!
//! Only the header's codec, length and CRC change besides. The records stay byte for byte, since their offsets and times are
//! relative to the batch.

use std::io::Write;

use bytes::{BufMut, Bytes, BytesMut};

use super::compression::{Compression, Expansion};
use super::error::BatchError;
use super::header::{ATTRIBUTES_AT, BATCH_HEADER_BYTES, BatchHeader, LENGTH_PREFIX_BYTES, seal};
use super::{lz4, snappy};

/// What records expand to between two chances to do something else.
const STEP_BYTES: usize = 128 * 1024;
const COMPRESSION_BITS: i16 = 0x07;

/// A codec, and how hard it tries where it can be told; None is the library's own choice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Target {
    pub codec: Compression,
    pub level: Option<i32>,
}

/// A verified batch on its way into another codec.
pub struct Recompression<'a> {
    batch: &'a [u8],
    target: Target,
    expansion: Expansion<'a>,
    encoder: Encoder,
    window: Vec<u8>,
}

impl<'a> Recompression<'a> {
    /// # Errors
    /// Those of a batch that was not verified.
    pub fn begin(batch: &'a [u8], target: Target, bytes_max: usize) -> Result<Recompression<'a>, BatchError> {
        let header = BatchHeader::parse(batch)?;
        let expansion = Expansion::new(header.compression()?, &batch[BATCH_HEADER_BYTES..], bytes_max)?;
        Ok(Recompression {
            batch,
            target,
            expansion,
            encoder: Encoder::new(target),
            window: Vec::new(),
        })
    }

    /// Goes on; the whole batch once it is done.
    ///
    /// # Errors
    /// Those of a batch that was not verified.
    pub fn step(&mut self) -> Result<Option<Bytes>, BatchError> {
        let more = self.expansion.append(&mut self.window, STEP_BYTES)?;
        self.encoder.write(&self.window);
        self.window.clear();
        if more {
            return Ok(None);
        }
        let records = std::mem::replace(&mut self.encoder, Encoder::Plain(Vec::new())).finish();
        let mut out = BytesMut::with_capacity(BATCH_HEADER_BYTES + records.len());
        out.put_slice(&self.batch[..BATCH_HEADER_BYTES]);
        out.put_slice(&records);
        let length = (out.len() - LENGTH_PREFIX_BYTES) as i32;
        out[LENGTH_PREFIX_BYTES - 4..LENGTH_PREFIX_BYTES].copy_from_slice(&length.to_be_bytes());
        let attributes = i16::from_be_bytes([out[ATTRIBUTES_AT], out[ATTRIBUTES_AT + 1]]);
        let attributes = attributes & !COMPRESSION_BITS | i16::from(self.target.codec.id());
        out[ATTRIBUTES_AT..ATTRIBUTES_AT + 2].copy_from_slice(&attributes.to_be_bytes());
        seal(&mut out);
        Ok(Some(out.freeze()))
    }
}

enum Encoder {
    Plain(Vec<u8>),
    Gzip(flate2::write::GzEncoder<Vec<u8>>),
    Snappy(Box<snappy::Encoder>),
    Lz4(Box<lz4_flex::frame::FrameEncoder<Vec<u8>>>),
    Zstd(zstd::stream::write::Encoder<'static, Vec<u8>>),
}

/// Writing to memory cannot fail, so an error would be the library's invariant broken.
const IN_MEMORY: &str = "compressing in memory";

impl Encoder {
    fn new(target: Target) -> Encoder {
        match target.codec {
            Compression::None => Encoder::Plain(Vec::new()),
            Compression::Gzip => {
                let level = target.level.and_then(|level| u32::try_from(level).ok());
                let level = level.map_or(flate2::Compression::default(), flate2::Compression::new);
                Encoder::Gzip(flate2::write::GzEncoder::new(Vec::new(), level))
            }
            Compression::Snappy => Encoder::Snappy(Box::new(snappy::Encoder::new())),
            Compression::Lz4 => Encoder::Lz4(Box::new(lz4::encoder())),
            Compression::Zstd => {
                let level = target.level.unwrap_or(zstd::DEFAULT_COMPRESSION_LEVEL);
                let encoder = zstd::stream::write::Encoder::new(Vec::new(), level);
                Encoder::Zstd(encoder.expect(IN_MEMORY))
            }
        }
    }

    fn write(&mut self, records: &[u8]) {
        let written = match self {
            Encoder::Plain(out) => out.write_all(records),
            Encoder::Gzip(encoder) => encoder.write_all(records),
            Encoder::Snappy(encoder) => {
                encoder.write(records);
                Ok(())
            }
            Encoder::Lz4(encoder) => encoder.write_all(records),
            Encoder::Zstd(encoder) => encoder.write_all(records),
        };
        written.expect(IN_MEMORY);
    }

    fn finish(self) -> Vec<u8> {
        match self {
            Encoder::Plain(out) => out,
            Encoder::Gzip(encoder) => encoder.finish().expect(IN_MEMORY),
            Encoder::Snappy(encoder) => encoder.finish(),
            Encoder::Lz4(encoder) => encoder.finish().expect(IN_MEMORY),
            Encoder::Zstd(encoder) => encoder.finish().expect(IN_MEMORY),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Builder, Limits, records, verify};
    use super::*;

    /// Records of more than one step, which compress somewhat.
    fn batch(codec: Compression) -> Bytes {
        let mut builder = Builder::new().compression(codec).producer(7, 1, 42);
        for number in 0..4_000u32 {
            let value: Vec<u8> = (0..100).map(|at| (number.wrapping_mul(at) >> 3) as u8).collect();
            builder.push(1_000 + i64::from(number), Some(&number.to_be_bytes()), Some(&value));
        }
        builder.build()
    }

    fn recompressed(batch: &[u8], target: Target) -> Bytes {
        let mut recompression = Recompression::begin(batch, target, usize::MAX).unwrap();
        loop {
            if let Some(done) = recompression.step().unwrap() {
                return done;
            }
        }
    }

    /// Goal: from every codec into every other, the batch is good, its header the same but for codec, length and CRC, and its
    /// records are.
    #[test]
    fn every_codec_into_every_other() {
        for from in Compression::ALL {
            let before = batch(from);
            let held = verify(&before, &Limits::client(usize::MAX)).unwrap();
            let wanted: Vec<_> = records(&before).unwrap().map(|record| record.unwrap()).collect();
            for codec in Compression::ALL {
                let after = recompressed(&before, Target { codec, level: None });
                let verified = verify(&after, &Limits::client(usize::MAX)).unwrap();
                assert_eq!(verified.header.compression().unwrap(), codec);
                let alike = BatchHeader {
                    attributes: held.header.attributes,
                    batch_length: held.header.batch_length,
                    crc: held.header.crc,
                    ..verified.header
                };
                assert_eq!(alike, held.header);
                assert_eq!(verified.records_bytes, held.records_bytes);
                let got: Vec<_> = records(&after).unwrap().map(|record| record.unwrap()).collect();
                assert_eq!(got, wanted, "{from:?} to {codec:?}");
            }
        }
    }

    /// Goal: a level is obeyed: trying harder gives less.
    #[test]
    fn levels_matter() {
        let plain = batch(Compression::None);
        for (codec, little, much) in [(Compression::Gzip, 1, 9), (Compression::Zstd, 1, 19)] {
            let bytes = |level| {
                let level = Some(level);
                recompressed(&plain, Target { codec, level }).len()
            };
            assert!(bytes(much) < bytes(little), "{codec:?}");
        }
    }
}
