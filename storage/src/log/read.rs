//! Reads of what is in files: planned against the log at one moment, done without holding it.
//!
//! Every batch that is handed out had its CRC checked and continues the offsets before it; anything else is an error,
//! never served. A file can go away between plan and read (retention); then it is planned anew.

use std::{io, rc::Rc};

use bytes::{Bytes, BytesMut};
use corelane_protocol::records::{BATCH_HEADER_BYTES, BatchHeader, check_crc, records};

use super::{FileId, PartitionLog, Segment, SegmentFile, SegmentIndex, index::IndexedBatch};
use crate::{
    disk::{BLOCK, Class, Disk, DiskFile, Open, aligned_zeroed},
    journal::frames::Frames,
    store::ReadError,
};

const BLOCK_BYTES: u64 = BLOCK as u64;
/// Bounds of one read of a file; a larger batch is read in one piece nevertheless.
const READ_BYTES_MIN: usize = 64 * 1024;
const READ_BYTES_MAX: usize = 1024 * 1024;
/// Times that a plan is made anew because its file was gone.
const RETRIES: usize = 3;

/// Offset, time and leader epoch of a record.
pub type FoundRecord = (i64, i64, i32);

/// Where the answer is.
#[derive(Clone, Debug)]
pub enum ReadPlan {
    Memory(Vec<Bytes>),
    File(Box<FileRead>),
}

/// One segment as it was when the read was planned.
#[derive(Clone, Debug)]
pub struct FileRead {
    file: SegmentFile,
    /// Bytes of the file that count, and what comes after them in memory: the end of the last batch.
    position: u64,
    suffix: Bytes,
    /// Offset after the last batch that counts.
    end_offset: i64,
    sealed: bool,
    /// The file ends at `position` or, when it was trimmed and the record of that was lost, before.
    cut: bool,
    index: Option<Rc<SegmentIndex>>,
    index_interval_bytes: u32,
}

/// An index that a read had to make, for [`PartitionLog::learn_index`].
#[derive(Clone, Debug)]
pub struct LearnedIndex {
    pub(super) file: FileId,
    pub(super) position: u64,
    pub(super) end_offset: i64,
    pub(super) index: Rc<SegmentIndex>,
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

    /// Where to look for the first record with a time not below `timestamp`, in order.
    pub fn plan_time_lookup(&self, timestamp: i64, frames: &Frames) -> Vec<ReadPlan> {
        let has_it = |segment: &&Segment| segment.max_timestamp >= timestamp;
        let mut plans: Vec<_> = self
            .segments
            .iter()
            .filter(has_it)
            .map(|segment| self.file_read(segment))
            .collect();
        if let Some(read) = self.partial_read(frames) {
            // The active segment with the end of its last batch: instead of without.
            plans.pop_if(|last| last.file == read.file);
            plans.push(read);
        }
        let mut plans: Vec<_> = plans.into_iter().map(|read| ReadPlan::File(Box::new(read))).collect();
        let entries = self
            .tail
            .entries
            .iter()
            .filter(|entry| !entry.partial && entry.max_timestamp >= timestamp);
        plans.push(ReadPlan::Memory(
            entries.filter_map(|entry| self.tail.bytes_of(entry, frames)).collect(),
        ));
        plans
    }

    /// The latest time of all records; None without any.
    pub fn largest_timestamp(&self) -> Option<i64> {
        let in_files = self.segments.iter().map(|segment| segment.max_timestamp);
        let in_memory = self.tail.entries.iter().map(|entry| entry.max_timestamp);
        in_files.chain(in_memory).max().filter(|timestamp| *timestamp >= 0)
    }

    /// Keeps an index that a read had to make, unless the file has changed since.
    pub fn learn_index(&mut self, learned: LearnedIndex) {
        let LearnedIndex {
            file,
            position,
            end_offset,
            index,
        } = learned;
        let is_it = |s: &&mut Segment| s.file == file && s.position == position && s.end_offset == end_offset;
        let mut segments = self.segments.sealed.iter_mut().chain(&mut self.segments.active);
        if let Some(segment) = segments.find(is_it) {
            segment.index.get_or_insert(index);
        }
    }

