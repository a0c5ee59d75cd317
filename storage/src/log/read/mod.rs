//! Reads of what is in files: planned against the log at one moment, done without holding it.
//!
//! Every batch that is handed out had its CRC checked and continues the offsets before it; anything else is an error,
//! never served. A file can go away between plan and read (retention); then it is planned anew.

mod cache;
mod file;
mod time;
mod window;

use bytes::{Bytes, BytesMut};
use corelane_protocol::records::BATCH_HEADER_BYTES;

use super::{PartitionLog, SegmentIndex};
use crate::{
    disk::{Disk, DiskFile},
    journal::frames::Frames,
    store::ReadError,
};
use cache::CHUNK_BYTES;
use window::{Batch, Fault, Source, Window};

pub use cache::ReadCache;
pub use file::{FileRead, LearnedIndex};
pub use time::{FoundRecord, offset_for_timestamp};
pub(crate) use window::scan;

/// Times that a plan is made anew because its file was gone.
const RETRIES: usize = 3;

/// Where the answer is.
#[derive(Clone, Debug)]
pub enum ReadPlan {
    Memory(Vec<Bytes>),
    File(Box<FileRead>),
}

impl PartitionLog {
    /// Where the batches from `from` on are. Only the first part of them, if they are in several places.
    pub fn plan_read(&self, from: i64, upto: i64, bytes_max: usize, frames: &Frames) -> Result<ReadPlan, ReadError> {
        if let Some(damage) = self.damaged().filter(|_| from > self.end_offset) {
            // Where the log ended is not known: a reader must not be sent back as if it had been wrong.
            return Err(ReadError::Corrupt(damage.reason.clone()));
        }
        if from < self.start_offset || from > self.end_offset {
            let (start_offset, end_offset) = (self.start_offset, self.end_offset);
            return Err(ReadError::OutOfRange {
                offset: from,
                start_offset,
                end_offset,
            });
        }
        if from >= upto {
            return Ok(ReadPlan::Memory(Vec::new()));
        }
        if let Some(segment) = self.segments.holding(from) {
            return Ok(ReadPlan::File(Box::new(self.file_read(segment))));
        }
        if let Some(read) = self.partial_read(frames).filter(|read| from < read.end_offset) {
            return Ok(ReadPlan::File(Box::new(read)));
        }
        let batches = self.tail.read(from, upto, bytes_max, frames);
        match self.damaged() {
            Some(damage) if batches.is_empty() => Err(ReadError::Corrupt(damage.reason.clone())),
            _ => Ok(ReadPlan::Memory(batches)),
        }
    }
}

/// Whole batches from the one that holds `from`, with bases below `upto`, while they fit into `bytes_max`; the first
/// one always. `plan` is [`PartitionLog::plan_read`] of an offset and a number of bytes, `learn` gets indexes made.
pub async fn read<D: Disk>(
    disk: &D,
    cache: &ReadCache<D::File>,
    mut plan: impl FnMut(i64, usize) -> Result<ReadPlan, ReadError>,
    mut learn: impl FnMut(LearnedIndex),
    from: i64,
    upto: i64,
    bytes_max: usize,
) -> Result<Vec<Bytes>, ReadError> {
    let mut out: Vec<Bytes> = Vec::new();
    let mut next_offset = from;
    let mut room = bytes_max;
    let mut retries = RETRIES;
    let mut read_again = false;
    loop {
        let file = match plan(next_offset, room) {
            Ok(ReadPlan::File(file)) => file,
            Ok(ReadPlan::Memory(batches)) => {
                let fits = |batch: &&Bytes| out.is_empty() || batch.len() <= room;
                let batches: Vec<Bytes> = batches.iter().take_while(fits).cloned().collect();
                out.extend(batches);
                return Ok(out);
            }
            // The log was cut behind what is read already.
            Err(_) if !out.is_empty() => return Ok(out),
            Err(error) => return Err(error),
        };
        let is_first = out.is_empty();
        match file
            .read_batches(disk, cache, next_offset, upto, room, is_first, &mut learn)
            .await
        {
            Ok((batches, full)) => {
                room = room.saturating_sub(batches.iter().map(Bytes::len).sum());
                out.extend(batches);
                next_offset = file.end_offset;
                if full || room == 0 {
                    return Ok(out);
                }
            }
            // Not of what was kept, or was that the memory's fault?
            Err(Fault::Corrupt { .. }) if out.is_empty() && !read_again => {
                cache.forget_chunks(file.key);
                read_again = true;
            }
            Err(Fault::Gone) if retries > 0 => retries -= 1,
            Err(_) if !out.is_empty() => return Ok(out),
            Err(fault) => return Err(fault.into_error(&file.file)),
        }
    }
}

