//! The fold: what each record of the journal does to a log.

use std::rc::Rc;

use corelane_protocol::records::BatchHeader;

use super::{
    FileId, Fold, PartitionLog, Segment, SegmentList,
    index::IndexedBatch,
    tail::{Tail, TailEntry, UNKNOWN_TIMESTAMP},
};
use crate::journal::{
    frames::{FrameRef, Frames},
    record::Record,
};

/// Bytes of a RESIDUE record's body before the copied ones.
const RESIDUE_PREFIX_BYTES: u32 = 16;

impl PartitionLog {
    /// `at` says where the record's body lies. CREATE and DELETE are the store's and never come here.
    pub fn apply(&mut self, record: &Record<'_>, at: FrameRef, fold: Fold, frames: &mut Frames) {
        if fold == Fold::TailOnly {
            return self.apply_to_tail(record, at, frames);
        }
        self.end_tail_fold(frames);
        match *record {
            Record::Data { base_offset, batch, .. } => self.apply_data(base_offset, batch, at, frames),
            Record::Copy { batch, .. } => {
                if let Some(entry) = copied(record, at) {
                    self.tail.move_to(entry, batch, frames);
                }
            }
            Record::Truncate { to_offset } => self.apply_truncate(to_offset, at, frames),
            Record::Start { offset } => self.apply_start(offset, frames),
            Record::Epoch {
                leader_epoch,
                start_offset,
            } => self.epochs.start(leader_epoch, start_offset),
            Record::Roll {
                file_id,
                base_offset,
                created_ms,
            } => {
                self.apply_roll(FileId(file_id), base_offset, created_ms);
            }
            Record::Flushed {
                file_id,
                file_pos,
                end_offset,
                next_pos,
            } => {
                self.apply_flushed(FileId(file_id), file_pos, end_offset, next_pos, frames);
            }
            Record::Residue {
                file_pos,
                partial_bytes,
                ..
            } => {
                if let Some(entry) = self.tail.front().filter(|_| partial_bytes > 0).copied() {
                    // The last time that its header is in memory.
                    let bytes = self.tail.bytes_of(&entry, frames);
                    self.settle(&entry, bytes.as_deref());
                }
                apply_residue(&mut self.tail, record, at, frames);
                self.tail.position = file_pos;
            }
            Record::State { kind, value } => {
                self.states.insert(kind, value.to_vec().into());
            }
            Record::Configure { ref config } => self.config = config.clone(),
            Record::Create { .. } | Record::Delete => unreachable!("the store's own records"),
        }
    }

    fn apply_to_tail(&mut self, record: &Record<'_>, at: FrameRef, frames: &mut Frames) {
        match *record {
            Record::Data {
                base_offset,
                last_offset,
                leader_epoch,
                batch,
            } => {
                let max_timestamp = BatchHeader::parse(batch).map_or(-1, |header| header.max_timestamp);
                let partial = false;
                let entry = TailEntry {
                    base_offset,
                    last_offset,
                    max_timestamp,
                    leader_epoch,
                    at,
                    partial,
                };
                self.tail.push_back(entry, frames);
            }
            Record::Copy { batch, .. } => {
                if let Some(entry) = copied(record, at)
                    && !self.tail.move_to(entry, batch, frames)
                {
                    self.tail.insert(entry, frames);
                }
            }
            Record::Truncate { to_offset } => while self.tail.pop_back_from(to_offset, frames).is_some() {},
            Record::Start { offset: below } | Record::Flushed { end_offset: below, .. } => {
                while self.tail.pop_front_below(below, frames).is_some() {}
            }
            Record::Residue { .. } => apply_residue(&mut self.tail, record, at, frames),
            _ => {}
        }
    }

    /// All records before the checkpoint are in: the tail meets the files again.
    fn end_tail_fold(&mut self, frames: &mut Frames) {
        if !std::mem::take(&mut self.folding_tail) {
            return;
        }
        let files_end = self
            .segments
            .end_offset()
            .unwrap_or(self.start_offset)
            .max(self.start_offset);
        while self.tail.pop_front_below(files_end, frames).is_some() {}
        self.restart_producers(frames);
    }

    /// Everything was replayed. A tail that does not meet the rest is damage.
    pub fn finish_recovery(&mut self, frames: &mut Frames) {
        self.end_tail_fold(frames);
        let mut expected = self
            .segments
            .end_offset()
            .unwrap_or(self.start_offset)
            .max(self.start_offset);
        let mut missing = None;
        for entry in &self.tail.entries {
            if entry.base_offset > expected {
                missing.get_or_insert((expected, entry.base_offset - 1));
            }
            expected = entry.last_offset + 1;
        }
        if expected < self.end_offset {
            missing.get_or_insert((expected, self.end_offset - 1));
        }
        if let Some((first, last)) = missing {
            self.mark_damaged(&format!("records {first} to {last} are not in the journal"));
        }
    }