    fn file_read(&self, segment: &Segment) -> FileRead {
        FileRead {
            file: SegmentFile::new(self.directory(), segment),
            position: segment.position,
            suffix: Bytes::new(),
            end_offset: segment.end_offset,
            sealed: self
                .segments
                .active
                .as_ref()
                .is_none_or(|active| active.file != segment.file)
                && !segment.cut,
            cut: segment.cut,
            index: segment.index.clone(),
            index_interval_bytes: self.config.index_interval_bytes,
        }
    }

    /// The active segment with the batch that ends in memory.
    fn partial_read(&self, frames: &Frames) -> Option<FileRead> {
        let partial = self.tail.front().filter(|entry| entry.partial)?;
        let active = self.segments.active.as_ref()?;
        let suffix = self.tail.bytes_of(partial, frames)?;
        Some(FileRead {
            suffix,
            end_offset: partial.last_offset + 1,
            ..self.file_read(active)
        })
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

/// The first record from `start_offset` on, below `upto`, with a time not below `timestamp`; `plans` are
/// [`PartitionLog::plan_time_lookup`]'s.
pub async fn offset_for_timestamp<D: Disk>(
    disk: &D,
    plans: Vec<ReadPlan>,
    mut learn: impl FnMut(LearnedIndex),
    timestamp: i64,
    start_offset: i64,
    upto: i64,
) -> Result<Option<FoundRecord>, ReadError> {
    for plan in plans {
        let found = match plan {
            ReadPlan::Memory(batches) => {
                let found = batches
                    .iter()
                    .map(|batch| first_at_or_after(batch, timestamp, start_offset));
                found.collect::<Result<Vec<_>, _>>()?.into_iter().flatten().next()
            }
            ReadPlan::File(file) => match file.find_time(disk, timestamp, start_offset, &mut learn).await {
                Ok(found) => found,
                // Retention took it: its records are below the start now.
                Err(Fault::Gone) => None,
                Err(fault) => return Err(fault.into_error(&file.file)),
            },
        };
        if let Some(found) = found {
            return Ok(Some(found).filter(|(offset, ..)| *offset < upto));
        }
    }
    Ok(None)
}

fn first_at_or_after(batch: &[u8], timestamp: i64, start_offset: i64) -> Result<Option<FoundRecord>, ReadError> {
    let corrupt = |error| ReadError::Corrupt(format!("batch in the log: {error}"));
    let all = records(batch).map_err(corrupt)?;
    let leader_epoch = all.batch_header().partition_leader_epoch;
    for record in all {
        let record = record.map_err(corrupt)?;
        if record.timestamp >= timestamp && record.offset >= start_offset {
            return Ok(Some((record.offset, record.timestamp, leader_epoch)));
        }
    }
    Ok(None)
}

/// Scans a whole file: its index, and where the batch at `end_offset` starts.
pub(crate) async fn scan<F: DiskFile>(
    file: &F,
    name: &SegmentFile,
    position: u64,
    end_offset: i64,
    index_interval_bytes: u32,
) -> Result<SegmentIndex, ReadError> {
    let position = position.min(file.size().await.map_err(|error| Fault::Io(error).into_error(name))?);
    let mut window = Window::new(file, position, Bytes::new(), READ_BYTES_MAX);
    let mut index = SegmentIndex::default();
    let scanned = scan_into(
        &mut window,
        &mut index,
        name.base_offset,
        end_offset,
        index_interval_bytes,
    )
    .await;
    scanned.map_err(|fault| fault.into_error(name))?;
    Ok(index)
}

async fn scan_into<F: DiskFile>(
    window: &mut Window<'_, F>,
    index: &mut SegmentIndex,
    base_offset: i64,
    end_offset: i64,
    index_interval_bytes: u32,
) -> Result<(), Fault> {
    let mut next_offset = base_offset;
    while next_offset < end_offset
        && let Some(header) = window.header(index.position, next_offset, end_offset).await?
    {
        next_offset = header.next_offset();
        let batch = IndexedBatch {
            last_offset: header.last_offset(),
            max_timestamp: header.max_timestamp,
            end_position: index.position + header.batch_bytes() as u64,
        };
        index.push(batch, base_offset, index_interval_bytes);
    }
    index.push_time();
    Ok(())
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

    async fn find_time<D: Disk>(
        &self,
        disk: &D,
        timestamp: i64,
        start_offset: i64,
        learn: &mut impl FnMut(LearnedIndex),
    ) -> Result<Option<FoundRecord>, Fault> {
        let file = disk
            .open(&self.file.log_path(), Open::Existing, Class::CatchUp)
            .await
            .map_err(Fault::of_open)?;
        let index = self.index(disk, &file, learn).await?;
        let mut window = self.window(&file, self.suffix.clone(), READ_BYTES_MIN).await?;
        let mut at = index.position_of_time(timestamp, self.file.base_offset);
        let mut next_offset = self.file.base_offset;
        while let Some(header) = window.header(at, next_offset, self.end_offset).await? {
            next_offset = header.next_offset();
            if header.max_timestamp >= timestamp && header.next_offset() > start_offset {
                let batch = window.batch(at, header.batch_bytes()).await?;
                let found = first_at_or_after(&batch, timestamp, start_offset).map_err(Fault::Read)?;
                if found.is_some() {
                    return Ok(found);
                }
            }
            at += header.batch_bytes() as u64;
        }
        Ok(None)
    }

    async fn window<'a, F: DiskFile>(
        &self,
        file: &'a F,
        suffix: Bytes,
        read_bytes: usize,
    ) -> Result<Window<'a, F>, Fault> {
        let mut position = self.position;
        if self.cut {
            position = position.min(file.size().await.map_err(Fault::Io)?);
        }
        Ok(Window::new(file, position, suffix, read_bytes))
    }

