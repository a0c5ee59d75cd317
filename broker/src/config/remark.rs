//! What whoever gives a value to a key should know, if it does less than it says: for the log, and for the command that gave it.

use super::{
    broker::NOT_COMPACTED,
    key::{Effect, Key, find},
};

/// None: it does what it says.
pub fn remark(keys: &[Key], name: &str, value: &str) -> Option<String> {
    match find(keys, name)?.effect {
        Effect::Nothing(reason) => Some(format!("{name} changes nothing here: {reason}")),
        _ if name.ends_with("cleanup.policy") && value.contains("compact") => Some(format!("{name}: {NOT_COMPACTED}")),
        _ => None,
    }
}
