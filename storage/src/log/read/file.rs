//! One segment as it was when a read was planned, and its index.

use std::{io, rc::Rc};

use bytes::Bytes;

use super::{
    super::{FileId, PartitionLog, Segment, SegmentFile, SegmentIndex},
    cache::{FileKey, ReadCache},
    window::{Fault, SCAN_BYTES, Source, Window, scan_into},
};
use crate::{
    disk::{BLOCK, Class, Disk, DiskFile, Open, aligned_zeroed},
    journal::frames::Frames,
};

/// One segment as it was when the read was planned.
#[derive(Clone, Debug)]
pub struct FileRead {
    pub(super) file: SegmentFile,
    pub(super) key: FileKey,
    /// Bytes of the file that count, and what comes after them in memory: the end of the last batch.
    position: u64,
    pub(super) suffix: Bytes,
    /// Offset after the last batch that counts.
    pub(super) end_offset: i64,
    sealed: bool,
    /// The file ends at `position` or, when it was trimmed and the record of that was lost, before.
    cut: bool,
    index: Option<Rc<SegmentIndex>>,
    index_interval_bytes: u32,
}

/// An index that a read had to make, for [`PartitionLog::learn_index`].
#[derive(Clone, Debug)]
pub struct LearnedIndex {
    file: FileId,
    position: u64,
    end_offset: i64,
    index: Rc<SegmentIndex>,
}

impl PartitionLog {
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

    pub(super) fn file_read(&self, segment: &Segment) -> FileRead {
        FileRead {
            file: SegmentFile::new(self.directory(), segment),
            key: FileKey {
                log: self.id(),
                file: segment.file,
            },
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
    pub(super) fn partial_read(&self, frames: &Frames) -> Option<FileRead> {
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

impl FileRead {
    pub(super) async fn open<D: Disk>(&self, disk: &D, cache: &ReadCache<D::File>) -> Result<D::File, Fault> {
        let file = cache.open(disk, self.key, &self.file).await;
        file.map_err(Fault::of_open)
    }

    /// How far the file counts.
    pub(super) async fn end<F: DiskFile>(&self, file: &F) -> Result<u64, Fault> {
        if self.cut {
            Ok(self.position.min(file.size().await.map_err(Fault::Io)?))
        } else {
            Ok(self.position)
        }
    }

    pub(super) async fn window<'a, F: DiskFile>(
        &self,
        file: &'a F,
        suffix: Bytes,
        read_bytes: usize,
    ) -> Result<Window<'a, F>, Fault> {
        let source = Source::File { read_bytes };
        Ok(Window::new(file, self.end(file).await?, suffix, source))
    }

    /// The segment's index: known, or read from its files, or made by a scan.
    pub(super) async fn index<D: Disk>(
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
                let mut window = self.window(file, Bytes::new(), SCAN_BYTES).await?;
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