    /// The segment's index: known, or read from its files, or made by a scan.
    async fn index<D: Disk>(
        &self,
        disk: &D,
        file: &D::File,
        learn: &mut impl FnMut(LearnedIndex),
    ) -> Result<Rc<SegmentIndex>, Fault> {
        if let Some(index) = &self.index {
            return Ok(index.clone());
        }
        let stored = if self.sealed {
            self.stored_index(disk).await
        } else {
            None
        };
        let index = match stored {
            Some(index) => index,
            None => {
                // Without the suffix: its batch is not wholly in the file.
                let mut window = self.window(file, Bytes::new(), READ_BYTES_MAX).await?;
                let mut index = SegmentIndex::default();
                let interval_bytes = self.index_interval_bytes;
                let base_offset = self.file.base_offset;
                let end_offset = if self.suffix.is_empty() {
                    self.end_offset
                } else {
                    i64::MAX
                };
                match scan_into(&mut window, &mut index, base_offset, end_offset, interval_bytes).await {
                    Ok(()) => index,
                    // Good for what lies before the damage, and not worth keeping.
                    Err(Fault::Corrupt { .. }) => return Ok(Rc::new(index)),
                    Err(fault) => return Err(fault),
                }
            }
        };
        let index = Rc::new(index);
        if self.suffix.is_empty() {
            learn(LearnedIndex {
                file: self.file.id,
                position: self.position,
                end_offset: self.end_offset,
                index: index.clone(),
            });
        }
        Ok(index)
    }

    async fn stored_index<D: Disk>(&self, disk: &D) -> Option<SegmentIndex> {
        let [offsets, times] = &self.file.companion_names;
        let offsets = read_whole(disk, &format!("{}/{offsets}", self.file.directory))
            .await
            .ok()?;
        let times = read_whole(disk, &format!("{}/{times}", self.file.directory))
            .await
            .ok()?;
        SegmentIndex::parse(&offsets, &times, self.position)
    }
}

async fn read_whole<D: Disk>(disk: &D, path: &str) -> io::Result<Vec<u8>> {
    let file = disk.open(path, Open::Existing, Class::CatchUp).await?;
    let size = file.size().await? as usize;
    let (read, buffer) = file.read_at(0, aligned_zeroed(size.next_multiple_of(BLOCK))).await;
    Ok(buffer[..read?.min(size)].to_vec())
}

enum Fault {
    /// The file is not there any more.
    Gone,
    Io(io::Error),
    Corrupt {
        position: u64,
        what: String,
    },
    Read(ReadError),
}

