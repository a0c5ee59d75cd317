//! The superblock: 4 KiB, two copies written alternately, the newer valid one counts.
//!
//! Layout (little endian): 0 magic "CORELANE", 8 u32 format version, 12 u32 crc32c of the other bytes of the block,
//! 16 cluster id (16), 32 disk uuid (16), 48 u64 generation, 56 u64 incarnation, 64 i32 broker id, 68 u32 cores,
//! 72 u64 feature bits, 80 i64 formatted at (ms). The version comes before the checksum is looked at, so that any
//! later release can change everything after byte 12.

use corelane_protocol::crc32c;
use uuid::Uuid;

use crate::{
    disk::BLOCK,
    journal::record::{u32_at, u64_at},
};

const MAGIC: &[u8; 8] = b"CORELANE";
/// Of the superblock and of everything it stands for: journal, checkpoints, directories.
///
/// 1: leadership was part of the root group's log. 2: each shard has a log of its own for it.
pub const FORMAT_VERSION: u32 = 2;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Superblock {
    pub cluster_id: Uuid,
    pub disk_uuid: Uuid,
    pub generation: u64,
    pub incarnation: u64,
    pub broker_id: i32,
    /// Journals that hold logs; changes only after logs were re-homed.
    pub cores: u32,
    pub formatted_ms: i64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SuperblockError {
    /// Never written.
    Blank,
    /// The version found.
    Newer(u32),
    /// The version found: no release that was ever published wrote it.
    Older(u32),
    Corrupt,
}

impl Superblock {
    pub fn encode(&self, block: &mut [u8]) {
        assert_eq!(block.len(), BLOCK);
        block.fill(0);
        block[0..8].copy_from_slice(MAGIC);
        block[8..12].copy_from_slice(&FORMAT_VERSION.to_le_bytes());
        block[16..32].copy_from_slice(self.cluster_id.as_bytes());
        block[32..48].copy_from_slice(self.disk_uuid.as_bytes());
        block[48..56].copy_from_slice(&self.generation.to_le_bytes());
        block[56..64].copy_from_slice(&self.incarnation.to_le_bytes());
        block[64..68].copy_from_slice(&self.broker_id.to_le_bytes());
        block[68..72].copy_from_slice(&self.cores.to_le_bytes());
        block[80..88].copy_from_slice(&self.formatted_ms.to_le_bytes());
        Superblock::seal(block);
    }

    /// Writes the checksum of a finished block into it.
    pub(crate) fn seal(block: &mut [u8]) {
        let crc = checksum(block);
        block[12..16].copy_from_slice(&crc.to_le_bytes());
    }

    pub fn decode(block: &[u8]) -> Result<Superblock, SuperblockError> {
        if block.iter().all(|byte| *byte == 0) {
            return Err(SuperblockError::Blank);
        }
        if block.len() != BLOCK || &block[0..8] != MAGIC {
            return Err(SuperblockError::Corrupt);
        }
        let version = u32_at(block, 8);
        if version > FORMAT_VERSION {
            return Err(SuperblockError::Newer(version));
        }
        if version < FORMAT_VERSION {
            return Err(SuperblockError::Older(version));
        }
        if u32_at(block, 12) != checksum(block) || u64_at(block, 72) != 0 {
            return Err(SuperblockError::Corrupt);
        }
        Ok(Superblock {
            cluster_id: uuid_at(block, 16),
            disk_uuid: uuid_at(block, 32),
            generation: u64_at(block, 48),
            incarnation: u64_at(block, 56),
            broker_id: u32_at(block, 64) as i32,
            cores: u32_at(block, 68),
            formatted_ms: u64_at(block, 80) as i64,
        })
    }
}

fn checksum(block: &[u8]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(&block[..12]), &block[16..])
}

fn uuid_at(block: &[u8], at: usize) -> Uuid {
    Uuid::from_bytes(block[at..at + 16].try_into().expect("sixteen bytes"))
}
