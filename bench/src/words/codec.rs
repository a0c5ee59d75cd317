//! How batches are compressed, by Kafka's names.

use std::{fmt, str::FromStr};

use corelane_protocol::records::Compression;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Codec(pub Compression);

impl FromStr for Codec {
    type Err = String;

    fn from_str(words: &str) -> Result<Codec, String> {
        Compression::ALL
            .into_iter()
            .find(|codec| codec.name() == words)
            .map(Codec)
            .ok_or_else(|| {
                let names = Compression::ALL.map(Compression::name).join(", ");
                format!("\"{words}\" is no codec: write one of {names}")
            })
    }
}

impl fmt::Display for Codec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.name())
    }
}
