//! What the journal says: one table of record kinds, their bytes, and the one form in which live appends and replay
//! hand them to a [`crate::log::PartitionLog`].
//!
//! Layout (little endian, 8-byte aligned in the frame): u32 len of header and body, u8 kind, u8 flags, u16 reserved,
//! u64 log_id, i64 base_offset, i32 last_offset_delta, i32 leader_epoch, u64 aux; then the body.

use uuid::Uuid;

use crate::store::{LogConfig, LogId, LogSpec, StateKind};

/// Bytes of a record's header.
pub const RECORD_HEADER: usize = 40;
/// Records start at multiples of this many bytes.
pub const RECORD_ALIGN: usize = 8;

/// One change of one log. Borrowed from a frame, or from what is about to be written into one.
#[derive(Clone, Debug, PartialEq)]
pub enum Record<'a> {
    /// One RecordBatch v2 with its offset and epoch set.
    Data {
        base_offset: i64,
        last_offset: i64,
        leader_epoch: i32,
        batch: &'a [u8],
    },
    /// Copy-forward of the part of a tail that is less than a block, so that the frames it came from can go: all
    /// bytes of the segment from `file_pos` that came from frames to be freed. They replace every tail entry up to and
    /// including `last_offset`; entries above stay. `base_offset` is that of the first batch with bytes in it.
    Residue {
        file_id: u64,
        file_pos: u64,
        base_offset: i64,
        last_offset: i64,
        /// How many of the bytes are the end of a batch that starts in the file; whole batches follow.
        partial_bytes: u32,
        bytes: &'a [u8],
    },
    /// A batch of the tail once more, so that the frame it came from can go: it is here from now on.
    Copy {
        base_offset: i64,
        last_offset: i64,
        leader_epoch: i32,
        batch: &'a [u8],
    },
    /// Batches that end at or beyond `to_offset` are gone.
    Truncate {
        to_offset: i64,
    },
    /// The log start offset.
    Start {
        offset: i64,
    },
    Epoch {
        leader_epoch: i32,
        start_offset: i64,
    },
    State {
        kind: StateKind,
        value: &'a [u8],
    },
    /// From `base_offset` on, batches go to the segment `file_id`; the one before is sealed.
    Roll {
        file_id: u64,
        base_offset: i64,
        created_ms: i64,
    },
    /// The segment's data and metadata are durable up to `file_pos`, and all batches below `end_offset` wholly so.
    Flushed {
        file_id: u64,
        file_pos: u64,
        end_offset: i64,
        /// Where the batch at `end_offset` starts: before `file_pos` if a part of it is in the file already.
        next_pos: u64,
    },
    Create {
        spec: LogSpec,
        config: LogConfig,
        /// Another log has the directory of this name: this one's has its id behind.
        suffixed: bool,
    },
    Configure {
        config: LogConfig,
    },
    Delete,
}

/// A record, or its log, cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct RecordError(pub &'static str);

/// The header of a record, as it lies in a frame.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RecordHeader {
    pub len: u32,
    pub kind: u8,
    pub flags: u8,
    pub log_id: u64,
    pub base_offset: i64,
    pub last_offset_delta: i32,
    pub leader_epoch: i32,
    pub aux: u64,
}

pub mod kind {
    pub const DATA: u8 = 1;
    pub const RESIDUE: u8 = 2;
    pub const TRUNCATE: u8 = 3;
    pub const START: u8 = 4;
    pub const EPOCH: u8 = 5;
    pub const STATE: u8 = 6;
    pub const ROLL: u8 = 7;
    pub const FLUSHED: u8 = 8;
    pub const CREATE: u8 = 9;
    pub const CONFIGURE: u8 = 10;
    pub const DELETE: u8 = 11;
    pub const FILE_HEAD: u8 = 12;
    pub const COPY: u8 = 13;
}

impl RecordHeader {
    pub fn parse(bytes: &[u8]) -> Result<RecordHeader, RecordError> {
        let bytes = bytes.get(..RECORD_HEADER).ok_or(RecordError("record header cut"))?;
        Ok(RecordHeader {
            len: u32_at(bytes, 0),
            kind: bytes[4],
            flags: bytes[5],
            log_id: u64_at(bytes, 8),
            base_offset: u64_at(bytes, 16) as i64,
            last_offset_delta: u32_at(bytes, 24) as i32,
            leader_epoch: u32_at(bytes, 28) as i32,
            aux: u64_at(bytes, 32),
        })
    }

    pub fn encode(&self) -> [u8; RECORD_HEADER] {
        let mut bytes = [0; RECORD_HEADER];
        bytes[0..4].copy_from_slice(&self.len.to_le_bytes());
        bytes[4] = self.kind;
        bytes[5] = self.flags;
        bytes[8..16].copy_from_slice(&self.log_id.to_le_bytes());
        bytes[16..24].copy_from_slice(&self.base_offset.to_le_bytes());
        bytes[24..28].copy_from_slice(&self.last_offset_delta.to_le_bytes());
        bytes[28..32].copy_from_slice(&self.leader_epoch.to_le_bytes());
        bytes[32..40].copy_from_slice(&self.aux.to_le_bytes());
        bytes
    }
}

