//! The one trait between the engine and a disk.
//!
//! Everything the engine knows of a file system is here, so that the same engine runs on a core's ring and on a
//! simulated disk that crashes between any two sectors. Paths are relative to the data directory and use `/`.
//! All file I/O is direct: positions, lengths and addresses are multiples of [`BLOCK`] (asserted by implementations).
//! A buffer is owned by the operation while it runs and handed back after, so that a dropped future can never free
//! memory that the kernel still uses.

use std::io;

use aligned_vec::{AVec, ConstAlign};
use bytes::Bytes;

/// Alignment, in bytes, of every position, length and address given to a [`DiskFile`].
pub const BLOCK: usize = 4096;

/// Memory that direct I/O may use.
pub type AlignedBuf = AVec<u8, ConstAlign<BLOCK>>;

/// `len` zero bytes, aligned for direct I/O.
pub fn aligned_zeroed(len: usize) -> AlignedBuf {
    let mut buffer = AlignedBuf::with_capacity(BLOCK, len);
    buffer.resize(len, 0);
    buffer
}

/// How a file is opened. Files are always readable and writable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Open {
    /// The file must exist.
    Existing,
    /// The file must not exist; the caller makes it last with [`Disk::sync_dir`].
    New,
}

/// What a write must have reached when it completes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sync {
    /// Nothing: a later [`DiskFile::flush`] covers it.
    Later,
    /// The bytes are on stable storage: one write followed by one data flush, linked where the ring can.
    Data,
}

/// Which queue an operation belongs to, so that a reader far behind never slows an acknowledgement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// Journal and superblock: a client waits for it.
    Journal,
    /// Segment write-out, checkpoints, recovery.
    Background,
    /// Reads of consumers that are behind the tail.
    CatchUp,
}

/// How large a file system is, and what of it an ordinary user may still take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VolumeSpace {
    pub total_bytes: u64,
    pub free_bytes: u64,
}

/// One core's view of the data directory. Cheap to clone.
pub trait Disk: Clone + 'static {
    type File: DiskFile;

    /// Opens a file for direct I/O.
    fn open(&self, path: &str, open: Open, class: Class) -> impl Future<Output = io::Result<Self::File>>;
    /// Names (not paths) in a directory, sorted; an absent directory is an error of kind `NotFound`.
    fn list(&self, directory: &str) -> impl Future<Output = io::Result<Vec<String>>>;
    /// Makes a directory and its parents; it is no error if it exists.
    fn create_dir(&self, directory: &str) -> impl Future<Output = io::Result<()>>;
    fn rename(&self, from: &str, to: &str) -> impl Future<Output = io::Result<()>>;
    /// Removes a file, or an empty directory.
    fn remove(&self, path: &str) -> impl Future<Output = io::Result<()>>;
    /// Makes creations, renames and removals in a directory last.
    fn sync_dir(&self, directory: &str) -> impl Future<Output = io::Result<()>>;
    /// Of the file system, now.
    fn space(&self) -> impl Future<Output = io::Result<VolumeSpace>>;
    /// Files that may be kept open only to be read again; more are opened and closed for what is done.
    fn kept_files_max(&self) -> usize;
    /// Where this is, for whoever reads the log.
    fn location(&self) -> String;
    /// Writes a whole small file that Kafka's tools read (for example `leader-epoch-checkpoint`), by rename.
    fn write_whole(&self, path: &str, content: &[u8]) -> impl Future<Output = io::Result<()>>;
}

/// An open file. Cheap to clone; clones share the descriptor, which is closed with the last of them.
pub trait DiskFile: Clone + 'static {
    /// Reads up to `buffer.len()` bytes; fewer only at the end of the file.
    fn read_at(&self, position: u64, buffer: AlignedBuf) -> impl Future<Output = (io::Result<usize>, AlignedBuf)>;
    /// Writes all of `bytes`; a short write is an error. With [`Sync::Data`], they are on stable storage after.
    fn write_at(&self, position: u64, bytes: Bytes, sync: Sync) -> impl Future<Output = io::Result<()>>;
    /// Makes all completed writes and the metadata needed to read them durable. After an error, never call it again.
    fn flush(&self) -> impl Future<Output = io::Result<()>>;
    /// Reserves space beyond the end without changing the size (`FALLOC_FL_KEEP_SIZE`).
    fn allocate(&self, position: u64, len: u64) -> impl Future<Output = io::Result<()>>;
    /// Cuts or extends the file to exactly `len` bytes (need not be a multiple of [`BLOCK`]).
    fn truncate(&self, len: u64) -> impl Future<Output = io::Result<()>>;
    fn size(&self) -> impl Future<Output = io::Result<u64>>;
}
