//! Reads of what is in files: planned against the log at one moment, done without holding it.
//!
//! Every batch that is handed out had its CRC checked and continues the offsets before it; anything else is an error,
//! never served. A file can go away between plan and read (retention); then it is planned anew.

mod file;
mod time;
mod window;

use bytes::Bytes;

use super::PartitionLog;
use crate::{
    disk::{Class, Disk, DiskFile, Open},
    journal::frames::Frames,
    store::ReadError,
};
use window::{Fault, READ_BYTES_MAX, Window};

pub use file::{FileRead, LearnedIndex};
pub use time::{FoundRecord, offset_for_timestamp};
pub(crate) use window::scan;

/// The least that is read of a file at once.
const READ_BYTES_MIN: usize = 64 * 1024;
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
            .read_batches(disk, next_offset, upto, room, is_first, &mut learn)
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
            Err(Fault::Gone) if retries > 0 => retries -= 1,
            Err(_) if !out.is_empty() => return Ok(out),
            Err(fault) => return Err(fault.into_error(&file.file)),
        }
    }
}

impl FileRead {
    /// The batches, and whether they are all that is wanted. What lies before a fault is handed out; the fault comes with
    /// the read that begins at it, so that a consumer gets everything up to the damage and then an error.
    async fn read_batches<D: Disk>(
        &self,
        disk: &D,
        from: i64,
        upto: i64,
        bytes_max: usize,
        is_first: bool,
        learn: &mut impl FnMut(LearnedIndex),
    ) -> Result<(Vec<Bytes>, bool), Fault> {
        let file = disk
            .open(&self.file.log_path(), Open::Existing, Class::CatchUp)
            .await
            .map_err(Fault::of_open)?;
        let index = self.index(disk, &file, learn).await?;
        let read_bytes = bytes_max.clamp(READ_BYTES_MIN, READ_BYTES_MAX);
        let mut window = self.window(&file, self.suffix.clone(), read_bytes).await?;
        let at = index.position_of(from, self.file.base_offset);
        let mut out: Vec<Bytes> = Vec::new();
        let mut room = bytes_max;
        let whole = self
            .each_batch(&mut window, at, from, upto, |batch| {
                let fits = batch.len() <= room || is_first && out.is_empty();
                if fits {
                    room = room.saturating_sub(batch.len());
                    out.push(batch);
                }
                fits
            })
            .await;
        match whole {
            Ok(whole) => Ok((out, !whole)),
            Err(_) if !out.is_empty() => Ok((out, true)),
            Err(fault) => Err(fault),
        }
    }

    /// Hands each batch from the one that holds `from` on, with its CRC checked, to `take` until that says no. True: all
    /// that count were taken.
    async fn each_batch<F: DiskFile>(
        &self,
        window: &mut Window<'_, F>,
        mut at: u64,
        from: i64,
        upto: i64,
        mut take: impl FnMut(Bytes) -> bool,
    ) -> Result<bool, Fault> {
        let mut next_offset = self.file.base_offset;
        while let Some(header) = window.header(at, next_offset, self.end_offset).await? {
            let bytes = header.batch_bytes();
            next_offset = header.next_offset();
            if header.base_offset >= upto {
                return Ok(false);
            }
            if next_offset > from && !take(window.batch(at, bytes).await?) {
                return Ok(false);
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