impl<'a> Record<'a> {
    /// The header that goes before `body`, and the body itself when it is not the caller's bytes already.
    pub fn encode(&self, log: LogId) -> (RecordHeader, Body<'a>) {
        let mut header = RecordHeader {
            log_id: log.0,
            leader_epoch: -1,
            ..RecordHeader::default()
        };
        let body = match self {
            Record::Data {
                base_offset,
                last_offset,
                leader_epoch,
                batch,
            }
            | Record::Copy {
                base_offset,
                last_offset,
                leader_epoch,
                batch,
            } => {
                let is_copy = matches!(self, Record::Copy { .. });
                header.kind = if is_copy { kind::COPY } else { kind::DATA };
                header.base_offset = *base_offset;
                header.last_offset_delta = (*last_offset - *base_offset) as i32;
                header.leader_epoch = *leader_epoch;
                Body::Borrowed(batch)
            }
            Record::Residue {
                file_id,
                file_pos,
                base_offset,
                last_offset,
                partial_bytes,
                bytes,
            } => {
                header.kind = kind::RESIDUE;
                header.base_offset = *base_offset;
                header.last_offset_delta = *partial_bytes as i32;
                header.aux = *file_id;
                let mut body = Vec::with_capacity(16 + bytes.len());
                body.extend_from_slice(&file_pos.to_le_bytes());
                body.extend_from_slice(&last_offset.to_le_bytes());
                body.extend_from_slice(bytes);
                Body::Owned(body)
            }
            Record::Truncate { to_offset } => {
                header.kind = kind::TRUNCATE;
                header.base_offset = *to_offset;
                Body::Borrowed(&[])
            }
            Record::Start { offset } => {
                header.kind = kind::START;
                header.base_offset = *offset;
                Body::Borrowed(&[])
            }
            Record::Epoch {
                leader_epoch,
                start_offset,
            } => {
                header.kind = kind::EPOCH;
                header.base_offset = *start_offset;
                header.leader_epoch = *leader_epoch;
                Body::Borrowed(&[])
            }
            Record::State { kind, value } => {
                header.kind = kind::STATE;
                header.aux = *kind as u64;
                Body::Borrowed(value)
            }
            Record::Roll {
                file_id,
                base_offset,
                created_ms,
            } => {
                header.kind = kind::ROLL;
                header.base_offset = *base_offset;
                header.aux = *file_id;
                Body::Owned(created_ms.to_le_bytes().to_vec())
            }
            Record::Flushed {
                file_id,
                file_pos,
                end_offset,
                next_pos,
            } => {
                header.kind = kind::FLUSHED;
                header.base_offset = *end_offset;
                header.aux = *file_id;
                Body::Owned([file_pos.to_le_bytes(), next_pos.to_le_bytes()].concat())
            }
            Record::Create { spec, config, suffixed } => {
                header.kind = kind::CREATE;
                header.flags = (*suffixed).into();
                let mut body = Vec::new();
                encode_spec(spec, &mut body);
                encode_config(config, &mut body);
                Body::Owned(body)
            }
            Record::Configure { config } => {
                header.kind = kind::CONFIGURE;
                let mut body = Vec::new();
                encode_config(config, &mut body);
                Body::Owned(body)
            }
            Record::Delete => {
                header.kind = kind::DELETE;
                Body::Borrowed(&[])
            }
        };
        header.len = (RECORD_HEADER + body.as_slice().len()) as u32;
        (header, body)
    }

    /// The record that `header` and its body are.
    pub fn decode(header: &RecordHeader, body: &'a [u8]) -> Result<(LogId, Record<'a>), RecordError> {
        let record = match header.kind {
            kind::DATA => Record::Data {
                base_offset: header.base_offset,
                last_offset: last_offset(header)?,
                leader_epoch: header.leader_epoch,
                batch: body,
            },
            kind::COPY => Record::Copy {
                base_offset: header.base_offset,
                last_offset: last_offset(header)?,
                leader_epoch: header.leader_epoch,
                batch: body,
            },
            kind::RESIDUE => {
                let (file_pos, rest) = body.split_at_checked(8).ok_or(RecordError("residue record cut"))?;
                let (last_offset, bytes) = rest.split_at_checked(8).ok_or(RecordError("residue record cut"))?;
                Record::Residue {
                    file_id: header.aux,
                    file_pos: u64_at(file_pos, 0),
                    base_offset: header.base_offset,
                    last_offset: u64_at(last_offset, 0) as i64,
                    partial_bytes: header.last_offset_delta as u32,
                    bytes,
                }
            }
            kind::TRUNCATE => Record::Truncate {
                to_offset: header.base_offset,
            },
            kind::START => Record::Start {
                offset: header.base_offset,
            },
            kind::EPOCH => Record::Epoch {
                leader_epoch: header.leader_epoch,
                start_offset: header.base_offset,
            },
            kind::STATE => Record::State {
                kind: state_kind(header.aux)?,
                value: body,
            },
            kind::ROLL => Record::Roll {
                file_id: header.aux,
                base_offset: header.base_offset,
                created_ms: u64_at(take(&mut { body }, 8)?, 0) as i64,
            },
            kind::FLUSHED => {
                let positions = take(&mut { body }, 16)?;
                Record::Flushed {
                    file_id: header.aux,
                    file_pos: u64_at(positions, 0),
                    end_offset: header.base_offset,
                    next_pos: u64_at(positions, 8),
                }
            }
            kind::CREATE => {
                let mut rest = body;
                let spec = decode_spec(&mut rest)?;
                let config = decode_config(&mut rest)?;
                Record::Create {
                    spec,
                    config,
                    suffixed: header.flags & 1 != 0,
                }
            }
            kind::CONFIGURE => Record::Configure {
                config: decode_config(&mut { body })?,
            },
            kind::DELETE => Record::Delete,
            _ => return Err(RecordError("unknown kind of record")),
        };
        Ok((LogId(header.log_id), record))
    }
}

