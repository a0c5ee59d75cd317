//! What is to be moved, pure: from memory to segments, from old frames to new ones, and out of the log.

use bytes::Bytes;
use corelane_protocol::records::BatchHeader;

use super::{
    FileId, PartitionLog, Segment, SegmentIndex, encode_snapshot,
    segments::{COMPANIONS, snapshot_name},
};
use crate::{
    disk::BLOCK,
    journal::{frames::Frames, record::Record},
    policy::{retention, roll},
    store::LogId,
};

const BLOCK_BYTES: u64 = BLOCK as u64;
/// In one write-out. To plan it, to note it in the log and to let go of the memory take a third of a microsecond each, for which
/// nothing else runs on the core.
const BATCHES_MAX: usize = 4096;

/// A segment's files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SegmentFile {
    pub directory: String,
    pub id: FileId,
    pub base_offset: i64,
    /// Names without directory, of the `.log` and of its companions.
    pub log_name: String,
    pub companion_names: [String; 2],
}

impl SegmentFile {
    pub(super) fn new(directory: String, segment: &Segment) -> SegmentFile {
        SegmentFile {
            directory,
            id: segment.file,
            base_offset: segment.base_offset,
            log_name: segment.file_name("log"),
            companion_names: COMPANIONS.map(|extension| segment.file_name(extension)),
        }
    }

    pub fn log_path(&self) -> String {
        format!("{}/{}", self.directory, self.log_name)
    }
}

/// What makes a segment's file complete.
#[derive(Clone, Debug)]
pub(crate) struct Seal {
    /// None: the file is scanned for it.
    pub index: Option<SegmentIndex>,
    pub index_interval_bytes: u32,
    /// Name and content of the `.snapshot`; None where who had written by then is not known any more. Kafka's tools do without.
    pub snapshot: Option<(String, Vec<u8>)>,
    /// Content of `leader-epoch-checkpoint`.
    pub epochs: String,
}

/// One write-out of one log.
#[derive(Clone, Debug)]
pub struct WriteOut {
    pub log: LogId,
    /// To be journaled and applied before [`crate::writeout::run`]; nobody waits for them.
    pub records: Vec<Record<'static>>,
    pub(crate) file: SegmentFile,
    /// The file is new. One of that name may be left from before a crash.
    pub(crate) fresh: bool,
    /// Where `pieces` go, the first `skip` bytes of them left out; they end at `end_position` or beyond.
    pub(crate) position: u64,
    pub(crate) end_position: u64,
    pub(crate) pieces: Vec<Bytes>,
    pub(crate) skip: u64,
    pub(crate) seal: Option<Seal>,
    /// The file is to end where the batch at `end_offset` starts, wherever that is: nothing is written.
    pub(crate) trim: bool,
    end_offset: i64,
    next_pos: u64,
    generation: u64,
    wall_ms: i64,
}

impl WriteOut {
    /// Bytes that go to the disk, but for index files.
    pub fn bytes(&self) -> u64 {
        self.end_position - self.position
    }

    pub(crate) fn end_offset(&self) -> i64 {
        self.end_offset
    }
}

/// What a write-out made durable.
#[derive(Debug)]
pub struct WrittenOut {
    pub(crate) plan: WriteOut,
    /// See [`Segment::position`].
    pub(crate) position: u64,
}

/// The content of a RESIDUE record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResidueCopy {
    file_id: u64,
    file_pos: u64,
    base_offset: i64,
    last_offset: i64,
    partial_bytes: u32,
    bytes: Vec<u8>,
    /// The frames that it is copied from, each as often as it is held.
    frames: Vec<u64>,
}

impl ResidueCopy {
    pub fn size(&self) -> u64 {
        self.bytes.len() as u64
    }

    pub fn frames(&self) -> &[u64] {
        &self.frames
    }

    pub fn record(&self) -> Record<'_> {
        let ResidueCopy {
            file_id,
            file_pos,
            base_offset,
            last_offset,
            partial_bytes,
            ref bytes,
            frames: _,
        } = *self;
        Record::Residue {
            file_id,
            file_pos,
            base_offset,
            last_offset,
            partial_bytes,
            bytes,
        }
    }
}

