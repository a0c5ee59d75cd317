//! How large a record's value is: `1024` or `1KiB` (all alike), `uniform:100-2000`.

use std::{fmt, str::FromStr};

use super::ByteCount;
use crate::random::Random;

/// Kafka's default `max.message.bytes` less some room for the batch around the record.
pub const RECORD_BYTES_MAX: u64 = 64 << 20;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Size {
    Fixed(ByteCount),
    /// From one to the other, inclusive.
    Uniform(ByteCount, ByteCount),
}

impl Size {
    pub fn least(self) -> u64 {
        match self {
            Size::Fixed(ByteCount(bytes)) | Size::Uniform(ByteCount(bytes), _) => bytes,
        }
    }

    pub fn most(self) -> u64 {
        match self {
            Size::Fixed(ByteCount(bytes)) | Size::Uniform(_, ByteCount(bytes)) => bytes,
        }
    }

    pub fn draw(self, random: &mut Random) -> usize {
        match self {
            Size::Fixed(ByteCount(bytes)) => bytes as usize,
            Size::Uniform(ByteCount(least), ByteCount(most)) => (least + random.below(most - least + 1)) as usize,
        }
    }
}

impl FromStr for Size {
    type Err = String;

    fn from_str(words: &str) -> Result<Size, String> {
        let size = match words.strip_prefix("uniform:") {
            None => Size::Fixed(
                words
                    .parse()
                    .map_err(|_| format!("\"{words}\" is not a size: write 1024, 1KiB or uniform:100-2000"))?,
            ),
            Some(range) => match range.split_once('-').map(|(from, to)| (from.parse(), to.parse())) {
                Some((Ok(least), Ok(most))) if least <= most => Size::Uniform(least, most),
                _ => return Err(format!("\"{range}\" is not a range of sizes: write uniform:100-2000")),
            },
        };
        if size.most() > RECORD_BYTES_MAX {
            return Err(format!(
                "\"{words}\" is more than a record may have here, {}",
                ByteCount(RECORD_BYTES_MAX)
            ));
        }
        Ok(size)
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Size::Fixed(bytes) => bytes.fmt(f),
            Size::Uniform(least, most) => write!(f, "uniform:{least}-{most}"),
        }
    }
}