/// Of a record that is a batch.
fn last_offset(header: &RecordHeader) -> Result<i64, RecordError> {
    let last = header.base_offset.checked_add(i64::from(header.last_offset_delta));
    last.filter(|last| *last >= header.base_offset)
        .ok_or(RecordError("a batch ends before it begins"))
}

/// Bytes that follow a record's header.
pub enum Body<'a> {
    Borrowed(&'a [u8]),
    Owned(Vec<u8>),
}

impl Body<'_> {
    pub fn as_slice(&self) -> &[u8] {
        match self {
            Body::Borrowed(bytes) => bytes,
            Body::Owned(bytes) => bytes,
        }
    }
}

pub fn state_kind(value: u64) -> Result<StateKind, RecordError> {
    match value {
        0 => Ok(StateKind::HardState),
        1 => Ok(StateKind::EpochAdopted),
        2 => Ok(StateKind::HighWatermark),
        3 => Ok(StateKind::Snapshot),
        _ => Err(RecordError("unknown kind of state")),
    }
}

/// Also used in checkpoints.
pub fn encode_spec(spec: &LogSpec, out: &mut Vec<u8>) {
    out.extend_from_slice(spec.topic_id.as_bytes());
    out.extend_from_slice(&spec.partition.to_le_bytes());
    out.extend_from_slice(&(spec.topic.len() as u32).to_le_bytes());
    out.extend_from_slice(spec.topic.as_bytes());
}

pub fn decode_spec(bytes: &mut &[u8]) -> Result<LogSpec, RecordError> {
    let topic_id = Uuid::from_slice(take(bytes, 16)?).map_err(|_| RecordError("topic id cut"))?;
    let partition = u32_at(take(bytes, 4)?, 0) as i32;
    let len = u32_at(take(bytes, 4)?, 0) as usize;
    let topic = std::str::from_utf8(take(bytes, len)?)
        .map_err(|_| RecordError("topic is not UTF-8"))?
        .to_string();
    Ok(LogSpec {
        topic_id,
        topic,
        partition,
    })
}

pub fn encode_config(config: &LogConfig, out: &mut Vec<u8>) {
    out.extend_from_slice(&config.segment_bytes.to_le_bytes());
    out.extend_from_slice(&config.index_interval_bytes.to_le_bytes());
    out.extend_from_slice(&config.segment_ms.to_le_bytes());
    out.extend_from_slice(&config.retention_ms.to_le_bytes());
    out.extend_from_slice(&config.retention_bytes.to_le_bytes());
    // The lowest bit; the others were 0 before there was a jitter.
    let delete_and_jitter = u64::from(config.delete) | (config.segment_jitter_ms as u64) << 1;
    out.extend_from_slice(&delete_and_jitter.to_le_bytes());
}

pub fn decode_config(bytes: &mut &[u8]) -> Result<LogConfig, RecordError> {
    let segment_bytes = u32_at(take(bytes, 4)?, 0);
    let index_interval_bytes = u32_at(take(bytes, 4)?, 0);
    let mut long = || Ok(u64_at(take(bytes, 8)?, 0));
    let (segment_ms, retention_ms, retention_bytes) = (long()?, long()?, long()?);
    let delete_and_jitter = long()?;
    Ok(LogConfig {
        segment_bytes,
        segment_ms: segment_ms as i64,
        segment_jitter_ms: (delete_and_jitter >> 1) as i64,
        retention_ms: retention_ms as i64,
        retention_bytes: retention_bytes as i64,
        delete: delete_and_jitter & 1 != 0,
        index_interval_bytes,
    })
}

/// Splits off the first `len` bytes.
pub fn take<'a>(bytes: &mut &'a [u8], len: usize) -> Result<&'a [u8], RecordError> {
    let (head, rest) = bytes.split_at_checked(len).ok_or(RecordError("cut"))?;
    *bytes = rest;
    Ok(head)
}

/// The caller has checked the length.
pub fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes"))
}

/// The caller has checked the length.
pub fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(bytes[at..at + 8].try_into().expect("eight bytes"))
}
