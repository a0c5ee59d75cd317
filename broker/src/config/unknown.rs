//! Whether a name and a value fit a table of keys, and the sentence for a key that is in none.

use super::{
    key::{Key, find},
    nearest::nearest,
};

/// Keys of older releases of Kafka, with what to say today.
const FORMER: &[(&str, &str)] = &[
    ("port", "listeners=PLAINTEXT://localhost:PORT"),
    ("host.name", "listeners=PLAINTEXT://HOST:9092"),
    ("advertised.port", "advertised.listeners=PLAINTEXT://HOST:PORT"),
    ("advertised.host.name", "advertised.listeners=PLAINTEXT://HOST:PORT"),
    ("data.dir", "log.dirs=DIRECTORY"),
];

/// Whether `value` may be given to a key of this table; the error says what would be right, and where the key is unknown, the
/// nearest that is not.
pub fn validate(keys: &'static [Key], name: &str, value: &str) -> Result<(), String> {
    match find(keys, name) {
        Some(key) => key
            .validate(value)
            .map_err(|right| format!("{name} = '{value}': {right}")),
        None => Err(unknown(keys, name)),
    }
}

/// "there is no key 'x'; did you mean 'y'?"
pub fn unknown(keys: &'static [Key], name: &str) -> String {
    if let Some((_, say)) = FORMER.iter().find(|(former, _)| *former == name) {
        return format!("there is no key '{name}'; say {say}");
    }
    match nearest(name, keys.iter().map(|key| key.name)) {
        Some(near) => format!("there is no key '{name}'; did you mean '{near}'?"),
        None => format!("there is no key '{name}'"),
    }
}
