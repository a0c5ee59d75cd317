//! Moves what the journal holds into segments: which logs and when (pure), and the few steps of I/O.
//!
//! A block of a segment is written once. The last, partial block is written only at the seal, when the file is
//! complete: its bytes are in the journal until the record of the flush is, so a seal that tears is done again from
//! there, over bytes that nothing relies on.

use std::io;

use bytes::Bytes;
use futures_util::future;

use crate::{
    disk::{AlignedBuf, BLOCK, Class, Disk, DiskFile, Open, Sync},
    log::{SegmentFile, WriteOut, WrittenOut, read::scan},
    store::LogId,
};

/// A log with this much in memory is written out whenever there is time: writes do not get better from here on.
pub const WORTH_WRITING_BYTES: u64 = 1 << 20;
/// Bytes that are copied and written in one go.
const WRITE_BYTES_MAX: usize = 1 << 20;
/// Space is reserved as much again as the file has, between these bounds.
const RESERVE_BYTES_MIN: u64 = 256 << 10;
const RESERVE_BYTES_MAX: u64 = 16 << 20;

/// What a log could give.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Load {
    pub log: LogId,
    pub tail_bytes: u64,
    pub oldest_frame: Option<u64>,
}

/// How full memory and journal are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pressure {
    pub tail_bytes: u64,
    pub tail_bytes_max: u64,
    pub journal_bytes: u64,
    pub journal_bytes_max: u64,
    /// The last frame of the journal's oldest file: logs that need it or an older one keep the file.
    pub oldest_file_end: u64,
}

impl Pressure {
    /// More comes than is written out.
    pub fn is_behind(&self) -> bool {
        self.tail_bytes > self.tail_bytes_max / 4
    }
}

/// The logs to write out, in order: those that hold the journal's oldest file when the journal is half full, then the
/// largest until memory is below half when it is three quarters full, then those that are worth it anyway.
pub fn choose(loads: &[Load], pressure: &Pressure) -> Vec<LogId> {
    let mut loads = loads.to_vec();
    loads.sort_by_key(|load| (std::cmp::Reverse(load.tail_bytes), load.log));
    let mut chosen: Vec<LogId> = Vec::new();
    let mut left = pressure.tail_bytes;
    if pressure.journal_bytes > pressure.journal_bytes_max / 2 {
        let holds = |load: &&Load| load.oldest_frame.is_some_and(|frame| frame <= pressure.oldest_file_end);
        for load in loads.iter().filter(holds) {
            left = left.saturating_sub(load.tail_bytes);
            chosen.push(load.log);
        }
    }
    let is_full = pressure.tail_bytes > pressure.tail_bytes_max / 4 * 3;
    for load in &loads {
        let for_memory = is_full && left > pressure.tail_bytes_max / 2 && load.tail_bytes >= BLOCK as u64;
        if (for_memory || load.tail_bytes >= WORTH_WRITING_BYTES) && !chosen.contains(&load.log) {
            left = left.saturating_sub(load.tail_bytes);
            chosen.push(load.log);
        }
    }
    chosen
}

/// Does one write-out, and makes it durable.
pub async fn run<D: Disk>(disk: &D, plan: WriteOut) -> io::Result<WrittenOut> {
    let mut done = run_all(disk, vec![plan], false).await?;
    Ok(done.pop().expect("one for one"))
}

/// Does several, and flushes after all are written: the file system commits their metadata with the first flush. `hasty`: two
/// files at a time, which takes more of the disk from whoever waits for the journal.
pub async fn run_all<D: Disk>(disk: &D, mut plans: Vec<WriteOut>, hasty: bool) -> io::Result<Vec<WrittenOut>> {
    let others = if hasty {
        plans.split_off(plans.len() / 2)
    } else {
        Vec::new()
    };
    // Both to their ends, also if one fails: a write that is under way must not meet a later one of the same place.
    let (first, second) = future::join(write_all(disk, plans), write_all(disk, others)).await;
    let (first, second) = (first?, second?);
    let (flushed, also_flushed) = future::join(flush_all(&first), flush_all(&second)).await;
    flushed.and(also_flushed)?;
    let mut done = Vec::with_capacity(first.len() + second.len());
    for (file, out) in first.into_iter().chain(second) {
        finish(disk, &file, &out).await?;
        done.push(out);
    }
    Ok(done)
}

async fn write_all<D: Disk>(disk: &D, plans: Vec<WriteOut>) -> io::Result<Vec<(D::File, WrittenOut)>> {
    let mut written = Vec::with_capacity(plans.len());
    for plan in plans {
        let file = open(disk, &plan).await?;
        let position = if plan.trim {
            trim(&file, &plan).await?
        } else {
            write(&file, &plan).await?
        };
        written.push((file, WrittenOut { plan, position }));
    }
    Ok(written)
}

