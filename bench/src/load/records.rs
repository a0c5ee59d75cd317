//! What is in the records: a key from the distribution, a value of the wanted size, and in its first bytes when the
//! record was meant to be sent.
//!
//! The bytes behind that are drawn once from the seed and sliced at a moving place, so that no two records are
//! alike and making one costs a copy.

use crate::{
    clock::Nanos,
    random::{Random, Zipf},
    words::{Keys, Size},
};

/// Bytes of a stamp: which run it is of, and the intended time.
pub const STAMP_BYTES: usize = 16;
const FILLER_BYTES: usize = 1 << 20;
/// Bytes that are alike for compressors when not everything is random.
const PATTERN: &[u8; 16] = b"corelane-bench, ";

pub struct Records {
    random: Random,
    size: Size,
    keys: KeyDraw,
    stamp: u64,
    filler: Vec<u8>,
    value: Vec<u8>,
    key: String,
}

enum KeyDraw {
    None,
    Uniform(u32),
    Zipf(Zipf),
}

impl Records {
    /// `random_percent` of each value's bytes are random, the rest is a pattern that compresses to nothing.
    pub fn new(seed: u64, stamp: u64, size: Size, keys: Keys, random_percent: u8) -> Records {
        let mut random = Random::new(seed);
        let most = size.most() as usize;
        let mut filler = vec![0; FILLER_BYTES + most];
        for chunk in filler.chunks_mut(100) {
            let (noise, pattern) = chunk.split_at_mut(chunk.len().min(usize::from(random_percent)));
            random.fill(noise);
            for (byte, from) in pattern.iter_mut().zip(PATTERN.iter().cycle()) {
                *byte = *from;
            }
        }
        Records {
            random,
            size,
            keys: match keys {
                Keys::None => KeyDraw::None,
                Keys::Uniform(count) => KeyDraw::Uniform(count),
                Keys::Zipf(count, exponent) => KeyDraw::Zipf(Zipf::new(count, exponent)),
            },
            stamp,
            filler,
            value: Vec::with_capacity(most),
            key: String::new(),
        }
    }

    /// Makes the next record; [`Records::key`] and [`Records::value`] are its parts.
    pub fn draw(&mut self, intended: Nanos) {
        let rank = match &self.keys {
            KeyDraw::None => None,
            KeyDraw::Uniform(count) => Some(self.random.below(u64::from(*count)) as u32),
            KeyDraw::Zipf(zipf) => Some(zipf.draw(&mut self.random)),
        };
        self.key.clear();
        if let Some(rank) = rank {
            use std::fmt::Write;
            write!(self.key, "key-{rank:08}").expect("writing to a string");
        }
        let size = self.size.draw(&mut self.random);
        let at = self.random.below(FILLER_BYTES as u64) as usize;
        self.value.clear();
        self.value.extend_from_slice(&self.filler[at..at + size]);
        if size >= STAMP_BYTES {
            self.value[..8].copy_from_slice(&self.stamp.to_le_bytes());
            self.value[8..STAMP_BYTES].copy_from_slice(&intended.to_le_bytes());
        }
    }

    pub fn key(&self) -> Option<&[u8]> {
        (!self.key.is_empty()).then_some(self.key.as_bytes())
    }

    pub fn value(&self) -> &[u8] {
        &self.value
    }

    pub fn has_keys(&self) -> bool {
        !matches!(self.keys, KeyDraw::None)
    }
}

/// The intended time of a record of this run; `None` for one of another.
pub fn stamped(value: &[u8], stamp: u64) -> Option<Nanos> {
    let (run, rest) = value.split_first_chunk::<8>()?;
    let intended = rest.first_chunk::<8>()?;
    (u64::from_le_bytes(*run) == stamp).then(|| u64::from_le_bytes(*intended))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stamp_is_read_back_by_its_own_run_only() {
        let size = "uniform:16-40".parse().unwrap();
        let mut records = Records::new(3, 77, size, Keys::Uniform(10), 50);
        for intended in [1, 1 << 40] {
            records.draw(intended);
            assert_eq!(stamped(records.value(), 77), Some(intended));
            assert_eq!(stamped(records.value(), 78), None);
            assert!(records.key().is_some());
        }
        assert_eq!(stamped(b"short", 77), None);
    }

    #[test]
    fn the_random_part_is_as_large_as_asked() {
        let compressed = |percent| {
            let mut records = Records::new(3, 1, "64KiB".parse().unwrap(), Keys::None, percent);
            records.draw(1);
            let mut batch =
                corelane_protocol::records::Builder::new().compression(corelane_protocol::records::Compression::Zstd);
            batch.push(0, None, Some(records.value()));
            batch.build().len() * 100 / records.value().len()
        };
        assert!(compressed(100) >= 99);
        assert!((40..60).contains(&compressed(50)), "{}", compressed(50));
        assert!(compressed(0) < 5);
    }
}
