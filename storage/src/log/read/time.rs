//! Look-ups by time: the first record that is not older.

use corelane_protocol::records::records;

use super::{
    super::{PartitionLog, Segment, SegmentIndex},
    FileRead, LearnedIndex, ReadPlan,
    cache::ReadCache,
    window::{Fault, Window},
};
use crate::{
    disk::{Disk, DiskFile},
    journal::frames::Frames,
    store::ReadError,
};

/// What a look-up reads of a file at once.
const LOOK_UP_BYTES: usize = 64 * 1024;

/// Offset, time and leader epoch of a record.
pub type FoundRecord = (i64, i64, i32);

impl PartitionLog {
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
}

/// The first record from `start_offset` on, below `upto`, with a time not below `timestamp`; `plans` are
/// [`PartitionLog::plan_time_lookup`]'s.
pub async fn offset_for_timestamp<D: Disk>(
    disk: &D,
    cache: &ReadCache<D::File>,
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
            ReadPlan::File(file) => match file.find_time(disk, cache, timestamp, start_offset, &mut learn).await {
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

impl FileRead {
    async fn find_time<D: Disk>(
        &self,
        disk: &D,
        cache: &ReadCache<D::File>,
        timestamp: i64,
        start_offset: i64,
        learn: &mut impl FnMut(LearnedIndex),
    ) -> Result<Option<FoundRecord>, Fault> {
        let file = self.open(disk, cache).await?;
        let index = self.index(disk, &file, learn).await?;
        let mut window = self.window(&file, self.suffix.clone(), LOOK_UP_BYTES).await?;
        let mut at = self.position_of_time(&mut window, &index, timestamp).await?;
        let mut next_offset = self.file.base_offset;
        while let Some(header) = window.header(at, next_offset, self.end_offset).await? {
            next_offset = header.next_offset();
            if header.max_timestamp >= timestamp && header.next_offset() > start_offset {
                let batch = window.batch(at, header.batch_bytes()).await?.bytes;
                let found = first_at_or_after(&batch, timestamp, start_offset).map_err(Fault::Read)?;
                if found.is_some() {
                    return Ok(found);
                }
            }
            at += header.batch_bytes() as u64;
        }
        Ok(None)
    }
}

impl FileRead {
    /// A position at or before the first batch with a time not below `timestamp`, where a batch starts. Entries are held
    /// against their batches as those of offsets are.
    async fn position_of_time<F: DiskFile>(
        &self,
        window: &mut Window<'_, F>,
        index: &SegmentIndex,
        timestamp: i64,
    ) -> Result<u64, Fault> {
        for (time, last_offset) in index.before_time(timestamp, self.file.base_offset) {
            let start = self.position_of(window, index, last_offset).await?;
            let mut at = start;
            let named = loop {
                match window.header(at, self.file.base_offset, self.end_offset).await {
                    Ok(Some(header)) if header.last_offset() < last_offset => at += header.batch_bytes() as u64,
                    Ok(named) => break named,
                    Err(Fault::Corrupt { .. }) => break None,
                    Err(fault) => return Err(fault),
                }
            };
            if named.is_some_and(|header| (header.last_offset(), header.max_timestamp) == (last_offset, time)) {
                return Ok(start);
            }
        }
        Ok(0)
    }
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
