//! What one core keeps of the files that its consumers read: open files, and chunks of them, read before they are asked for.
//!
//! ```text
//!   a read of [from, to) ──> Plan: is somebody going on where they were? ──> chunks to load, chunks to let go of
//!                                          └─> loads begin at once, nobody waits ──> the next read finds them here
//! ```
//! What is below a segment's position never changes, and a file's number is never given again, so a chunk is right for as
//! long as it is here. All chunks together are [`CHUNKS_MAX`]; what answers hold beyond that is counted by who lends it.

mod ahead;
mod buffers;
mod files;
#[cfg(test)]
mod tests;

use std::{cell::RefCell, collections::BTreeMap, io, rc::Rc};

use bytes::Bytes;
use futures_util::future::{FutureExt, LocalBoxFuture, Shared};

use self::{ahead::Plan, buffers::Buffers, files::OpenFiles};
use super::super::{FileId, SegmentFile};
use crate::{
    disk::{BLOCK, Class, Disk, DiskFile, Open},
    store::LogId,
};

/// What is read of a file at once. Large enough for a disk's bandwidth with a few under way, small enough to keep some.
pub const CHUNK_BYTES: usize = 512 << 10;
/// 32 MiB a core.
const CHUNKS_MAX: usize = 64;
/// Reads under way beyond which none is begun ahead: a flush of the journal shares the disk with them.
const AHEAD_UNDER_WAY_MAX: usize = 12;

/// A file of a log; no two files of a store are ever the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct FileKey {
    pub log: LogId,
    pub file: FileId,
}

/// The chunk of this number, counted from a file's beginning.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct ChunkKey {
    file: FileKey,
    number: u64,
}

/// Bytes on their way from the disk, for all who wait for them.
type Load = Shared<LocalBoxFuture<'static, Result<Bytes, Rc<io::Error>>>>;

struct Chunk {
    load: Load,
    /// As far into the file as was asked for: an active segment grows.
    end: u64,
}

/// One core's; see the module.
pub struct ReadCache<F> {
    files: RefCell<OpenFiles<F>>,
    plan: RefCell<Plan>,
    chunks: RefCell<BTreeMap<ChunkKey, Chunk>>,
    buffers: Buffers,
}

impl<F: DiskFile> ReadCache<F> {
    pub fn new(files_max: usize) -> ReadCache<F> {
        ReadCache {
            files: RefCell::new(OpenFiles::new(files_max)),
            plan: RefCell::new(Plan::new(CHUNKS_MAX)),
            chunks: RefCell::default(),
            buffers: Buffers::default(),
        }
    }

    /// The file, opened if it is not.
    pub async fn open<D: Disk<File = F>>(&self, disk: &D, key: FileKey, file: &SegmentFile) -> io::Result<F> {
        if let Some(file) = self.files.borrow_mut().get(key) {
            return Ok(file);
        }
        let path = file.log_path();
        let since = self.files.borrow().removals();
        let opened = disk.open(&path, Open::Existing, Class::CatchUp).await?;
        self.files.borrow_mut().keep(key, path, opened.clone(), since);
        Ok(opened)
    }

    /// Files of these paths were removed: nothing keeps their space.
    pub fn removed(&self, paths: &[String]) {
        for key in self.files.borrow_mut().removed(paths) {
            self.forget_chunks(key);
        }
    }

    /// What was read of a file is not as it was written: the next look is at the disk.
    pub fn forget_chunks(&self, file: FileKey) {
        self.chunks.borrow_mut().retain(|key, _| key.file != file);
        self.plan.borrow_mut().forget(file);
    }

    /// Somebody reads `from..to` of a file that counts up to `end`, from the first to the last byte: begins what is not
    /// here, and what comes next.
    pub fn begin(&self, file: &F, key: FileKey, from: u64, to: u64, end: u64) {
        let to = to.min(end);
        if from >= to {
            return;
        }
        let (first, last) = (chunk_of(from), chunk_of(to - 1));
        let ahead = self.plan.borrow_mut().on_read(key, first, last);
        for number in first..=(last + ahead).min(chunk_of(end - 1)) {
            let is_wanted = number <= last;
            if !is_wanted && self.under_way() >= AHEAD_UNDER_WAY_MAX {
                return;
            }
            self.load(file, ChunkKey { file: key, number }, end);
        }
    }

    /// The bytes of a chunk of a file that counts up to `end`.
    pub async fn chunk(&self, file: &F, key: FileKey, number: u64, end: u64) -> io::Result<Bytes> {
        let key = ChunkKey { file: key, number };
        loop {
            let was_here = self.chunks.borrow().contains_key(&key);
            let load = self.load(file, key, end);
            let loaded = match load {
                Some(load) => load.await,
                // No room to keep it.
                None => read(file.clone(), self.buffers.clone(), number, chunk_end(number, end)).await,
            };
            match loaded {
                Ok(bytes) => {
                    self.plan.borrow_mut().used(key);
                    return Ok(bytes);
                }
                Err(error) => {
                    self.forget_chunks(key.file);
                    // What failed while it was read ahead is none of this reader's, who has not tried yet.
                    if !was_here {
                        return Err(io::Error::new(error.kind(), error.to_string()));
                    }
                }
            }
        }
    }

    /// The chunk as it is, or begun now; None: there is no room for it.
    fn load(&self, file: &F, key: ChunkKey, end: u64) -> Option<Load> {
        let end = chunk_end(key.number, end);
        let mut chunks = self.chunks.borrow_mut();
        if let Some(chunk) = chunks.get(&key).filter(|chunk| chunk.end >= end) {
            return Some(chunk.load.clone());
        }
        if !chunks.contains_key(&key) {
            let evicted = self.plan.borrow_mut().keep(key)?;
            evicted.and_then(|evicted| chunks.remove(&evicted));
        }
        let load = read(file.clone(), self.buffers.clone(), key.number, end)
            .boxed_local()
            .shared();
        // Looked at once, it is on its way to the disk.
        let _ = load.clone().now_or_never();
        chunks.insert(
            key,
            Chunk {
                load: load.clone(),
                end,
            },
        );
        Some(load)
    }

    fn under_way(&self) -> usize {
        let chunks = self.chunks.borrow();
        let is_under_way = |chunk: &&Chunk| chunk.load.peek().is_none() && chunk.load.clone().now_or_never().is_none();
        chunks.values().filter(is_under_way).count()
    }
}

async fn read<F: DiskFile>(file: F, buffers: Buffers, number: u64, end: u64) -> Result<Bytes, Rc<io::Error>> {
    let start = number * CHUNK_BYTES as u64;
    let counts = (end - start) as usize;
    let (read, buffer) = file.read_at(start, buffers.take(counts.next_multiple_of(BLOCK))).await;
    let bytes = buffers.lend(buffer);
    match read {
        Ok(read) if read >= counts => Ok(bytes.slice(..counts)),
        Ok(_) => Err(Rc::new(io::ErrorKind::UnexpectedEof.into())),
        Err(error) => Err(Rc::new(error)),
    }
}

pub fn chunk_of(position: u64) -> u64 {
    position / CHUNK_BYTES as u64
}

fn chunk_end(number: u64, end: u64) -> u64 {
    end.min((number + 1) * CHUNK_BYTES as u64)
}