async fn flush_all<F: DiskFile>(written: &[(F, WrittenOut)]) -> io::Result<()> {
    for (file, _) in written {
        file.flush().await?;
    }
    Ok(())
}

async fn open<D: Disk>(disk: &D, plan: &WriteOut) -> io::Result<D::File> {
    let path = plan.file.log_path();
    if !plan.fresh {
        return disk.open(&path, Open::Existing, Class::Background).await;
    }
    disk.create_dir(&plan.file.directory).await?;
    match disk.open(&path, Open::New, Class::Background).await {
        // Left from before a crash that lost its ROLL: no durable state knows it.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            let file = disk.open(&path, Open::Existing, Class::Background).await?;
            file.truncate(0).await?;
            Ok(file)
        }
        opened => opened,
    }
}

async fn write<F: DiskFile>(file: &F, plan: &WriteOut) -> io::Result<u64> {
    if plan.bytes() > 0 {
        let reserved = if plan.fresh { 0 } else { reserve_bytes(plan.position) };
        let wanted = reserve_bytes(plan.end_position);
        if plan.seal.is_none() && wanted > reserved {
            // Only a help: a full disk is noticed by the write.
            let _ = file.allocate(reserved, wanted - reserved).await;
        }
    }
    let mut pieces = Pieces::new(plan);
    let mut position = plan.position;
    while position < plan.end_position {
        let len = WRITE_BYTES_MAX.min((plan.end_position - position) as usize);
        let bytes = Bytes::from_owner(pieces.take_aligned(len));
        file.write_at(position, bytes, Sync::Later).await?;
        position += len as u64;
    }
    if plan.seal.is_some() {
        file.truncate(plan.end_position).await?;
    }
    Ok(plan.end_position)
}

/// What is left of the pieces of a plan.
struct Pieces<'a> {
    pieces: std::slice::Iter<'a, Bytes>,
    piece: &'a [u8],
}

impl<'a> Pieces<'a> {
    fn new(plan: &'a WriteOut) -> Pieces<'a> {
        let (mut pieces, mut skip) = (plan.pieces.iter(), plan.skip as usize);
        let mut piece: &[u8] = &[];
        for next in pieces.by_ref() {
            if skip < next.len() {
                piece = &next[skip..];
                break;
            }
            skip -= next.len();
        }
        Pieces { pieces, piece }
    }

    /// The next `len` bytes, and zeros up to a whole block.
    fn take_aligned(&mut self, len: usize) -> AlignedBuf {
        let mut buffer = AlignedBuf::with_capacity(BLOCK, len.next_multiple_of(BLOCK));
        while buffer.len() < len {
            if self.piece.is_empty() {
                self.piece = self.pieces.next().expect("the pieces reach the planned end");
            }
            let (taken, rest) = self.piece.split_at(self.piece.len().min(len - buffer.len()));
            buffer.extend_from_slice(taken);
            self.piece = rest;
        }
        buffer.resize(len.next_multiple_of(BLOCK), 0);
        buffer
    }
}

/// Where the space that is reserved for a file of this length ends.
fn reserve_bytes(position: u64) -> u64 {
    if position < RESERVE_BYTES_MAX {
        position.next_power_of_two().max(RESERVE_BYTES_MIN)
    } else {
        (position + 1).next_multiple_of(RESERVE_BYTES_MAX)
    }
}

/// Cuts the file where the log was cut.
async fn trim<F: DiskFile>(file: &F, plan: &WriteOut) -> io::Result<u64> {
    let index = scan(file, &plan.file, plan.position, plan.end_offset(), 0)
        .await
        .map_err(io::Error::other)?;
    file.truncate(index.position()).await?;
    Ok(index.position())
}

async fn finish<D: Disk>(disk: &D, file: &D::File, out: &WrittenOut) -> io::Result<()> {
    let WrittenOut { plan, position } = out;
    let SegmentFile {
        directory,
        companion_names: [offsets, times],
        id,
        ..
    } = &plan.file;
    if let Some(seal) = &plan.seal {
        let index = match seal.index.clone() {
            Some(index) => index.complete(),
            None => scan(
                file,
                &plan.file,
                *position,
                plan.end_offset(),
                seal.index_interval_bytes,
            )
            .await
            .map_err(io::Error::other)?,
        };
        let path = |name: &str| format!("{directory}/{name}");
        disk.write_whole(&path(offsets), &index.offset_index_bytes()).await?;
        disk.write_whole(&path(times), &index.time_index_bytes()).await?;
        if let Some((name, content)) = &seal.snapshot {
            disk.write_whole(&path(name), content).await?;
        }
        disk.write_whole(&path("leader-epoch-checkpoint"), seal.epochs.as_bytes())
            .await?;
    }
    if plan.fresh || plan.seal.is_some() {
        disk.sync_dir(directory).await?;
    }
    if plan.fresh && id.number() == 0 {
        disk.sync_dir("log").await?;
        disk.sync_dir("").await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
