//! The checkpoint of a core: the state of all its logs as of one frame, so that the frames before can go. Two copies,
//! written in turn; the newest whole one counts.
//!
//! Layout (little endian): 0 magic "CKPT", 4 u32 version, 8 u32 crc32c of bytes 12..4096, 12 u32 crc32c of the body,
//! 16 u64 seed, 24 u64 generation, 32 u64 covered_seq, 40 u32 replay file_seq, 44 u32 prev file_seq, 48 u64 prev
//! frame_seq, 56 u64 prev chain, 64 u64 body length, 72 u32 files, 76 u32 blocks of a file, 80 u64 incarnation.
//! The body follows at 4096 and is durable before the header is written.

use bytes::Bytes;
use corelane_protocol::crc32c;

use super::{
    frame::Link,
    record::{u32_at, u64_at},
    space::ReplayFrom,
};
use crate::{
    OpenError,
    disk::{AlignedBuf, BLOCK, Class, Disk, DiskFile, Open, Sync, aligned_zeroed},
};

const MAGIC: &[u8; 4] = b"CKPT";
pub const CHECKPOINT_VERSION: u32 = 1;
/// One write; the whole body is as long as it is.
const WRITE_BYTES: usize = 1 << 20;
/// Space for a copy is reserved in pieces of this size.
const RESERVE_BYTES: usize = 256 << 10;
pub const COPIES: [&str; 2] = ["ckpt.a", "ckpt.b"];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CheckpointHeader {
    pub seed: u64,
    pub generation: u64,
    pub incarnation: u64,
    /// The body is the fold of all records of frames up to this one.
    pub covered_seq: u64,
    pub replay_from: ReplayFrom,
    pub files: u32,
    pub file_blocks: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CheckpointError {
    /// Blank, torn or rotted: the other copy counts.
    Invalid,
    Newer(u32),
}

impl CheckpointHeader {
    pub fn encode(&self, body: &[u8]) -> AlignedBuf {
        let mut block = aligned_zeroed(BLOCK);
        block[0..4].copy_from_slice(MAGIC);
        block[4..8].copy_from_slice(&CHECKPOINT_VERSION.to_le_bytes());
        block[12..16].copy_from_slice(&crc32c::crc32c(body).to_le_bytes());
        block[16..24].copy_from_slice(&self.seed.to_le_bytes());
        block[24..32].copy_from_slice(&self.generation.to_le_bytes());
        block[32..40].copy_from_slice(&self.covered_seq.to_le_bytes());
        block[40..44].copy_from_slice(&self.replay_from.file_seq.to_le_bytes());
        block[44..48].copy_from_slice(&self.replay_from.prev.file_seq.to_le_bytes());
        block[48..56].copy_from_slice(&self.replay_from.prev.frame_seq.to_le_bytes());
        block[56..64].copy_from_slice(&self.replay_from.prev.chain.to_le_bytes());
        block[64..72].copy_from_slice(&(body.len() as u64).to_le_bytes());
        block[72..76].copy_from_slice(&self.files.to_le_bytes());
        block[76..80].copy_from_slice(&self.file_blocks.to_le_bytes());
        block[80..88].copy_from_slice(&self.incarnation.to_le_bytes());
        CheckpointHeader::seal(&mut block);
        block
    }

    /// Writes the checksum of a finished block into it.
    pub(crate) fn seal(block: &mut [u8]) {
        let crc = crc32c::crc32c(&block[12..]);
        block[8..12].copy_from_slice(&crc.to_le_bytes());
    }

    /// The header, the length of the body and its CRC.
    pub fn decode(block: &[u8], seed: u64) -> Result<(CheckpointHeader, u64, u32), CheckpointError> {
        if block.len() != BLOCK || &block[0..4] != MAGIC || u32_at(block, 8) != crc32c::crc32c(&block[12..]) {
            return Err(CheckpointError::Invalid);
        }
        let version = u32_at(block, 4);
        if version != CHECKPOINT_VERSION {
            return Err(CheckpointError::Newer(version));
        }
        let prev = Link {
            file_seq: u32_at(block, 44),
            frame_seq: u64_at(block, 48),
            chain: u64_at(block, 56),
        };
        let header = CheckpointHeader {
            seed: u64_at(block, 16),
            generation: u64_at(block, 24),
            incarnation: u64_at(block, 80),
            covered_seq: u64_at(block, 32),
            replay_from: ReplayFrom {
                file_seq: u32_at(block, 40),
                prev,
            },
            files: u32_at(block, 72),
            file_blocks: u32_at(block, 76),
        };
        if header.seed != seed || header.files == 0 || header.file_blocks == 0 {
            return Err(CheckpointError::Invalid);
        }
        Ok((header, u64_at(block, 64), u32_at(block, 12)))
    }
}

/// A whole valid checkpoint.
pub struct Checkpoint {
    pub header: CheckpointHeader,
    pub body: Vec<u8>,
}

/// Reads one copy; None: there is no valid one.
pub async fn read<D: Disk>(disk: &D, path: &str, seed: u64) -> Result<Option<Checkpoint>, OpenError> {
    let file = match disk.open(path, Open::Existing, Class::Background).await {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(OpenError::io(path, error)),
    };
    let (read, block) = file.read_at(0, aligned_zeroed(BLOCK)).await;
    if read.is_err() || read.is_ok_and(|read| read < BLOCK) {
        return Ok(None);
    }
    let (header, len, crc) = match CheckpointHeader::decode(&block, seed) {
        Ok(decoded) => decoded,
        Err(CheckpointError::Invalid) => return Ok(None),
        Err(CheckpointError::Newer(found)) => {
            return Err(OpenError::Newer {
                path: path.to_string(),
                found,
                known: CHECKPOINT_VERSION,
            });
        }
    };
    let size = file.size().await.map_err(|error| OpenError::io(path, error))?;
    if len > size.saturating_sub(BLOCK as u64) {
        return Ok(None);
    }
    let mut body = Vec::with_capacity(len as usize);
    while body.len() < len as usize {
        let position = BLOCK + body.len();
        let wanted = (len as usize - body.len()).next_multiple_of(BLOCK).min(WRITE_BYTES);
        let (read, part) = file.read_at(position as u64, aligned_zeroed(wanted)).await;
        match read {
            Ok(read) if read > 0 => body.extend_from_slice(&part[..read.min(len as usize - body.len())]),
            _ => return Ok(None),
        }
    }
    Ok((crc32c::crc32c(&body) == crc).then_some(Checkpoint { header, body }))
}

/// Reserves space for a body twice as long as this one. Only a help: where there is none, a later write will notice.
pub async fn reserve<F: DiskFile>(file: &F, body_bytes: usize) {
    let wanted = (2 * body_bytes).next_multiple_of(RESERVE_BYTES) + BLOCK;
    let _ = file.allocate(0, wanted as u64).await;
}

/// Writes one copy: the body, durable, and only then the header that makes it count. A copy that grows reserves more than
/// it needs: on a full disk files are deleted by a checkpoint, so there must be room for one.
pub async fn write<F: DiskFile>(file: &F, header: &CheckpointHeader, body: &[u8]) -> std::io::Result<()> {
    if file.size().await? < (BLOCK + body.len()) as u64 {
        reserve(file, body.len()).await;
    }
    for (index, part) in body.chunks(WRITE_BYTES).enumerate() {
        let mut buffer = aligned_zeroed(part.len().next_multiple_of(BLOCK));
        buffer[..part.len()].copy_from_slice(part);
        let position = (BLOCK + index * WRITE_BYTES) as u64;
        file.write_at(position, Bytes::from_owner(buffer), Sync::Later).await?;
    }
    file.flush().await?;
    file.write_at(0, Bytes::from_owner(header.encode(body)), Sync::Data)
        .await
}
