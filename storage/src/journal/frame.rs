//! A frame: one group commit, one aligned write, never rewritten until its file comes round in the ring.
//!
//! ```text
//!   0  u32 crc32c of bytes 4..128 and the sector table      ..
//!   4  u16 magic "JF"   6 u8 version   7 u8 flags            48  u64 chain: xxh3 of header and table
//!   8  u64 seed: disk and core directory                     56  u64 durable_seq: known durable when this was sealed
//!  16  u64 incarnation                                       64  u32 len  68 u32 payload_len  72 u32 records
//!  24  u64 frame_seq                                         76  u32 sectors  80 u32 body_start  84 u32 zero
//!  32  u32 file_seq   36 u32 block_in_file                   88  u64 wall clock ms, for people
//!  40  u64 prev_chain: chain of the frame before             96  u64 prev_seq  104 u32 prev_file_seq  108.. zero
//!                                                           128  u32 crc32c[sectors], one for each 4 KiB of the frame
//! ```
//! The table has one CRC for each 4 KiB sector as it lies on the disk; the first covers from `body_start` on. So the
//! header alone tells where the next frame is and how far the journal was durable, even if the body is damaged, and
//! damage is known to the sector. The first frame of a file is flagged; what it says of the frame before it (`prev_*`)
//! proves where the file before ended. The record batches' own CRC does not do: it leaves offset and epoch out.

use bytes::Bytes;
use corelane_protocol::crc32c;
use xxhash_rust::xxh3::Xxh3;

use super::record::{RECORD_ALIGN, RECORD_HEADER, RecordHeader, u32_at, u64_at};
use crate::disk::{AlignedBuf, BLOCK};

pub const FRAME_HEADER: usize = 128;
pub const FRAME_VERSION: u8 = 1;
const MAGIC: u16 = u16::from_le_bytes(*b"JF");
/// The first frame of its file.
pub const FLAG_FILE_HEAD: u8 = 1;
/// No records: only says how far the journal is durable.
pub const FLAG_WATERMARK: u8 = 2;

/// Where a frame lies: the start of block `block` of the file with this number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Address {
    pub file_seq: u32,
    pub block: u32,
}

/// One frame as seen by the next: enough to prove that nothing is missing between them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Link {
    pub file_seq: u32,
    pub frame_seq: u64,
    pub chain: u64,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FrameHeader {
    pub flags: u8,
    pub seed: u64,
    pub incarnation: u64,
    pub frame_seq: u64,
    pub address: Address,
    /// The frame before, in this file or, for a file's first frame, in the file before. Zeros if there was none.
    pub prev: Link,
    pub chain: u64,
    pub durable_seq: u64,
    /// Bytes on disk.
    pub len: u32,
    /// Bytes of records, from `body_start`.
    pub payload_len: u32,
    pub records: u32,
    pub body_start: u32,
    pub wall_ms: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FrameError {
    /// No frame of ours starts here.
    NotAFrame,
    /// It does, but its header is damaged or cut.
    Damaged,
    Newer(u8),
}

impl FrameHeader {
    /// Reads a header and checks its CRC; `bytes` start at the frame and reach at least through its sector table.
    pub fn parse(bytes: &[u8]) -> Result<FrameHeader, FrameError> {
        if bytes.len() < FRAME_HEADER || u16::from_le_bytes([bytes[4], bytes[5]]) != MAGIC {
            return Err(FrameError::NotAFrame);
        }
        let version = bytes[6];
        let sectors = u32_at(bytes, 76) as usize;
        let table = sectors
            .checked_mul(4)
            .and_then(|len| bytes.get(FRAME_HEADER..FRAME_HEADER.checked_add(len)?));
        let Some(table) = table else {
            return Err(FrameError::Damaged);
        };
        if u32_at(bytes, 0) != crc32c::crc32c_append(crc32c::crc32c(&bytes[4..FRAME_HEADER]), table) {
            return Err(FrameError::Damaged);
        }
        if version != FRAME_VERSION {
            return Err(FrameError::Newer(version));
        }
        let header = FrameHeader {
            flags: bytes[7],
            seed: u64_at(bytes, 8),
            incarnation: u64_at(bytes, 16),
            frame_seq: u64_at(bytes, 24),
            address: Address {
                file_seq: u32_at(bytes, 32),
                block: u32_at(bytes, 36),
            },
            prev: Link {
                file_seq: u32_at(bytes, 104),
                frame_seq: u64_at(bytes, 96),
                chain: u64_at(bytes, 40),
            },
            chain: u64_at(bytes, 48),
            durable_seq: u64_at(bytes, 56),
            len: u32_at(bytes, 64),
            payload_len: u32_at(bytes, 68),
            records: u32_at(bytes, 72),
            body_start: u32_at(bytes, 80),
            wall_ms: u64_at(bytes, 88),
        };
        let (len, body_start) = (header.len as usize, header.body_start as usize);
        let body_end = body_start.checked_add(header.payload_len as usize);
        let sound = len == sectors * BLOCK
            && body_start >= FRAME_HEADER + table.len()
            && body_end.is_some_and(|end| end <= len)
            && header.chain == chain(bytes, table);
        if sound { Ok(header) } else { Err(FrameError::Damaged) }
    }

    /// Sectors of the frame whose bytes are not those that were sealed; `frame` is the whole frame.
    pub fn bad_sectors(&self, frame: &[u8]) -> Vec<u32> {
        let sectors = self.len as usize / BLOCK;
        let mut bad = Vec::new();
        for sector in 0..sectors {
            let crc = u32_at(frame, FRAME_HEADER + sector * 4);
            if frame.get(covered(sector, self.body_start as usize)).map(crc32c::crc32c) != Some(crc) {
                bad.push(sector as u32);
            }
        }
        bad
    }
}

/// Bytes of the frame that a sector's CRC covers.
fn covered(sector: usize, body_start: usize) -> std::ops::Range<usize> {
    let end = (sector + 1) * BLOCK;
    (sector * BLOCK).max(body_start).min(end)..end
}

/// Over everything but the CRC and itself; the chain value of the frame before is in the header.
fn chain(header: &[u8], table: &[u8]) -> u64 {
    let mut hash = Xxh3::new();
    hash.update(&header[4..48]);
    hash.update(&header[56..FRAME_HEADER]);
    hash.update(table);
    hash.digest()
}

/// What is in every frame of one journal and one start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lineage {
    pub seed: u64,
    pub incarnation: u64,
}