impl FileRead {
    /// The batches, and whether they are all that is wanted. What lies before a fault is handed out; the fault comes with
    /// the read that begins at it, so that a consumer gets everything up to the damage and then an error.
    #[expect(clippy::too_many_arguments, reason = "a read's place, bounds and surroundings")]
    async fn read_batches<D: Disk>(
        &self,
        disk: &D,
        cache: &ReadCache<D::File>,
        from: i64,
        upto: i64,
        bytes_max: usize,
        is_first: bool,
        learn: &mut impl FnMut(LearnedIndex),
    ) -> Result<(Vec<Bytes>, bool), Fault> {
        let file = self.open(disk, cache).await?;
        let index = self.index(disk, &file, learn).await?;
        let at = index.position_of(from, self.file.base_offset);
        let end = self.end(&file).await?;
        cache.begin(&file, self.key, at, at.saturating_add(bytes_max.max(1) as u64), end);
        let mut window = Window::new(&file, end, self.suffix.clone(), Source::Cache(cache, self.key));
        let at = self.position_of(&mut window, &index, from).await?;
        let mut taken = Taken {
            batches: Vec::new(),
            room: bytes_max,
            any_size: is_first,
        };
        match self.each_batch(window, at, from, upto, &mut taken).await {
            Ok(whole) => Ok((taken.into_bytes(), !whole)),
            Err(_) if !taken.batches.is_empty() => Ok((taken.into_bytes(), true)),
            Err(fault) => Err(fault),
        }
    }

    /// A position at or before the batch that holds `offset`, where a batch starts. An entry of the index that does not fit the
    /// batch that it names is passed over for the one before: a rotted one must neither hide records nor be an error.
    async fn position_of<F: DiskFile>(
        &self,
        window: &mut Window<'_, F>,
        index: &SegmentIndex,
        offset: i64,
    ) -> Result<u64, Fault> {
        for (last_offset, at) in index.upto(offset, self.file.base_offset) {
            match window.header(at, self.file.base_offset, self.end_offset).await {
                Ok(Some(header)) if header.last_offset() == last_offset => return Ok(at),
                Ok(_) | Err(Fault::Corrupt { .. }) => {}
                Err(fault) => return Err(fault),
            }
        }
        Ok(0)
    }

    /// Takes each batch from the one that holds `from` on, with its CRC checked, while there is room. True: all that count
    /// were taken.
    async fn each_batch<F: DiskFile>(
        &self,
        mut window: Window<'_, F>,
        mut at: u64,
        from: i64,
        upto: i64,
        taken: &mut Taken,
    ) -> Result<bool, Fault> {
        let mut next_offset = self.file.base_offset;
        while next_offset < self.end_offset {
            if !taken.has_room(BATCH_HEADER_BYTES) {
                return Ok(false);
            }
            let Some(header) = window.header(at, next_offset, self.end_offset).await? else {
                break;
            };
            let bytes = header.batch_bytes();
            next_offset = header.next_offset();
            if header.base_offset >= upto {
                return Ok(false);
            }
            if next_offset > from {
                if !taken.has_room(bytes) {
                    return Ok(false);
                }
                taken.push(window.batch(at, bytes).await?);
            }
            at += bytes as u64;
        }
        if next_offset < self.end_offset {
            let what = format!("ends at offset {next_offset}, not at {}", self.end_offset);
            return Err(Fault::Corrupt { position: at, what });
        }
        Ok(true)
    }
}

/// Batches for one answer.
struct Taken {
    batches: Vec<Batch>,
    room: usize,
    /// The first one may be larger than the room.
    any_size: bool,
}

impl Taken {
    fn has_room(&self, bytes: usize) -> bool {
        bytes <= self.room || self.any_size && self.batches.is_empty()
    }

    fn push(&mut self, batch: Batch) {
        self.room = self.room.saturating_sub(batch.bytes.len());
        self.batches.push(batch);
    }

    /// The less there is of a chunk, the less it is worth to hold all of it until it is sent: below a half it is copied. So
    /// an answer holds at most twice of what it counts for.
    fn into_bytes(self) -> Vec<Bytes> {
        let mut out = Vec::with_capacity(self.batches.len());
        for of_chunk in self.batches.chunk_by(|a, b| a.chunk.is_some() && a.chunk == b.chunk) {
            let parts = of_chunk.iter().map(|batch| &batch.bytes);
            let bytes: usize = parts.clone().map(Bytes::len).sum();
            if of_chunk[0].chunk.is_none() || bytes >= CHUNK_BYTES / 2 {
                out.extend(parts.cloned());
                continue;
            }
            let mut copy = BytesMut::with_capacity(bytes);
            parts.clone().for_each(|part| copy.extend_from_slice(part));
            let mut copy = copy.freeze();
            out.extend(parts.map(|part| copy.split_to(part.len())));
        }
        out
    }
}
