//! What lies in a file of ours, said item by item, also when the file is damaged: for whoever looks at a broker's disk at night.
//!
//! Reads through [`Source`] and never writes, so it may look at what a running broker writes: what it sees then is some moment's,
//! and the newest of it may be half there. Nothing is believed for an allocation: no buffer is larger than what is left of the
//! file. After damage it goes on where that can be told, and says which bytes it had to leave out.
//!
//! What counts after a crash is decided by recovery alone (`journal/recovery.rs`), which sees all files together; here each file
//! speaks for itself.

mod beside;
mod checkpoint;
mod item;
mod journal;
mod segment;
mod superblock;

use std::ops::ControlFlow;

pub use item::{Item, Value};

/// Bytes of a file, wherever they come from.
pub trait Source {
    /// How long the file is.
    fn bytes(&self) -> u64;
    /// Fills `into` from `at`, which is within the file.
    ///
    /// # Errors
    /// Why these bytes cannot be had.
    fn read(&self, at: u64, into: &mut [u8]) -> Result<(), String>;
}

impl Source for &[u8] {
    fn bytes(&self) -> u64 {
        self.len() as u64
    }

    fn read(&self, at: u64, into: &mut [u8]) -> Result<(), String> {
        let found = usize::try_from(at)
            .ok()
            .and_then(|at| self.get(at..at.checked_add(into.len())?));
        into.copy_from_slice(found.ok_or("beyond the end")?);
        Ok(())
    }
}

/// Up to `wanted` bytes from `at`: fewer only at the end of the file.
fn read(source: &dyn Source, at: u64, wanted: usize) -> Result<Vec<u8>, String> {
    let left = source.bytes().saturating_sub(at);
    let mut bytes = vec![0; wanted.min(usize::try_from(left).unwrap_or(usize::MAX))];
    if !bytes.is_empty() {
        source.read(at, &mut bytes)?;
    }
    Ok(bytes)
}

/// Takes items in the order of the file; `Break` ends the inspection.
pub type Sink<'a> = &'a mut dyn FnMut(Item) -> ControlFlow<()>;

/// How much is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Detail {
    /// Frames, batches, logs.
    Outline,
    /// Also what is in them.
    Full,
}

/// What the engine writes. A raft group's snapshot is its owner's format, which storage does not know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileKind {
    Superblock,
    Journal,
    Checkpoint,
    Segment,
    OffsetIndex,
    TimeIndex,
    ProducerSnapshot,
    LeaderEpochs,
}

impl FileKind {
    pub const ALL: [FileKind; 8] = [
        FileKind::Superblock,
        FileKind::Journal,
        FileKind::Checkpoint,
        FileKind::Segment,
        FileKind::OffsetIndex,
        FileKind::TimeIndex,
        FileKind::ProducerSnapshot,
        FileKind::LeaderEpochs,
    ];

    pub const fn name(self) -> &'static str {
        match self {
            FileKind::Superblock => "superblock",
            FileKind::Journal => "journal",
            FileKind::Checkpoint => "checkpoint",
            FileKind::Segment => "segment",
            FileKind::OffsetIndex => "index",
            FileKind::TimeIndex => "timeindex",
            FileKind::ProducerSnapshot => "snapshot",
            FileKind::LeaderEpochs => "leader-epochs",
        }
    }

    /// By the file's name, without its directory.
    pub fn of_name(name: &str) -> Option<FileKind> {
        let name = name.strip_suffix(".new").unwrap_or(name);
        let extension = name.rsplit_once('.').map_or("", |(_, extension)| extension);
        Some(match (name, extension) {
            ("superblock.a" | "superblock.b", _) => FileKind::Superblock,
            ("ckpt.a" | "ckpt.b", _) => FileKind::Checkpoint,
            ("leader-epoch-checkpoint", _) => FileKind::LeaderEpochs,
            (_, "wal") => FileKind::Journal,
            (_, "log") => FileKind::Segment,
            (_, "index") => FileKind::OffsetIndex,
            (_, "timeindex") => FileKind::TimeIndex,
            (_, "snapshot") => FileKind::ProducerSnapshot,
            _ => return None,
        })
    }
}

/// Tells everything of one file. `base_offset` is what the names of a segment and of its indexes begin with.
pub fn inspect(
    kind: FileKind,
    source: &dyn Source,
    base_offset: Option<i64>,
    detail: Detail,
    out: Sink<'_>,
) -> ControlFlow<()> {
    match kind {
        FileKind::Superblock => superblock::inspect(source, out),
        FileKind::Journal => journal::inspect(source, detail, out),
        FileKind::Checkpoint => checkpoint::inspect(source, detail, out),
        FileKind::Segment => segment::inspect(source, base_offset, detail, out),
        FileKind::OffsetIndex => beside::offset_index(source, base_offset, out),
        FileKind::TimeIndex => beside::time_index(source, base_offset, out),
        FileKind::ProducerSnapshot => beside::producer_snapshot(source, out),
        FileKind::LeaderEpochs => beside::leader_epochs(source, out),
    }
}
