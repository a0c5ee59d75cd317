//! What must be true of every history, one file each. A checker gives the first thing that is wrong, in words.

mod acked_is_kept;
mod commits_are_kept;
mod no_duplicates;
mod no_protocol_faults;
mod nothing_invented;
mod offsets_are_dense;
mod one_owner;
mod one_value_per_offset;
mod order_is_kept;
mod refused_only_if_rotted;
mod watermark_never_falls;

use crate::history::History;

type Check = fn(&History) -> Result<(), String>;

/// All of them, by name.
pub const ALL: &[(&str, Check)] = &[
    ("no_protocol_faults", no_protocol_faults::check),
    ("acked_is_kept", acked_is_kept::check),
    ("nothing_invented", nothing_invented::check),
    ("no_duplicates", no_duplicates::check),
    ("one_value_per_offset", one_value_per_offset::check),
    ("offsets_are_dense", offsets_are_dense::check),
    ("order_is_kept", order_is_kept::check),
    ("refused_only_if_rotted", refused_only_if_rotted::check),
    ("watermark_never_falls", watermark_never_falls::check),
    ("commits_are_kept", commits_are_kept::check),
    ("one_owner", one_owner::check),
];

/// Everything that is wrong, one line per invariant.
pub fn violations(history: &History) -> Vec<String> {
    let wrong = ALL
        .iter()
        .filter_map(|(name, check)| check(history).err().map(|what| format!("{name}: {what}")));
    wrong.collect()
}

#[cfg(test)]
mod tests;