impl Fault {
    fn of_open(error: io::Error) -> Fault {
        if error.kind() == io::ErrorKind::NotFound {
            Fault::Gone
        } else {
            Fault::Io(error)
        }
    }

    fn into_error(self, file: &SegmentFile) -> ReadError {
        let path = file.log_path();
        match self {
            Fault::Gone => ReadError::Io(format!("{path}: not found")),
            Fault::Io(error) => ReadError::Io(format!("{path}: {error}")),
            Fault::Corrupt { position, what } => ReadError::Corrupt(format!("{path} at {position}: {what}")),
            Fault::Read(error) => error,
        }
    }
}

/// A piece of a segment in memory, moved along as batches are looked at.
struct Window<'a, F> {
    file: &'a F,
    position: u64,
    suffix: Bytes,
    read_bytes: usize,
    start: u64,
    bytes: Bytes,
}

impl<'a, F: DiskFile> Window<'a, F> {
    fn new(file: &'a F, position: u64, suffix: Bytes, read_bytes: usize) -> Window<'a, F> {
        Window {
            file,
            position,
            suffix,
            read_bytes,
            start: 0,
            bytes: Bytes::new(),
        }
    }

    fn end(&self) -> u64 {
        self.position + self.suffix.len() as u64
    }

    /// The header of the batch at `at`, if it is wholly there and below `end_offset`. Its offsets must continue.
    async fn header(&mut self, at: u64, next_offset: i64, end_offset: i64) -> Result<Option<BatchHeader>, Fault> {
        let left = self.end().saturating_sub(at);
        if left < BATCH_HEADER_BYTES as u64 {
            return Ok(None);
        }
        let bytes = self.get(at, BATCH_HEADER_BYTES).await?;
        let corrupt = |what: String| Fault::Corrupt { position: at, what };
        let header = BatchHeader::parse(&bytes).map_err(|error| corrupt(error.to_string()))?;
        if header.next_offset() > end_offset {
            return Ok(None);
        }
        if header.base_offset < next_offset || header.last_offset_delta < 0 {
            return Err(corrupt(format!("offset {} after {next_offset}", header.base_offset)));
        }
        // The last batch of an active segment is not wholly there; a length beyond any end is none.
        Ok((header.batch_bytes() as u64 <= left).then_some(header))
    }

    /// A batch whose header was looked at, its CRC checked.
    async fn batch(&mut self, at: u64, len: usize) -> Result<Bytes, Fault> {
        let batch = self.get(at, len).await?;
        check_crc(&batch).map_err(|error| Fault::Corrupt {
            position: at,
            what: error.to_string(),
        })?;
        Ok(batch)
    }

    async fn get(&mut self, at: u64, len: usize) -> Result<Bytes, Fault> {
        let covered = self.start..self.start + self.bytes.len() as u64;
        if !covered.contains(&at) || at + len as u64 > covered.end {
            self.load(at, len).await?;
        }
        let skip = (at - self.start) as usize;
        Ok(self.bytes.slice(skip..skip + len))
    }

    /// `at + len` is not beyond the end.
    async fn load(&mut self, at: u64, len: usize) -> Result<(), Fault> {
        let start = at.min(self.position) / BLOCK_BYTES * BLOCK_BYTES;
        let wanted = ((at - start) as usize + len)
            .max(self.read_bytes)
            .next_multiple_of(BLOCK) as u64;
        let in_file = wanted.min(self.position.next_multiple_of(BLOCK_BYTES) - start);
        let counts = in_file.min(self.position - start) as usize;
        let (read, buffer) = self.file.read_at(start, aligned_zeroed(in_file as usize)).await;
        if read.map_err(Fault::Io)? < counts {
            return Err(Fault::Corrupt {
                position: start,
                what: "the file is shorter than it was".to_string(),
            });
        }
        let mut bytes = Bytes::from_owner(buffer).slice(..counts);
        if at + len as u64 > self.position {
            let mut joined = BytesMut::from(&bytes[..]);
            joined.extend_from_slice(&self.suffix);
            bytes = joined.freeze();
        }
        (self.start, self.bytes) = (start, bytes);
        Ok(())
    }
}