/// A part of a tail, to be copied into the filling frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TailCopy {
    Residue(ResidueCopy),
    Batch {
        base_offset: i64,
        last_offset: i64,
        leader_epoch: i32,
        bytes: Bytes,
    },
}

impl TailCopy {
    pub fn size(&self) -> u64 {
        match self {
            TailCopy::Residue(copy) => copy.size(),
            TailCopy::Batch { bytes, .. } => bytes.len() as u64,
        }
    }

    pub fn record(&self) -> Record<'_> {
        match self {
            TailCopy::Residue(copy) => copy.record(),
            TailCopy::Batch {
                base_offset,
                last_offset,
                leader_epoch,
                bytes,
            } => Record::Copy {
                base_offset: *base_offset,
                last_offset: *last_offset,
                leader_epoch: *leader_epoch,
                batch: bytes,
            },
        }
    }
}

impl PartitionLog {
    /// The next write-out: about `bytes_max` bytes and [`BATCHES_MAX`] batches at most (one always), of frames up to
    /// `durable_seq`. None: there is less than a block to write.
    pub fn plan_write_out(
        &self,
        frames: &Frames,
        durable_seq: u64,
        bytes_max: usize,
        wall_ms: i64,
    ) -> Option<WriteOut> {
        if self.truncated_in <= durable_seq
            && let Some(cut) = self.segments.sealed.iter().find(|segment| segment.cut)
        {
            return Some(self.plan_trim(cut, wall_ms));
        }
        let front = self.tail.front()?;
        let mut records = Vec::new();
        // A length that is no multiple of a block is a sealed file's, whose ROLL was lost with a crash.
        let open = self
            .segments
            .active
            .as_ref()
            .filter(|active| active.position.is_multiple_of(BLOCK_BYTES));
        let mut segment = open.cloned().unwrap_or_else(|| {
            let file = self.segments.next_file_id(front.base_offset);
            records.push(roll_record(file, front.base_offset, wall_ms));
            Segment::new(file, front.base_offset, wall_ms)
        });
        let start = if records.is_empty() { self.tail.position } else { 0 };
        let mut end = start;
        let mut end_offset = segment.end_offset;
        let mut pieces = Vec::new();
        let mut lengths = Vec::new();
        let mut full = false;
        for entry in &self.tail.entries {
            let Some(bytes) = self
                .tail
                .bytes_of(entry, frames)
                .filter(|_| entry.at.frame_seq <= durable_seq)
            else {
                break;
            };
            let continues = entry.partial || end < segment.position;
            let len = u64::from(entry.at.len);
            let batch = roll::Batch {
                bytes: len,
                last_offset: entry.last_offset,
                max_timestamp: entry.max_timestamp,
            };
            full = !continues && roll::is_full(&self.config, self.id, &segment, end, batch, wall_ms);
            if full || end.saturating_sub(segment.position) >= bytes_max as u64 || pieces.len() == BATCHES_MAX {
                break;
            }
            if end == 0 {
                segment.first_timestamp = entry.max_timestamp;
            }
            end += len;
            end_offset = entry.last_offset + 1;
            pieces.push(bytes);
            lengths.push((entry.base_offset, len));
        }
        let mut next_pos = end;
        let mut end_position = end;
        if !full {
            end_position = end / BLOCK_BYTES * BLOCK_BYTES;
            if end_position <= segment.position {
                return None;
            }
            // Back to the first batch that is not wholly in the file.
            for (base_offset, len) in lengths.iter().rev() {
                if next_pos <= end_position {
                    break;
                }
                next_pos -= len;
                end_offset = *base_offset;
            }
        }
        let seal = full.then(|| self.plan_seal(&segment, frames, end_offset));
        Some(WriteOut {
            log: self.id,
            records,
            file: SegmentFile::new(self.directory(), &segment),
            fresh: segment.position == 0,
            position: segment.position,
            end_position,
            pieces,
            skip: segment.position - start,
            seal,
            trim: false,
            end_offset,
            next_pos,
            generation: self.generation,
            wall_ms,
        })
    }