    fn apply_data(&mut self, base_offset: i64, batch: &[u8], at: FrameRef, frames: &mut Frames) {
        let header = match BatchHeader::parse(batch) {
            Ok(header) if header.batch_bytes() == batch.len() && header.base_offset == base_offset => header,
            _ => return self.mark_damaged(&format!("no batch in the journal at offset {base_offset}")),
        };
        if base_offset != self.end_offset {
            return self.mark_damaged(&format!("offset {base_offset} where {} is next", self.end_offset));
        }
        self.epochs.start(header.partition_leader_epoch, base_offset);
        self.producers.on_append(&header, batch);
        self.end_offset = header.next_offset();
        let entry = TailEntry {
            base_offset,
            last_offset: header.last_offset(),
            max_timestamp: header.max_timestamp,
            leader_epoch: header.partition_leader_epoch,
            at,
            partial: false,
        };
        self.tail.push_back(entry, frames);
    }

    fn apply_truncate(&mut self, to_offset: i64, at: FrameRef, frames: &mut Frames) {
        if to_offset >= self.end_offset {
            return;
        }
        self.generation += 1;
        self.truncated_in = at.frame_seq;
        let mut cuts_partial = false;
        while let Some(entry) = self.tail.pop_back_from(to_offset, frames) {
            cuts_partial = entry.partial;
        }
        if let Some(last) = self.tail.entries.back() {
            self.end_offset = last.last_offset + 1;
        } else {
            let files_end = self.segments.end_offset().unwrap_or(self.start_offset);
            self.end_offset = files_end.min(to_offset).max(self.start_offset);
            self.truncate_files(files_end, cuts_partial);
            self.settled.truncate(self.end_offset);
        }
        self.epochs.truncate_end(self.end_offset);
        if self
            .tail
            .entries
            .back()
            .is_some_and(|last| self.tail.bytes_of(last, frames).is_none())
        {
            // Its frame still fills, so its bytes are not here to start over from.
            self.producers.truncate(self.end_offset);
        } else {
            self.restart_producers(frames);
        }
    }

    /// The tail is empty, and the log ends where the files do or before.
    fn truncate_files(&mut self, files_end: i64, cuts_partial: bool) {
        if self.end_offset < files_end {
            // With nothing left to read, no file is kept: the start may be inside of a batch that is cut.
            let keeps = self.end_offset > self.start_offset;
            self.segments.truncate(if keeps { self.end_offset } else { 0 });
            self.tail.position = 0;
            return;
        }
        // The file has the beginning of a batch that is cut: nothing can be written after it.
        let is_torn = |active: &Segment| cuts_partial || self.tail.position != active.position;
        if self.segments.active.as_ref().is_some_and(is_torn) {
            let active = self.segments.active.take().expect("just seen");
            if active.end_offset == active.base_offset {
                self.segments.doomed.push(active);
            } else {
                self.segments.sealed.push(Segment {
                    cut: true,
                    index: None,
                    ..active
                });
            }
            self.tail.position = 0;
        }
    }

    /// Producers of the files, then of the batches in memory.
    fn restart_producers(&mut self, frames: &Frames) {
        self.producers = self.settled.clone();
        for entry in self.tail.entries.iter().filter(|entry| !entry.partial) {
            if let Some(batch) = self.tail.bytes_of(entry, frames)
                && let Ok(header) = BatchHeader::parse(&batch)
            {
                self.producers.on_append(&header, &batch);
            }
        }
    }

    fn apply_start(&mut self, offset: i64, frames: &mut Frames) {
        if offset <= self.start_offset {
            return;
        }
        self.start_offset = offset;
        self.segments.advance_start(offset);
        let beyond = offset > self.end_offset;
        while let Some(bytes) = self.tail.front().map(|entry| self.tail.bytes_of(entry, frames))
            && let Some(entry) = self.tail.pop_front_below(offset, frames)
        {
            self.settle(&entry, bytes.as_deref());
            self.generation += 1;
            let dropped = self.segments.active.take();
            self.segments.doomed.extend(dropped);
            self.tail.position = 0;
        }
        // Its last batch may go on in the tail.
        let is_below = |active: &Segment| active.end_offset <= offset && self.tail.position >= active.position;
        if self.segments.active.as_ref().is_some_and(is_below) && self.tail.front().is_none_or(|entry| !entry.partial) {
            self.generation += 1;
            let dropped = self.segments.active.take();
            self.segments.doomed.extend(dropped);
            self.tail.position = 0;
        }
        if beyond {
            self.end_offset = offset;
            self.epochs.clear();
            self.producers.clear();
            self.settled.clear();
        } else {
            self.epochs.truncate_start(offset);
        }
    }

    fn apply_roll(&mut self, file: FileId, base_offset: i64, created_ms: i64) {
        let SegmentList {
            sealed,
            active,
            next_file,
            ..
        } = &mut self.segments;
        sealed.extend(active.take());
        *next_file = file.number() + 1;
        *active = Some(Segment::new(file, base_offset, created_ms));
        self.tail.position = 0;
    }

