//! Snapshots of the state that a log led to, as files beside its segments, under Kafka's names (KIP-630).
//!
//! Storage knows neither what is in them nor which of them counts: whoever takes one journals its id as a state of the log,
//! once the file is durable. A file has its name only when it is whole, so a crash leaves the snapshot that counted, and
//! perhaps others that do not.

use std::io;

use bytes::Bytes;

use super::{LogId, SnapshotId, Store};
use crate::{
    StorageError,
    disk::{AlignedBuf, BLOCK, Class, Disk, DiskFile, Open, Sync, aligned_zeroed},
    store::ReadError,
};

/// One write, one read.
const PIECE_BYTES: usize = 64 << 10;
const EXTENSION: &str = ".checkpoint";
/// Behind the name of a file that is not whole.
const UNFINISHED: &str = ".part";

fn name_of(id: SnapshotId) -> String {
    format!("{:020}-{:010}{EXTENSION}", id.end_offset, id.leader_epoch)
}

impl<D: Disk> Store<D> {
    /// Writes a snapshot of this log, piece by piece so that others have their turn; it is durable after. False: the disk
    /// is full, and there is none.
    ///
    /// # Errors
    /// The log is not there, or the disk failed; then nothing is acknowledged any more.
    pub async fn write_snapshot(
        &self,
        log: LogId,
        id: SnapshotId,
        pieces: impl Iterator<Item = Bytes>,
    ) -> Result<bool, StorageError> {
        let directory = self
            .snapshot_directory(log)
            .map_err(|error| StorageError(error.to_string()))?;
        let written = write(&self.inner.disk, &directory, &name_of(id), pieces).await;
        match written {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::StorageFull => {
                let unfinished = format!("{directory}/{}{UNFINISHED}", name_of(id));
                self.remove_files(&[unfinished]).await;
                Ok(false)
            }
            Err(error) => Err(self.poison(&format!("snapshot in {directory}: {error}"))),
        }
    }

    /// Hands a snapshot's bytes to `take`, in order.
    pub async fn read_snapshot(
        &self,
        log: LogId,
        id: SnapshotId,
        mut take: impl FnMut(&[u8]),
    ) -> Result<(), ReadError> {
        let path = format!("{}/{}", self.snapshot_directory(log)?, name_of(id));
        let failed = |error: io::Error| ReadError::Io(format!("{path}: {error}"));
        let file = self.inner.disk.open(&path, Open::Existing, Class::Background).await;
        let file = file.map_err(failed)?;
        let size = file.size().await.map_err(failed)?;
        let mut at = 0;
        while at < size {
            let (read, buffer) = file.read_at(at, aligned_zeroed(PIECE_BYTES)).await;
            let read = read.map_err(failed)?;
            if read == 0 {
                return Err(ReadError::Corrupt(format!("{path} ends at {at}, not at {size}")));
            }
            take(&buffer[..read]);
            at += read as u64;
        }
        Ok(())
    }

    /// Removes all snapshots of this log but the one that counts, whole or not.
    pub async fn remove_other_snapshots(&self, log: LogId, counts: Option<SnapshotId>) {
        let Ok(directory) = self.snapshot_directory(log) else {
            return;
        };
        let kept = counts.map(name_of);
        let names = self.inner.disk.list(&directory).await.unwrap_or_default();
        let is_other = |name: &&String| {
            let is_snapshot = name.strip_suffix(UNFINISHED).unwrap_or(name).ends_with(EXTENSION);
            is_snapshot && Some(*name) != kept.as_ref()
        };
        let others = names.iter().filter(is_other);
        let paths: Vec<String> = others.map(|name| format!("{directory}/{name}")).collect();
        self.remove_files(&paths).await;
    }

    fn snapshot_directory(&self, log: LogId) -> Result<String, ReadError> {
        self.with_log(log, |slot| slot.log.directory())
            .ok_or(ReadError::UnknownLog)
    }
}

/// Content first, then the name, then the directories that lead to it, which may be new.
async fn write<D: Disk>(disk: &D, directory: &str, name: &str, pieces: impl Iterator<Item = Bytes>) -> io::Result<()> {
    disk.create_dir(directory).await?;
    let path = format!("{directory}/{name}");
    let unfinished = format!("{path}{UNFINISHED}");
    let file = match disk.open(&unfinished, Open::New, Class::Background).await {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            let file = disk.open(&unfinished, Open::Existing, Class::Background).await?;
            file.truncate(0).await?;
            file
        }
        opened => opened?,
    };
    let mut position = 0;
    let mut buffer = AlignedBuf::with_capacity(BLOCK, 2 * PIECE_BYTES);
    for piece in pieces {
        buffer.extend_from_slice(&piece);
        if buffer.len() < PIECE_BYTES {
            continue;
        }
        let blocks = buffer.len() / BLOCK * BLOCK;
        let mut rest = AlignedBuf::with_capacity(BLOCK, 2 * PIECE_BYTES);
        rest.extend_from_slice(&buffer[blocks..]);
        buffer.truncate(blocks);
        file.write_at(position, Bytes::from_owner(buffer), Sync::Later).await?;
        position += blocks as u64;
        buffer = rest;
    }
    let end = position + buffer.len() as u64;
    if !buffer.is_empty() {
        buffer.resize(buffer.len().next_multiple_of(BLOCK), 0);
        file.write_at(position, Bytes::from_owner(buffer), Sync::Later).await?;
    }
    file.truncate(end).await?;
    file.flush().await?;
    disk.rename(&unfinished, &path).await?;
    for directory in [directory, "log", ""] {
        disk.sync_dir(directory).await?;
    }
    Ok(())
}