    fn plan_trim(&self, cut: &Segment, wall_ms: i64) -> WriteOut {
        WriteOut {
            log: self.id,
            records: Vec::new(),
            file: SegmentFile::new(self.directory(), cut),
            fresh: false,
            position: cut.position,
            end_position: cut.position,
            pieces: Vec::new(),
            skip: 0,
            seal: Some(Seal {
                index: None,
                index_interval_bytes: self.config.index_interval_bytes,
                snapshot: None,
                epochs: self.epochs.to_checkpoint_text(),
            }),
            trim: true,
            end_offset: cut.end_offset,
            next_pos: 0,
            generation: self.generation,
            wall_ms,
        }
    }

    fn plan_seal(&self, segment: &Segment, frames: &Frames, end_offset: i64) -> Seal {
        let mut index = segment.index.as_deref().cloned();
        let mut producers = self.settled.clone();
        let mut at = self.tail.position.min(segment.position);
        for entry in self
            .tail
            .entries
            .iter()
            .take_while(|entry| entry.base_offset < end_offset)
        {
            at += u64::from(entry.at.len);
            index =
                index.and_then(|index| index.with(entry, at, segment.base_offset, self.config.index_interval_bytes));
            if let Some(batch) = self.tail.bytes_of(entry, frames).filter(|_| !entry.partial)
                && let Ok(header) = BatchHeader::parse(&batch)
            {
                producers.on_append(&header, &batch);
            }
        }
        Seal {
            index,
            index_interval_bytes: self.config.index_interval_bytes,
            snapshot: Some((snapshot_name(end_offset), encode_snapshot(&producers))),
            epochs: self.epochs.to_checkpoint_text(),
        }
    }

