//! Which keys records have: `none`, `uniform:1000` (each of a thousand alike), `zipf:1000` or `zipf:1000:1.2` (a few
//! keys get most).

use std::{fmt, str::FromStr};

/// The table of a Zipf distribution has eight bytes for each.
const KEYS_MAX: u32 = 16_000_000;
const EXPONENT: f64 = 1.0;

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Keys {
    None,
    Uniform(u32),
    Zipf(u32, f64),
}

impl FromStr for Keys {
    type Err = String;

    fn from_str(words: &str) -> Result<Keys, String> {
        let mut parts = words.split(':');
        let kind = parts.next().unwrap_or_default();
        let count = parts.next().map(str::parse::<u32>);
        let exponent = parts.next().map(str::parse::<f64>);
        let keys = match (kind, count, exponent) {
            ("none", None, None) => Some(Keys::None),
            ("uniform", Some(Ok(count)), None) => Some(Keys::Uniform(count)),
            ("zipf", Some(Ok(count)), None) => Some(Keys::Zipf(count, EXPONENT)),
            ("zipf", Some(Ok(count)), Some(Ok(exponent))) => Some(Keys::Zipf(count, exponent)),
            _ => None,
        };
        match keys {
            Some(Keys::Uniform(count) | Keys::Zipf(count, _)) if !(1..=KEYS_MAX).contains(&count) => {
                Err(format!("\"{words}\" has {count} keys: there may be 1 to {KEYS_MAX}"))
            }
            Some(Keys::Zipf(_, exponent)) if !(exponent > 0.0 && exponent <= 10.0) => Err(format!(
                "\"{words}\" has the exponent {exponent}: it may be above 0 and up to 10"
            )),
            Some(keys) if parts.next().is_none() => Ok(keys),
            _ => Err(format!(
                "\"{words}\" says no keys: write none, uniform:1000, zipf:1000 or zipf:1000:1.2"
            )),
        }
    }
}

impl fmt::Display for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Keys::None => f.write_str("none"),
            Keys::Uniform(count) => write!(f, "uniform:{count}"),
            Keys::Zipf(count, exponent) => write!(f, "zipf:{count}:{exponent}"),
        }
    }
}
