//! The files of a log, as the engine sees them: how far each is known to be on the disk, and what it holds.
//!
//! Names are Kafka's: `00000000000000000042.log` starts at offset 42. After a truncation a new file may start where an
//! old one, which is not removed yet, started: then its number goes into the name (`00000000000000000042.7.log`), which
//! Kafka's tools read as well.

use std::rc::Rc;

use super::index::SegmentIndex;

/// Number of a file in its log, never used again; the top bit says that the number is in the file's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct FileId(pub u64);

impl FileId {
    const IN_NAME: u64 = 1 << 63;

    pub(super) fn new(number: u64, in_name: bool) -> FileId {
        FileId(number | if in_name { FileId::IN_NAME } else { 0 })
    }

    pub fn number(self) -> u64 {
        self.0 & !FileId::IN_NAME
    }

    fn is_in_name(self) -> bool {
        self.0 & FileId::IN_NAME != 0
    }
}

/// Files of a segment beside its `.log` and the `.snapshot` at its end.
pub(crate) const COMPANIONS: [&str; 2] = ["index", "timeindex"];

/// One segment. `position` never goes back, and the blocks before it are never written again.
#[derive(Clone, Debug)]
pub struct Segment {
    pub file: FileId,
    pub base_offset: i64,
    /// Bytes that are durable in the file: whole blocks, and the exact length once sealed.
    pub position: u64,
    /// Offset after the last batch that is wholly below `position`.
    pub end_offset: i64,
    /// Latest time of its records, those of a batch that is partly in the file included; -1 for none.
    pub max_timestamp: i64,
    /// Time of its first batch, for `segment.ms`; -1 for none.
    pub first_timestamp: i64,
    pub created_ms: i64,
    /// `end_offset` was lowered by a truncation; the file still holds what was cut, and has no index files.
    pub cut: bool,
    /// None until it is needed.
    pub(super) index: Option<Rc<SegmentIndex>>,
}

impl Segment {
    pub(crate) fn new(file: FileId, base_offset: i64, created_ms: i64) -> Segment {
        Segment {
            file,
            base_offset,
            position: 0,
            end_offset: base_offset,
            max_timestamp: -1,
            first_timestamp: -1,
            created_ms,
            cut: false,
            index: Some(Rc::default()),
        }
    }

    /// File name without directory: `extension` is `log` or one of its companions'.
    pub fn file_name(&self, extension: &str) -> String {
        if self.file.is_in_name() {
            format!("{:020}.{}.{extension}", self.base_offset, self.file.number())
        } else {
            format!("{:020}.{extension}", self.base_offset)
        }
    }

    /// The time that retention goes by.
    pub fn largest_timestamp(&self) -> i64 {
        if self.max_timestamp >= 0 {
            self.max_timestamp
        } else {
            self.created_ms
        }
    }
}

/// Kafka's name of the producers' snapshot at an offset: the end of one segment and the start of the next.
pub(super) fn snapshot_name(offset: i64) -> String {
    format!("{offset:020}.snapshot")
}

/// All segments of a log, oldest first.
#[derive(Clone, Debug, Default)]
pub struct SegmentList {
    /// Complete files.
    pub sealed: Vec<Segment>,
    /// The file that write-out goes to; none before the first write-out and after a truncation into files.
    pub active: Option<Segment>,
    /// No longer part of the log since the last checkpoint.
    pub(super) doomed: Vec<Segment>,
    /// No longer part of the log in the last checkpoint: being removed.
    pub(super) unlinking: Vec<Segment>,
    /// Number of the next file.
    pub(super) next_file: u64,
}

impl SegmentList {
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &Segment> {
        self.sealed.iter().chain(&self.active)
    }

    /// Bytes in files.
    pub fn bytes(&self) -> u64 {
        self.iter().map(|segment| segment.position).sum()
    }

    /// Offset after the batches that are wholly in files; None without files.
    pub fn end_offset(&self) -> Option<i64> {
        self.iter().next_back().map(|last| last.end_offset)
    }

    /// The segment that holds `offset`, or the next one above where offsets are missing.
    pub fn holding(&self, offset: i64) -> Option<&Segment> {
        let index = self.sealed.partition_point(|segment| segment.end_offset <= offset);
        self.sealed
            .get(index)
            .or(self.active.as_ref().filter(|active| active.end_offset > offset))
    }

    /// The id of a new file that starts at `base_offset`.
    pub(super) fn next_file_id(&self, base_offset: i64) -> FileId {
        let all = self.iter().chain(&self.doomed).chain(&self.unlinking);
        let taken = all
            .into_iter()
            .any(|segment| segment.base_offset == base_offset && !segment.file.is_in_name());
        FileId::new(self.next_file, taken)
    }

    /// Ends the files at `to_offset`, dropping what lies wholly beyond. There is no active segment then.
    pub(super) fn truncate(&mut self, to_offset: i64) {
        self.sealed.extend(self.active.take());
        let kept = self.sealed.partition_point(|segment| segment.base_offset < to_offset);
        self.doomed.extend(self.sealed.drain(kept..));
        if let Some(last) = self.sealed.last_mut()
            && last.end_offset > to_offset
        {
            last.end_offset = to_offset;
            last.cut = true;
            last.index = None;
        }
    }

    /// There are files that are no longer part of the log, and not being removed yet.
    pub fn has_doomed(&self) -> bool {
        !self.doomed.is_empty()
    }

    /// Dooms the sealed files that lie wholly below `start_offset`.
    pub(super) fn advance_start(&mut self, start_offset: i64) {
        let gone = self
            .sealed
            .partition_point(|segment| segment.end_offset <= start_offset);
        self.doomed.extend(self.sealed.drain(..gone));
    }
}
