//! An image as bytes, instead of the log that made it: header, frames of records, footer (as KIP-630's).
//!
//! ```text
//! header   "CLSNAPSH" | u16 version | u32 group | u64 applied end | u32 applied term | u32 crc
//! frame    u32 bytes > 0 | u32 crc | entries, each: u64 index | u32 bytes | records as in the log
//! footer   u32 0 | u64 entries | u32 crc of everything before the footer                 all integers little endian
//! ```
//!
//! The records are those that would make the same image: applied at their indexes, in order, they do. So a snapshot is
//! versioned as the log is, record by record, and has no second description of the image. It may be cut anywhere into
//! chunks, for the wire and for the disk; a reader needs memory for one frame besides the image.

mod read;
mod root;
mod shard;
mod write;

pub use read::{Reader, SnapshotError};
pub use write::{root_frames, shard_frames};

use super::{
    image::{RootImage, ShardImage},
    placement::{ROOT_GROUP, shard_group},
};

const MAGIC: [u8; 8] = *b"CLSNAPSH";
const VERSION: u16 = 0;
const HEADER_BYTES: usize = 8 + 2 + 4 + 8 + 4 + 4;
const FOOTER_BYTES: usize = 4 + 8 + 4;
/// A frame is closed when it has so many bytes; one entry may be larger.
const FRAME_BYTES: usize = 64 << 10;
/// No frame that a writer made is larger: an entry is at most what raft proposes.
const FRAME_BYTES_MAX: usize = 64 << 20;

/// What a snapshot holds.
#[derive(Clone, Debug, PartialEq)]
pub enum Snapshot {
    Root(RootImage),
    Shard(u16, ShardImage),
}

impl Snapshot {
    /// The raft group that it is of.
    pub fn group(&self) -> u32 {
        match self {
            Snapshot::Root(_) => ROOT_GROUP,
            Snapshot::Shard(number, _) => shard_group(*number),
        }
    }
}

/// A number that is equal where images are: nodes that applied the same entries have the same one.
pub fn root_digest(image: &RootImage) -> u64 {
    digest(root_frames(image))
}

/// The same for a shard. What root knows to be garbage does not count, since a node that took a snapshot has dropped it:
/// compare by the same root image, the newer one.
pub fn shard_digest(number: u16, image: &ShardImage, root: &RootImage) -> u64 {
    digest(write::frames_without(number, image, Some(root)))
}

fn digest(frames: impl Iterator<Item = bytes::Bytes>) -> u64 {
    let mut hash = xxhash_rust::xxh3::Xxh3::new();
    frames.for_each(|frame| hash.update(&frame));
    hash.digest()
}