    /// What a finished write-out says in the journal. Empty: it is void, a truncation came in between.
    pub fn written_out(&self, done: &WrittenOut) -> Vec<Record<'static>> {
        let plan = &done.plan;
        let file = plan.file.id;
        let flushed = |next_pos| Record::Flushed {
            file_id: file.0,
            file_pos: done.position,
            end_offset: plan.end_offset,
            next_pos,
        };
        if plan.trim {
            let is_it =
                |segment: &Segment| segment.file == file && segment.cut && segment.end_offset == plan.end_offset;
            return if self.segments.sealed.iter().any(is_it) {
                vec![flushed(done.position)]
            } else {
                Vec::new()
            };
        }
        if self.generation != plan.generation {
            return Vec::new();
        }
        let mut records = vec![flushed(plan.next_pos)];
        if plan.seal.is_some() {
            let next = FileId(self.segments.next_file_id(plan.end_offset).0);
            records.push(roll_record(next, plan.end_offset, plan.wall_ms));
        }
        records
    }

    /// A copy of what lies in frames below `below_frame_seq`, if that is less than a block; otherwise it is to be
    /// written out first.
    pub fn residue(&self, frames: &Frames, below_frame_seq: u64) -> Option<ResidueCopy> {
        let written = self.segments.active.as_ref().map_or(0, |active| active.position);
        let skip = written.saturating_sub(self.tail.position);
        let count = self
            .tail
            .entries
            .iter()
            .rposition(|entry| entry.at.frame_seq < below_frame_seq)?
            + 1;
        let copied = self.tail.entries.range(..count);
        let len: u64 = copied.map(|entry| u64::from(entry.at.len)).sum();
        if len - skip > BLOCK_BYTES {
            return None;
        }
        self.residue_of(count, frames)
    }

    /// A copy of the first `count` entries of the tail, but for what is in the file.
    fn residue_of(&self, count: usize, frames: &Frames) -> Option<ResidueCopy> {
        let front = self.tail.front()?;
        let written = self.segments.active.as_ref().map_or(0, |active| active.position);
        let skip = written.saturating_sub(self.tail.position);
        let copied = self.tail.entries.range(..count);
        let len: u64 = copied.clone().map(|entry| u64::from(entry.at.len)).sum();
        let frames_copied = copied.clone().map(|entry| entry.at.frame_seq).collect();
        let mut bytes = Vec::with_capacity(len as usize);
        for entry in copied {
            bytes.extend_from_slice(&self.tail.bytes_of(entry, frames)?);
        }
        bytes.drain(..skip as usize);
        Some(ResidueCopy {
            file_id: self.segments.active.as_ref().map_or(0, |active| active.file.0),
            file_pos: self.tail.position + skip,
            base_offset: front.base_offset,
            last_offset: self.tail.entries[count - 1].last_offset,
            partial_bytes: if front.partial || skip > 0 {
                front.at.len - skip as u32
            } else {
                0
            },
            bytes,
            frames: frames_copied,
        })
    }

    /// Copies of what lies in frames below `below_frame_seq`, however much that is: about `bytes_max` bytes of it.
    pub fn copies(&self, frames: &Frames, below_frame_seq: u64, bytes_max: u64) -> Vec<TailCopy> {
        if let Some(residue) = self.residue(frames, below_frame_seq) {
            return vec![TailCopy::Residue(residue)];
        }
        let mut copies = Vec::new();
        let mut bytes = 0;
        for entry in &self.tail.entries {
            if entry.at.frame_seq >= below_frame_seq {
                continue;
            }
            let copy = if entry.partial {
                // Only the first can be.
                self.residue_of(1, frames).map(TailCopy::Residue)
            } else {
                self.tail.bytes_of(entry, frames).map(|bytes| TailCopy::Batch {
                    base_offset: entry.base_offset,
                    last_offset: entry.last_offset,
                    leader_epoch: entry.leader_epoch,
                    bytes,
                })
            };
            let Some(copy) = copy else { break };
            bytes += copy.size();
            copies.push(copy);
            if bytes >= bytes_max {
                break;
            }
        }
        copies
    }

    /// Where the log should start now by `retention.ms` and `retention.bytes`. Nothing at or beyond `upto` goes: the
    /// high watermark, or the durable end where there is none.
    pub fn plan_retention(&self, wall_ms: i64, upto: i64) -> Option<i64> {
        let spans: Vec<retention::Span> = self.retention_spans(wall_ms);
        retention::plan(&self.config, &spans, wall_ms, upto).filter(|offset| *offset > self.start_offset)
    }

    /// Records of memory that have no time are of today, until they have a segment to tell their age by.
    fn retention_spans(&self, wall_ms: i64) -> Vec<retention::Span> {
        let span = |segment: &Segment| retention::Span {
            end_offset: segment.end_offset,
            bytes: segment.position,
            largest_timestamp: segment.largest_timestamp(),
        };
        let mut spans: Vec<_> = self.segments.sealed.iter().map(span).collect();
        let mut last = self.segments.active.as_ref().map(span);
        if let Some(tail) = self.tail.entries.back() {
            let latest = self
                .tail
                .entries
                .iter()
                .map(|entry| entry.max_timestamp)
                .max()
                .unwrap_or(-1);
            let last = last.get_or_insert(retention::Span {
                end_offset: 0,
                bytes: 0,
                largest_timestamp: if latest >= 0 { -1 } else { wall_ms },
            });
            last.end_offset = tail.last_offset + 1;
            last.bytes = self.bytes() - spans.iter().map(|span| span.bytes).sum::<u64>();
            last.largest_timestamp = last.largest_timestamp.max(latest);
        }
        spans.extend(last.filter(|span| span.bytes > 0));
        spans
    }

    /// Paths of files to be removed once a checkpoint that is encoded after this call is durable. Those of the call
    /// before are taken to be removed by now.
    pub fn unlink(&mut self) -> Vec<String> {
        self.segments.unlinking = std::mem::take(&mut self.segments.doomed);
        let directory = self.directory();
        let mut names = Vec::new();
        for segment in &self.segments.unlinking {
            let file = SegmentFile::new(directory.clone(), segment);
            names.push(file.log_name);
            names.extend(file.companion_names);
            let base_offset = segment.base_offset;
            if !self
                .segments
                .iter()
                .any(|live| live.base_offset == base_offset || live.end_offset == base_offset)
            {
                names.push(snapshot_name(base_offset));
            }
        }
        names.iter().map(|name| format!("{directory}/{name}")).collect()
    }

    /// There was no checkpoint after [`PartitionLog::unlink`]: the files wait for the next one.
    pub fn keep_unlinked(&mut self) {
        let unlinking = std::mem::take(&mut self.segments.unlinking);
        self.segments.doomed.splice(..0, unlinking);
    }
}

fn roll_record(file: FileId, base_offset: i64, created_ms: i64) -> Record<'static> {
    Record::Roll {
        file_id: file.0,
        base_offset,
        created_ms,
    }
}
