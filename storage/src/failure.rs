//! What goes wrong with a disk, by type. A storage fault is never retried and never hidden: the journal that saw one
//! acknowledges nothing any more, and the process is expected to end (STORAGE rule: after a failed flush, what the
//! kernel kept in memory says nothing about what is on the disk).

use std::io;

/// The store cannot be opened. The text is for an operator: what was found, where, and what would be right.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error("{path}: {source}")]
    Io { path: String, source: io::Error },
    /// The directory belongs to another cluster or broker, or is no data directory of ours.
    #[error("{0}")]
    Refused(String),
    /// Written by a newer release.
    #[error(
        "{path}: format version {found} is newer than the {known} that this release reads; use the release that wrote it"
    )]
    Newer { path: String, found: u32, known: u32 },
    /// Written by an older release, of a kind that no release reads any more.
    #[error(
        "{path}: format version {found} is older than the {known} that this release reads; start with an empty data \
         directory, or use the release that wrote it"
    )]
    Older { path: String, found: u32, known: u32 },
    /// What must be intact is not, and guessing could lose acknowledged records.
    #[error("{path}: {what}")]
    Corrupt { path: String, what: String },
}

impl OpenError {
    pub(crate) fn io(path: &str, source: io::Error) -> OpenError {
        OpenError::Io {
            path: path.to_string(),
            source,
        }
    }
}

/// A disk operation of a running store failed. From the first one on the store is poisoned: no ticket ever succeeds.
#[derive(Clone, Debug, thiserror::Error)]
#[error("storage failed: {0}")]
pub struct StorageError(pub String);

/// The record that a ticket stands for may or may not be on the disk; nobody may be told that it is.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the journal failed before this record was durable")]
pub struct Failed;