    fn apply_flushed(&mut self, file: FileId, file_pos: u64, end_offset: i64, next_pos: u64, frames: &mut Frames) {
        if let Some(cut) = self.segments.sealed.iter_mut().find(|segment| segment.file == file) {
            cut.position = file_pos;
            cut.cut = false;
            return;
        }
        let interval_bytes = self.config.index_interval_bytes;
        let Some(mut active) = self.segments.active.take_if(|active| active.file == file) else {
            return;
        };
        let mut at = self.tail.position;
        while let Some(bytes) = self.tail.front().map(|entry| self.tail.bytes_of(entry, frames))
            && let Some(entry) = self.tail.pop_front_below(end_offset, frames)
        {
            at += u64::from(entry.at.len);
            active.note(&entry, at, interval_bytes);
            self.settle(&entry, bytes.as_deref());
        }
        active.position = file_pos;
        active.end_offset = end_offset;
        if next_pos < file_pos
            && let Some(entry) = self.tail.front()
        {
            active.note_times(entry);
        }
        self.tail.position = next_pos;
        self.segments.active = Some(active);
    }

    fn settle(&mut self, entry: &TailEntry, bytes: Option<&[u8]>) {
        if let Some(batch) = bytes.filter(|_| !entry.partial)
            && let Ok(header) = BatchHeader::parse(batch)
        {
            self.settled.on_append(&header, batch);
        }
    }
}

impl Segment {
    /// A batch is wholly in the file now and ends at `end_position`.
    fn note(&mut self, entry: &TailEntry, end_position: u64, interval_bytes: u32) {
        self.note_times(entry);
        let TailEntry {
            last_offset,
            max_timestamp,
            ..
        } = *entry;
        match &mut self.index {
            Some(index) if max_timestamp != UNKNOWN_TIMESTAMP && index.position <= end_position => {
                let batch = IndexedBatch {
                    last_offset,
                    max_timestamp,
                    end_position,
                };
                Rc::make_mut(index).push(batch, self.base_offset, interval_bytes);
            }
            _ => self.index = None,
        }
    }

    fn note_times(&mut self, entry: &TailEntry) {
        if self.position == 0 && self.first_timestamp < 0 && entry.base_offset == self.base_offset {
            self.first_timestamp = entry.max_timestamp;
        }
        self.max_timestamp = self.max_timestamp.max(entry.max_timestamp);
    }
}

/// The batch of a COPY record, where it lies now.
fn copied(record: &Record<'_>, at: FrameRef) -> Option<TailEntry> {
    let Record::Copy {
        base_offset,
        last_offset,
        leader_epoch,
        batch,
    } = *record
    else {
        return None;
    };
    Some(TailEntry {
        base_offset,
        last_offset,
        max_timestamp: BatchHeader::parse(batch).map_or(-1, |header| header.max_timestamp),
        leader_epoch,
        at,
        partial: false,
    })
}

/// Replaces the front of the tail by the copy of it in a RESIDUE record.
fn apply_residue(tail: &mut Tail, record: &Record<'_>, at: FrameRef, frames: &mut Frames) {
    let Record::Residue {
        base_offset,
        last_offset,
        partial_bytes,
        bytes,
        ..
    } = *record
    else {
        return;
    };
    let mut partial_timestamp = UNKNOWN_TIMESTAMP;
    while let Some(entry) = tail.pop_front_below(last_offset + 1, frames) {
        if entry.base_offset == base_offset {
            partial_timestamp = entry.max_timestamp;
        }
    }
    let part = |skipped: usize, len: usize| FrameRef {
        frame_seq: at.frame_seq,
        at: at.at + RESIDUE_PREFIX_BYTES + skipped as u32,
        len: len as u32,
    };
    tail.keep_copy(part(0, bytes.len()), bytes);
    let mut skipped = partial_bytes as usize;
    let mut batches = Vec::new();
    while let Some(Ok(header)) = bytes.get(skipped..).map(BatchHeader::parse) {
        batches.push(TailEntry {
            base_offset: header.base_offset,
            last_offset: header.last_offset(),
            max_timestamp: header.max_timestamp,
            leader_epoch: header.partition_leader_epoch,
            at: part(skipped, header.batch_bytes()),
            partial: false,
        });
        skipped += header.batch_bytes();
    }
    let partial = (partial_bytes > 0).then(|| TailEntry {
        base_offset,
        last_offset: batches.first().map_or(last_offset, |batch| batch.base_offset - 1),
        max_timestamp: partial_timestamp,
        leader_epoch: -1,
        at: part(0, partial_bytes as usize),
        partial: true,
    });
    for entry in partial.into_iter().chain(batches).rev() {
        tail.push_front(entry, frames);
    }
}
