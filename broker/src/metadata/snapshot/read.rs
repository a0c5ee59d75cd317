//! Snapshots are read in whatever pieces they come.

use corelane_protocol::crc32c;

use super::{
    super::{
        image::{ApplyError, RootImage, ShardImage},
        placement::ROOT_GROUP,
        records::{self, RecordError},
    },
    FOOTER_BYTES, FRAME_BYTES_MAX, HEADER_BYTES, MAGIC, Snapshot, VERSION,
};

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SnapshotError {
    #[error("these bytes are no snapshot")]
    NoSnapshot,
    #[error("snapshot of version {0}: a newer release wrote it, use that one")]
    NewerVersion(u16),
    /// Bytes changed since they were written.
    #[error("snapshot is damaged: {0}")]
    Damaged(&'static str),
    #[error("snapshot ends early")]
    Torn,
    #[error(transparent)]
    Record(#[from] RecordError),
    #[error(transparent)]
    Apply(#[from] ApplyError),
}

#[derive(Debug, Default)]
pub struct Reader {
    /// What is not read yet: less than a frame, between two calls.
    bytes: Vec<u8>,
    building: Option<Building>,
    entries: u64,
    crc: u32,
    is_complete: bool,
}

#[derive(Debug)]
struct Building {
    snapshot: Snapshot,
    applied_end: u64,
    applied_term: u32,
}

impl Reader {
    pub fn new() -> Reader {
        Reader::default()
    }

    /// The next bytes, however many.
    pub fn feed(&mut self, bytes: &[u8]) -> Result<(), SnapshotError> {
        self.bytes.extend_from_slice(bytes);
        let mut read = 0;
        while let Some(used) = self.read_part(read)? {
            read += used;
        }
        self.bytes.drain(..read);
        Ok(())
    }

    /// All bytes were given.
    pub fn finish(self) -> Result<Snapshot, SnapshotError> {
        let Some(building) = self.building.filter(|_| self.is_complete && self.bytes.is_empty()) else {
            return Err(SnapshotError::Torn);
        };
        Ok(match building.snapshot {
            Snapshot::Root(mut image) => {
                image.applied_end = building.applied_end;
                image.applied_term = building.applied_term;
                Snapshot::Root(image)
            }
            Snapshot::Shard(number, mut image) => {
                image.applied_end = building.applied_end;
                image.applied_term = building.applied_term;
                Snapshot::Shard(number, image)
            }
        })
    }

    /// Reads what is at `from`, if it is whole, and says how long it is.
    fn read_part(&mut self, from: usize) -> Result<Option<usize>, SnapshotError> {
        let rest = &self.bytes[from..];
        if self.is_complete {
            return if rest.is_empty() {
                Ok(None)
            } else {
                Err(SnapshotError::Damaged("bytes after the end"))
            };
        }
        if self.building.is_none() {
            let Some(header) = rest.first_chunk::<HEADER_BYTES>() else {
                return Ok(None);
            };
            self.building = Some(read_header(header)?);
            self.crc = crc32c::crc32c(header);
            return Ok(Some(HEADER_BYTES));
        }
        let Some(length) = u32_at(rest, 0) else {
            return Ok(None);
        };
        if length == 0 {
            return self.read_footer(from);
        }
        self.read_frame(from, length as usize)
    }

    fn read_frame(&mut self, from: usize, length: usize) -> Result<Option<usize>, SnapshotError> {
        if length > FRAME_BYTES_MAX {
            return Err(SnapshotError::Damaged("a frame is too large"));
        }
        let rest = &self.bytes[from..];
        let (Some(crc), Some(body)) = (u32_at(rest, 4), rest.get(8..8 + length)) else {
            return Ok(None);
        };
        if crc32c::crc32c(body) != crc {
            return Err(SnapshotError::Damaged("a frame's checksum"));
        }
        self.crc = crc32c::crc32c_append(self.crc, &rest[..8 + length]);
        let building = self.building.as_mut().expect("the header comes first");
        self.entries += apply_entries(&mut building.snapshot, body)?;
        Ok(Some(8 + length))
    }

    fn read_footer(&mut self, from: usize) -> Result<Option<usize>, SnapshotError> {
        let rest = &self.bytes[from..];
        let (Some(entries), Some(crc)) = (u64_at(rest, 4), u32_at(rest, 12)) else {
            return Ok(None);
        };
        if entries != self.entries {
            return Err(SnapshotError::Damaged("the number of entries"));
        }
        if crc != self.crc {
            return Err(SnapshotError::Damaged("the checksum of the whole"));
        }
        self.is_complete = true;
        Ok(Some(FOOTER_BYTES))
    }
}

fn read_header(header: &[u8; HEADER_BYTES]) -> Result<Building, SnapshotError> {
    if header[..8] != MAGIC {
        return Err(SnapshotError::NoSnapshot);
    }
    let version = u16::from_le_bytes([header[8], header[9]]);
    if version > VERSION {
        return Err(SnapshotError::NewerVersion(version));
    }
    if u32_at(header, HEADER_BYTES - 4) != Some(crc32c::crc32c(&header[..HEADER_BYTES - 4])) {
        return Err(SnapshotError::Damaged("the header's checksum"));
    }
    let fields = (u32_at(header, 10), u64_at(header, 14), u32_at(header, 22));
    let (Some(group), Some(applied_end), Some(applied_term)) = fields else {
        return Err(SnapshotError::Torn);
    };
    let snapshot = match group.checked_sub(ROOT_GROUP + 1) {
        None => Snapshot::Root(RootImage::default()),
        Some(number) => {
            let number = u16::try_from(number).map_err(|_| SnapshotError::Damaged("the group"))?;
            Snapshot::Shard(number, ShardImage::default())
        }
    };
    Ok(Building {
        snapshot,
        applied_end,
        applied_term,
    })
}

fn apply_entries(snapshot: &mut Snapshot, body: &[u8]) -> Result<u64, SnapshotError> {
    let (mut at, mut entries) = (0, 0);
    while at < body.len() {
        let (Some(index), Some(length)) = (u64_at(body, at), u32_at(body, at + 8)) else {
            return Err(SnapshotError::Damaged("an entry"));
        };
        at += 12;
        let value = body.get(at..at + length as usize);
        let value = value.ok_or(SnapshotError::Damaged("an entry"))?;
        at += value.len();
        for record in records::decode(value)? {
            match snapshot {
                Snapshot::Root(image) => image.apply(index, &record)?,
                Snapshot::Shard(_, image) => image.apply(index, &record)?,
            }
        }
        entries += 1;
    }
    Ok(entries)
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}
