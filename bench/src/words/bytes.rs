//! A number of bytes with an optional binary unit: `1024`, `16KiB`, `1MiB`, `5GiB`.

use std::{fmt, str::FromStr};

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ByteCount(pub u64);

const UNITS: [(&str, u64); 4] = [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10), ("B", 1)];

impl ByteCount {
    pub fn bytes(self) -> usize {
        self.0 as usize
    }
}

impl FromStr for ByteCount {
    type Err = String;

    fn from_str(words: &str) -> Result<ByteCount, String> {
        let digits = words.bytes().take_while(u8::is_ascii_digit).count();
        let (number, unit) = words.split_at(digits);
        let factor = match unit {
            "" => Some(1),
            // Kafka's own tools never say which K they mean; here it is always 1024.
            unit => UNITS
                .iter()
                .find(|(name, _)| name.eq_ignore_ascii_case(unit))
                .map(|(_, factor)| *factor),
        };
        match (number.parse::<u64>(), factor) {
            (Ok(number), Some(factor)) if number.checked_mul(factor).is_some() => Ok(ByteCount(number * factor)),
            _ => Err(format!(
                "\"{words}\" is not a number of bytes: write 1024, 16KiB, 1MiB or 5GiB"
            )),
        }
    }
}

impl fmt::Display for ByteCount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let whole = UNITS
            .iter()
            .find(|(_, factor)| self.0 >= *factor && self.0.is_multiple_of(*factor));
        match whole {
            Some((unit, factor)) if *factor > 1 => write!(f, "{}{unit}", self.0 / factor),
            _ => write!(f, "{}", self.0),
        }
    }
}
