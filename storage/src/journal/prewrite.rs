//! The files of a ring before their first frame: written with zeros once, so that no append ever allocates.
//!
//! ```text
//!   room reserved for all, as 0000.wal.new … ──> checkpoint: a journal ──> zeros durable ──> 0000.wal, durable ──> frames
//! ```
//! The first files are written before the journal opens, the others in the background, in the order of their first use
//! (which begins with 1). What must stay true: no frame is in a file whose name says that it is new, so such a file can be
//! written over; a file that is neither new nor there was lost.

use std::io;

use bytes::Bytes;

use super::{
    checkpoint::{self, COPIES, CheckpointHeader},
    frame::{Lineage, Link},
    space::ReplayFrom,
};
use crate::{
    OpenError,
    disk::{BLOCK, Class, Disk, DiskFile, Open, Sync, aligned_zeroed},
    store::StoreOptions,
};

/// One write, in bytes.
const WRITE_BYTES: usize = 1 << 20;

/// Of a file that may hold frames.
pub fn name(slot: u32) -> String {
    format!("{slot:04}.wal")
}

fn new_name(slot: u32) -> String {
    format!("{slot:04}.wal.new")
}

/// The open files of a journal, by slot.
pub struct Ring<F> {
    pub files: Vec<F>,
    /// How many are prewritten, in the order of their first use.
    pub prewritten: u32,
}

impl<F> Ring<F> {
    pub fn is_prewritten(&self, slot: u32) -> bool {
        let count = self.files.len() as u32;
        (slot + count - 1) % count < self.prewritten
    }
}

/// Reserves room for all files, so that a disk that is too small is found out at once, and writes the checkpoint that makes
/// them a journal. All names last before that.
pub async fn create<D: Disk>(
    disk: &D,
    directory: &str,
    lineage: Lineage,
    options: &StoreOptions,
) -> Result<(), OpenError> {
    let io = |error| OpenError::io(directory, error);
    disk.create_dir(directory).await.map_err(io)?;
    for slot in 0..options.journal_files {
        // From a start that was cut short and named its files before they had anything.
        match disk.remove(&format!("{directory}/{}", name(slot))).await {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(io(error)),
            _ => {}
        }
        let file = open_or_new(disk, &format!("{directory}/{}", new_name(slot))).await;
        let file_bytes = u64::from(options.journal_file_bytes);
        reserve(disk, directory, &file.map_err(io)?, file_bytes, options.journal_files).await?;
    }
    let blank = Bytes::from_owner(aligned_zeroed(BLOCK));
    let mut copies = Vec::new();
    for copy in COPIES {
        let file = open_or_new(disk, &format!("{directory}/{copy}")).await.map_err(io)?;
        checkpoint::reserve(&file, 1).await;
        file.write_at(0, blank.clone(), Sync::Later).await.map_err(io)?;
        file.flush().await.map_err(io)?;
        copies.push(file);
    }
    disk.sync_dir(directory).await.map_err(io)?;
    let layout = directory.rsplit_once('/').map_or("wal", |(layout, _)| layout);
    for parent in [layout, "wal", ""] {
        disk.sync_dir(parent).await.map_err(io)?;
    }
    let header = CheckpointHeader {
        seed: lineage.seed,
        generation: 1,
        incarnation: lineage.incarnation,
        covered_seq: 0,
        replay_from: ReplayFrom {
            file_seq: 1,
            prev: Link::default(),
        },
        files: options.journal_files,
        file_blocks: options.journal_file_bytes / BLOCK as u32,
    };
    checkpoint::write(&copies[0], &header, &[0; 12]).await.map_err(io)
}

/// Opens all files of a journal; `names` are those in its directory.
pub async fn ring<D: Disk>(
    disk: &D,
    directory: &str,
    names: &[String],
    header: &CheckpointHeader,
) -> Result<Ring<D::File>, OpenError> {
    let is_new = |slot: u32| names.contains(&new_name(slot)) && !names.contains(&name(slot));
    let in_order = (1..=header.files).map(|file_seq| file_seq % header.files);
    let prewritten = in_order.clone().take_while(|slot| !is_new(*slot)).count();
    if let Some(slot) = in_order.skip(prewritten).find(|slot| !is_new(*slot)) {
        return Err(OpenError::Corrupt {
            path: format!("{directory}/{}", name(slot)),
            what: "the file is in use, and one before it never was; put each back into its place".to_string(),
        });
    }
    let mut files = Vec::new();
    for slot in 0..header.files {
        let name = if is_new(slot) { new_name(slot) } else { name(slot) };
        let file = open(disk, &format!("{directory}/{name}")).await?;
        if is_new(slot) {
            // A crash may have taken what was reserved.
            let file_bytes = u64::from(header.file_blocks) * BLOCK as u64;
            reserve(disk, directory, &file, file_bytes, header.files).await?;
        }
        files.push(file);
    }
    Ok(Ring {
        files,
        prewritten: prewritten as u32,
    })
}

/// A file of the ring, to read and append.
pub async fn open<D: Disk>(disk: &D, path: &str) -> Result<D::File, OpenError> {
    let file = disk.open(path, Open::Existing, Class::Journal).await;
    file.map_err(|error| OpenError::io(path, error))
}

/// Writes a new file in full and makes it one of the ring: durable, name and all, when this returns.
pub async fn write<D: Disk>(disk: &D, directory: &str, slot: u32, file_bytes: u64) -> io::Result<()> {
    let (new, whole) = (
        format!("{directory}/{}", new_name(slot)),
        format!("{directory}/{}", name(slot)),
    );
    let file = disk.open(&new, Open::Existing, Class::Background).await?;
    let zeros = Bytes::from_owner(aligned_zeroed(WRITE_BYTES));
    let mut at = 0;
    while at < file_bytes {
        let part = zeros.slice(..(file_bytes - at).min(WRITE_BYTES as u64) as usize);
        let written = part.len() as u64;
        file.write_at(at, part, Sync::Later).await?;
        at += written;
    }
    file.flush().await?;
    disk.rename(&new, &whole).await?;
    disk.sync_dir(directory).await
}

async fn reserve<D: Disk>(
    disk: &D,
    directory: &str,
    file: &D::File,
    file_bytes: u64,
    files: u32,
) -> Result<(), OpenError> {
    match file.allocate(0, file_bytes).await {
        Err(error) if error.kind() == io::ErrorKind::StorageFull => {
            Err(no_room(disk, directory, file_bytes * u64::from(files)).await)
        }
        reserved => reserved.map_err(|error| OpenError::io(directory, error)),
    }
}

async fn no_room<D: Disk>(disk: &D, directory: &str, journal_bytes: u64) -> OpenError {
    let free = disk
        .space()
        .await
        .map_or("few".to_string(), |space| (space.free_bytes >> 20).to_string());
    OpenError::Refused(format!(
        "{directory} in {}: the disk has no room for the journal of this core, {} MiB; {free} MiB are free now.\n\
         Make room, start fewer cores, or choose a smaller journal.bytes.per.core",
        disk.location(),
        journal_bytes >> 20
    ))
}

async fn open_or_new<D: Disk>(disk: &D, path: &str) -> io::Result<D::File> {
    match disk.open(path, Open::New, Class::Background).await {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            disk.open(path, Open::Existing, Class::Background).await
        }
        other => other,
    }
}
