//! The small languages of the command line: sizes, keys, targets. Each reads itself from words, says what would be
//! right when the words are wrong, and writes itself as the same words into results.

mod bytes;
mod codec;
mod keys;
mod size;
mod target;

pub use bytes::ByteCount;
pub use codec::Codec;
pub use keys::Keys;
pub use size::Size;
pub use target::{NoteOf, ProcessOf, Target};

/// Serde through the words themselves, so that a result file reads like a command line.
macro_rules! serde_as_words {
    ($($name:ty),*) => {$(
        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
            }
        }
    )*};
}

serde_as_words!(ByteCount, Codec, Keys, Size);

#[cfg(test)]
mod tests;