/// What is known of a frame only when it is sealed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seal {
    pub lineage: Lineage,
    pub frame_seq: u64,
    pub address: Address,
    pub prev: Link,
    pub durable_seq: u64,
    pub wall_ms: u64,
}

/// A frame that takes records. Each is copied once, to where it will be written from and read from.
pub struct FrameBuilder {
    buffer: AlignedBuf,
    body_start: usize,
    records: u32,
    flags: u8,
}

impl FrameBuilder {
    /// With room for `body_bytes` of records without a reallocation, and for a table of frames up to
    /// `frame_bytes_max`; a single larger record makes the table larger.
    pub fn new(body_bytes: usize, frame_bytes_max: usize, first_record: usize) -> FrameBuilder {
        let body_start = body_start(frame_bytes_max.max(first_record + 2 * BLOCK));
        let capacity = (body_start + body_bytes.max(first_record)).next_multiple_of(BLOCK);
        let mut buffer = AlignedBuf::with_capacity(BLOCK, capacity);
        buffer.resize(body_start, 0);
        FrameBuilder {
            buffer,
            body_start,
            records: 0,
            flags: 0,
        }
    }

    pub fn set_flags(&mut self, flags: u8) {
        self.flags |= flags;
    }

    pub fn records(&self) -> u32 {
        self.records
    }

    pub fn is_empty(&self) -> bool {
        self.records == 0
    }

    /// Bytes on disk if sealed now.
    pub fn len(&self) -> usize {
        self.buffer.len().next_multiple_of(BLOCK)
    }

    /// Bytes on disk with one more record of this length, header included.
    pub fn len_with(&self, record: usize) -> usize {
        (self.buffer.len() + record.next_multiple_of(RECORD_ALIGN)).next_multiple_of(BLOCK)
    }

    /// Copies a record in; says where in the frame its body lies.
    pub fn push(&mut self, header: &RecordHeader, body: &[u8]) -> u32 {
        debug_assert_eq!(header.len as usize, RECORD_HEADER + body.len());
        let end = self.buffer.len() + (header.len as usize).next_multiple_of(RECORD_ALIGN);
        if end > self.buffer.capacity() {
            // Doubling: a frame is copied at most once over while it grows.
            let mut larger =
                AlignedBuf::with_capacity(BLOCK, (self.buffer.capacity() * 2).max(end.next_multiple_of(BLOCK)));
            larger.extend_from_slice(&self.buffer);
            self.buffer = larger;
        }
        self.buffer.extend_from_slice(&header.encode());
        let at = self.buffer.len() as u32;
        self.buffer.extend_from_slice(body);
        self.buffer.resize(end, 0);
        self.records += 1;
        at
    }

    /// The body just pushed or before, to set what is assigned late: offset and epoch of a batch.
    pub fn body_mut(&mut self, at: u32, len: usize) -> &mut [u8] {
        &mut self.buffer[at as usize..at as usize + len]
    }

    pub fn body(&self, at: u32, len: usize) -> &[u8] {
        &self.buffer[at as usize..at as usize + len]
    }

