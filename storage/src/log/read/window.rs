//! A look through one segment file, piece by piece, batch by batch; and the scan of a whole one.

use std::io;

use bytes::{Bytes, BytesMut};
use corelane_protocol::records::{BATCH_HEADER_BYTES, BatchHeader, check_crc};

use super::{
    super::{SegmentFile, SegmentIndex, index::IndexedBatch},
    cache::{CHUNK_BYTES, FileKey, ReadCache, chunk_of},
};
use crate::{
    disk::{BLOCK, DiskFile, aligned_zeroed},
    store::ReadError,
};

const BLOCK_BYTES: u64 = BLOCK as u64;
/// What a scan reads of a file at once; a larger batch is read in one piece nevertheless.
pub(super) const SCAN_BYTES: usize = 1024 * 1024;

/// A piece of a segment in memory, moved along as batches are looked at.
pub(super) struct Window<'a, F> {
    file: &'a F,
    position: u64,
    suffix: Bytes,
    source: Source<'a, F>,
    start: u64,
    bytes: Bytes,
}

/// Where a window gets its pieces.
pub(super) enum Source<'a, F> {
    /// From the file, so many bytes at once.
    File { read_bytes: usize },
    /// In whole chunks, from those that are kept.
    Cache(&'a ReadCache<F>, FileKey),
}

/// A batch, and how much is held for it.
pub(super) struct Batch {
    pub bytes: Bytes,
    /// The chunk that it is a part of; None: its memory is its own.
    pub chunk: Option<u64>,
}

impl<'a, F: DiskFile> Window<'a, F> {
    pub fn new(file: &'a F, position: u64, suffix: Bytes, source: Source<'a, F>) -> Window<'a, F> {
        Window {
            file,
            position,
            suffix,
            source,
            start: 0,
            bytes: Bytes::new(),
        }
    }

    fn end(&self) -> u64 {
        self.position + self.suffix.len() as u64
    }

    /// The header of the batch at `at`, if it is wholly there and below `end_offset`. Its offsets must continue.
    pub async fn header(&mut self, at: u64, next_offset: i64, end_offset: i64) -> Result<Option<BatchHeader>, Fault> {
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
    pub async fn batch(&mut self, at: u64, len: usize) -> Result<Batch, Fault> {
        let bytes = self.get(at, len).await?;
        check_crc(&bytes).map_err(|error| Fault::Corrupt {
            position: at,
            what: error.to_string(),
        })?;
        let end = at + len as u64;
        let is_shared = matches!(self.source, Source::Cache(..)) && chunk_of(at) == chunk_of(end - 1);
        let chunk = (is_shared && end <= self.position).then(|| chunk_of(at));
        Ok(Batch { bytes, chunk })
    }

    async fn get(&mut self, at: u64, len: usize) -> Result<Bytes, Fault> {
        let covered = self.start..self.start + self.bytes.len() as u64;
        if !covered.contains(&at) || at + len as u64 > covered.end {
            match self.source {
                Source::File { read_bytes } => self.load(at, len, read_bytes).await?,
                Source::Cache(cache, key) => return self.join(cache, key, at, len).await,
            }
        }
        let skip = (at - self.start) as usize;
        Ok(self.bytes.slice(skip..skip + len))
    }

    /// `at + len` is not beyond the end. What lies in one chunk is a slice of it, anything else a copy.
    async fn join(&mut self, cache: &ReadCache<F>, key: FileKey, at: u64, len: usize) -> Result<Bytes, Fault> {
        let (file_end, end) = (self.position.min(at + len as u64), at + len as u64);
        let mut joined = BytesMut::new();
        let mut next = at;
        while next < file_end {
            let number = chunk_of(next);
            let chunk = cache.chunk(self.file, key, number, self.position).await;
            self.bytes = chunk.map_err(Fault::of_read)?;
            self.start = number * CHUNK_BYTES as u64;
            let skip = (next - self.start) as usize;
            let taken = ((file_end - next) as usize).min(self.bytes.len() - skip);
            if taken == len {
                return Ok(self.bytes.slice(skip..skip + len));
            }
            joined.reserve(len - joined.len());
            joined.extend_from_slice(&self.bytes[skip..skip + taken]);
            next += taken as u64;
        }
        if end > next {
            let from = (next - self.position) as usize;
            joined.extend_from_slice(&self.suffix[from..from + (end - next) as usize]);
        }
        Ok(joined.freeze())
    }

    /// `at + len` is not beyond the end.
    async fn load(&mut self, at: u64, len: usize, read_bytes: usize) -> Result<(), Fault> {
        let start = at.min(self.position) / BLOCK_BYTES * BLOCK_BYTES;
        let wanted = ((at - start) as usize + len).max(read_bytes).next_multiple_of(BLOCK) as u64;
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

/// Scans a whole file: its index, and where the batch at `end_offset` starts.
pub(crate) async fn scan<F: DiskFile>(
    file: &F,
    name: &SegmentFile,
    position: u64,
    end_offset: i64,
    index_interval_bytes: u32,
) -> Result<SegmentIndex, ReadError> {
    let position = position.min(file.size().await.map_err(|error| Fault::Io(error).into_error(name))?);
    let source = Source::File { read_bytes: SCAN_BYTES };
    let mut window = Window::new(file, position, Bytes::new(), source);
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

pub(super) async fn scan_into<F: DiskFile>(
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

/// Why a look ended early.
pub(super) enum Fault {
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
    pub fn of_open(error: io::Error) -> Fault {
        if error.kind() == io::ErrorKind::NotFound {
            Fault::Gone
        } else {
            Fault::Io(error)
        }
    }

    fn of_read(error: io::Error) -> Fault {
        if error.kind() == io::ErrorKind::UnexpectedEof {
            let what = "the file is shorter than it was".to_string();
            Fault::Corrupt { position: 0, what }
        } else {
            Fault::Io(error)
        }
    }

    pub fn into_error(self, file: &SegmentFile) -> ReadError {
        let path = file.log_path();
        match self {
            Fault::Gone => ReadError::Io(format!("{path}: not found")),
            Fault::Io(error) => ReadError::Io(format!("{path}: {error}")),
            Fault::Corrupt { position, what } => ReadError::Corrupt(format!("{path} at {position}: {what}")),
            Fault::Read(error) => error,
        }
    }
}
