//! Why bytes from outside were refused, and at which byte.

/// Bytes that are not what the schema says. `at` counts bytes from the start of what the [`super::Reader`] was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{problem} at byte {at}")]
pub struct DecodeError {
    /// Position where reading the offending value began, in bytes.
    pub at: usize,
    /// What is wrong there.
    pub problem: Problem,
}

/// What can be wrong with bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// A value needs more bytes than remain.
    #[error("{needed} bytes needed, {remaining} remain")]
    Short { needed: usize, remaining: usize },
    /// A length or count that no valid value has: below -1, over the input, or a string over 32767 bytes.
    #[error("impossible length {0}")]
    Length(i64),
    /// Arrays that together have more elements than the reader was told to take.
    #[error("more than {0} array elements")]
    Items(usize),
    /// Null where this version has no null.
    #[error("null in a field that cannot be null in this version")]
    Null,
    /// A string that is not UTF-8.
    #[error("string is not UTF-8")]
    Utf8,
    /// A varint that does not fit its type.
    #[error("varint too long")]
    Varint,
    /// A known tagged field whose stated size is not that of its value.
    #[error("tagged field {tag} has {left} bytes after its value")]
    TaggedSize { tag: u32, left: usize },
    /// The message has no such version.
    #[error("version {0} does not exist")]
    Version(i16),
}