    /// Writes header and sector table; the frame is as it will be on the disk, and its chain value.
    pub fn seal(mut self, seal: &Seal) -> (Bytes, u64) {
        let payload_len = self.buffer.len() - self.body_start;
        let len = self.len();
        self.buffer.resize(len, 0);
        let sectors = len / BLOCK;
        for sector in 0..sectors {
            let crc = crc32c::crc32c(&self.buffer[covered(sector, self.body_start)]);
            self.buffer[FRAME_HEADER + sector * 4..][..4].copy_from_slice(&crc.to_le_bytes());
        }
        let buffer = &mut self.buffer;
        buffer[4..6].copy_from_slice(&MAGIC.to_le_bytes());
        buffer[6] = FRAME_VERSION;
        buffer[7] = self.flags;
        buffer[8..16].copy_from_slice(&seal.lineage.seed.to_le_bytes());
        buffer[16..24].copy_from_slice(&seal.lineage.incarnation.to_le_bytes());
        buffer[24..32].copy_from_slice(&seal.frame_seq.to_le_bytes());
        buffer[32..36].copy_from_slice(&seal.address.file_seq.to_le_bytes());
        buffer[36..40].copy_from_slice(&seal.address.block.to_le_bytes());
        buffer[56..64].copy_from_slice(&seal.durable_seq.to_le_bytes());
        buffer[64..68].copy_from_slice(&(len as u32).to_le_bytes());
        buffer[68..72].copy_from_slice(&(payload_len as u32).to_le_bytes());
        buffer[72..76].copy_from_slice(&self.records.to_le_bytes());
        buffer[76..80].copy_from_slice(&(sectors as u32).to_le_bytes());
        buffer[80..84].copy_from_slice(&(self.body_start as u32).to_le_bytes());
        buffer[88..96].copy_from_slice(&seal.wall_ms.to_le_bytes());
        buffer[40..48].copy_from_slice(&seal.prev.chain.to_le_bytes());
        buffer[96..104].copy_from_slice(&seal.prev.frame_seq.to_le_bytes());
        buffer[104..108].copy_from_slice(&seal.prev.file_seq.to_le_bytes());
        let chain = seal_header(buffer, sectors);
        (Bytes::from_owner(self.buffer), chain)
    }
}

/// Writes chain value and CRC into a header that is finished but for them, as is the table behind it.
pub(crate) fn seal_header(frame: &mut [u8], sectors: usize) -> u64 {
    let (header, table) = frame[..FRAME_HEADER + sectors * 4].split_at(FRAME_HEADER);
    let chain = chain(header, table);
    frame[48..56].copy_from_slice(&chain.to_le_bytes());
    let crc = crc32c::crc32c(&frame[4..FRAME_HEADER + sectors * 4]);
    frame[0..4].copy_from_slice(&crc.to_le_bytes());
    chain
}

/// Where records start in a frame whose table has room for this many bytes of frame.
fn body_start(frame_bytes: usize) -> usize {
    let mut sectors = frame_bytes.div_ceil(BLOCK);
    // A table of a huge frame takes sectors itself.
    sectors += (FRAME_HEADER + sectors * 4).div_ceil(BLOCK);
    (FRAME_HEADER + sectors * 4).next_multiple_of(64)
}

/// The records of a frame, with where each body lies. Damaged sectors are stepped over as long as the record headers
/// can be read; from the first that cannot, nothing is known of the rest.
pub struct Records<'a> {
    frame: &'a [u8],
    at: usize,
    end: usize,
    bad: &'a [u32],
}

#[derive(Debug, PartialEq)]
pub enum Found<'a> {
    Record {
        header: RecordHeader,
        at: u32,
        body: &'a [u8],
    },
    /// Bytes of this log's record are damaged.
    DamagedBody { header: RecordHeader },
    /// What follows in this frame cannot be told.
    DamagedRest,
}

/// `frame` must be the frame that `header` was parsed from, and `bad` its damaged sectors.
pub fn records<'a>(header: &FrameHeader, frame: &'a [u8], bad: &'a [u32]) -> Records<'a> {
    let at = header.body_start as usize;
    Records {
        frame,
        at,
        end: at + header.payload_len as usize,
        bad,
    }
}

impl Records<'_> {
    fn is_bad(&self, from: usize, to: usize) -> bool {
        self.bad.iter().any(|sector| {
            let start = *sector as usize * BLOCK;
            start < to && from < start + BLOCK
        })
    }
}

impl<'a> Iterator for Records<'a> {
    type Item = Found<'a>;

    fn next(&mut self) -> Option<Found<'a>> {
        if self.at >= self.end {
            return None;
        }
        let start = self.at;
        let body_at = start + RECORD_HEADER;
        let readable = body_at <= self.end && !self.is_bad(start, body_at);
        let header = if readable {
            RecordHeader::parse(&self.frame[start..body_at]).ok()
        } else {
            None
        };
        let sound = header.filter(|h| h.len as usize >= RECORD_HEADER && start + h.len as usize <= self.end);
        let Some(header) = sound else {
            self.at = self.end;
            return Some(Found::DamagedRest);
        };
        let body_end = start + header.len as usize;
        self.at = start + (header.len as usize).next_multiple_of(RECORD_ALIGN);
        if body_at < body_end && self.is_bad(body_at, body_end) {
            return Some(Found::DamagedBody { header });
        }
        Some(Found::Record {
            header,
            at: body_at as u32,
            body: &self.frame[body_at..body_end],
        })
    }
}
