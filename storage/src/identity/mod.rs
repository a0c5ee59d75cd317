//! Who this data directory belongs to, and which start of the broker this is.
//!
//! `incarnation` is durable before anything else is read or written, so that two starts never write frames that could
//! be taken for each other's. Only an empty directory is formatted; anything that cannot be understood is refused with
//! a sentence an operator can act on.

mod superblock;
#[cfg(test)]
mod tests;

use bytes::Bytes;
use uuid::Uuid;

use crate::{
    OpenError,
    disk::{BLOCK, Class, Disk, DiskFile, Open, Sync, aligned_zeroed},
};
pub(crate) use superblock::{FORMAT_VERSION, Superblock, SuperblockError};

const COPIES: [&str; 2] = ["meta/superblock.a", "meta/superblock.b"];
/// The most cores of one node; a core's number is part of each log id.
pub const CORES_MAX: u32 = 256;

/// What the superblock says after this start was counted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    pub cluster_id: Uuid,
    pub broker_id: i32,
    /// Made when the directory was formatted; a wiped disk is another replica.
    pub disk_uuid: Uuid,
    /// Grows by one with every start, durably before anything is written.
    pub incarnation: u64,
    /// Journals of this start, one a core.
    pub cores: u32,
    /// Journals that hold the logs now; if it differs from `cores`, the logs are re-homed before any store is opened.
    pub journal_cores: u32,
}

/// What the configuration says. Used in full when an empty directory is formatted, else compared.
#[derive(Clone, Debug)]
pub struct FormatWish {
    /// None: take what is there, or `new_cluster_id` when formatting.
    pub cluster_id: Option<Uuid>,
    /// Random; used when formatting only. Another one than `disk_uuid`: tools show both, and a cluster outlives its disks.
    pub new_cluster_id: Uuid,
    /// Random; used when formatting only.
    pub disk_uuid: Uuid,
    pub broker_id: i32,
    pub cores: u32,
    pub wall_ms: i64,
}

/// Opens the superblock, counts this start durably, and formats only a directory that is empty.
pub async fn open_data_dir<D: Disk>(disk: &D, want: FormatWish) -> Result<Identity, OpenError> {
    if want.cores == 0 || want.cores > CORES_MAX {
        return Err(OpenError::Refused(format!(
            "{} cores: a broker has 1 to {CORES_MAX}",
            want.cores
        )));
    }
    let next = match read_newest(disk).await? {
        Some(Newest { found, other_is_lost }) => {
            check(&found, &want)?;
            Superblock {
                generation: found.generation + 1,
                incarnation: found.incarnation + 1 + u64::from(other_is_lost),
                ..found
            }
        }
        None => format(disk, &want).await?,
    };
    write(disk, &next).await?;
    Ok(identity_of(&next, want.cores))
}

/// The logs now live in `identity.cores` journals: durable before any of the old ones may go.
pub(crate) async fn set_journal_cores<D: Disk>(disk: &D, identity: &Identity) -> Result<Identity, OpenError> {
    let Newest { found, .. } = read_newest(disk)
        .await?
        .ok_or_else(|| OpenError::Refused("the data directory has gone".into()))?;
    let next = Superblock {
        generation: found.generation + 1,
        cores: identity.cores,
        ..found
    };
    write(disk, &next).await?;
    Ok(identity_of(&next, identity.cores))
}

fn identity_of(superblock: &Superblock, cores: u32) -> Identity {
    Identity {
        cluster_id: superblock.cluster_id,
        broker_id: superblock.broker_id,
        disk_uuid: superblock.disk_uuid,
        incarnation: superblock.incarnation,
        cores,
        journal_cores: superblock.cores,
    }
}

/// The newest copy that can be read.
struct Newest {
    found: Superblock,
    /// The other cannot be read. It may have been the newer one, and its incarnation be taken.
    other_is_lost: bool,
}

/// None: both copies are absent or blank, so nothing was ever formatted here.
async fn read_newest<D: Disk>(disk: &D) -> Result<Option<Newest>, OpenError> {
    let mut newest: Option<Superblock> = None;
    let mut corrupt = None;
    for path in COPIES {
        let block = match read_copy(disk, path).await? {
            Some(block) => block,
            None => continue,
        };
        match Superblock::decode(&block) {
            Ok(copy) => {
                if newest.as_ref().is_none_or(|newest| newest.generation < copy.generation) {
                    newest = Some(copy);
                }
            }
            Err(SuperblockError::Blank) => {}
            Err(SuperblockError::Newer(found)) => {
                return Err(OpenError::Newer {
                    path: path.to_string(),
                    found,
                    known: FORMAT_VERSION,
                });
            }
            Err(SuperblockError::Older(found)) => {
                return Err(OpenError::Older {
                    path: path.to_string(),
                    found,
                    known: FORMAT_VERSION,
                });
            }
            Err(SuperblockError::Corrupt) => corrupt = Some(path),
        }
    }
    match (newest, corrupt) {
        (Some(found), corrupt) => Ok(Some(Newest {
            found,
            other_is_lost: corrupt.is_some(),
        })),
        // A first format that was cut short leaves a torn copy in an otherwise empty directory.
        (None, Some(_)) if foreign_names(disk).await?.is_empty() => Ok(None),
        (None, Some(path)) => Err(OpenError::Corrupt {
            path: path.to_string(),
            what: "no valid superblock is left; without it nobody can say whose records these are".to_string(),
        }),
        (None, None) => Ok(None),
    }
}

async fn read_copy<D: Disk>(disk: &D, path: &str) -> Result<Option<Vec<u8>>, OpenError> {
    let file = match disk.open(path, Open::Existing, Class::Journal).await {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(OpenError::io(path, error)),
    };
    let (read, buffer) = file.read_at(0, aligned_zeroed(BLOCK)).await;
    match read {
        Ok(0) => Ok(None),
        Ok(_) => Ok(Some(buffer.to_vec())),
        // The other copy may do.
        Err(_) => Ok(Some(vec![0xff; BLOCK])),
    }
}

fn check(found: &Superblock, want: &FormatWish) -> Result<(), OpenError> {
    if let Some(cluster_id) = want.cluster_id.filter(|id| *id != found.cluster_id) {
        return Err(OpenError::Refused(format!(
            "belongs to cluster {}, the configuration says {cluster_id}; use the directory of that cluster, or an empty one",
            found.cluster_id
        )));
    }
    if found.broker_id != want.broker_id {
        return Err(OpenError::Refused(format!(
            "belongs to node.id {}, the configuration says {}; use the directory of that node, or an empty one",
            found.broker_id, want.broker_id
        )));
    }
    Ok(())
}

/// What is there, beside what a format that was cut short may have left.
async fn foreign_names<D: Disk>(disk: &D) -> Result<Vec<String>, OpenError> {
    let mut names = disk.list("").await.map_err(|error| OpenError::io(".", error))?;
    names.retain(|name| name != "meta" && name != "lost+found" && !name.starts_with('.'));
    names.sort();
    Ok(names)
}

async fn format<D: Disk>(disk: &D, want: &FormatWish) -> Result<Superblock, OpenError> {
    if let [first, others @ ..] = &foreign_names(disk).await?[..] {
        let others = match others.len() {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        return Err(OpenError::Refused(format!(
            "not empty, and not a broker's: '{first}'{others}, but no superblock; only an empty directory is formatted"
        )));
    }
    disk.create_dir("meta")
        .await
        .map_err(|error| OpenError::io("meta", error))?;
    for path in COPIES {
        let file = match disk.open(path, Open::New, Class::Journal).await {
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
                disk.open(path, Open::Existing, Class::Journal).await
            }
            other => other,
        };
        let file = file.map_err(|error| OpenError::io(path, error))?;
        let blank = Bytes::from_owner(aligned_zeroed(BLOCK));
        file.write_at(0, blank, Sync::Later)
            .await
            .map_err(|error| OpenError::io(path, error))?;
        file.flush().await.map_err(|error| OpenError::io(path, error))?;
    }
    disk.sync_dir("meta")
        .await
        .map_err(|error| OpenError::io("meta", error))?;
    disk.sync_dir("").await.map_err(|error| OpenError::io(".", error))?;
    Ok(Superblock {
        cluster_id: want.cluster_id.unwrap_or(want.new_cluster_id),
        disk_uuid: want.disk_uuid,
        generation: 1,
        incarnation: 1,
        broker_id: want.broker_id,
        cores: want.cores,
        formatted_ms: want.wall_ms,
    })
}

/// Into the copy that does not hold the generation before.
async fn write<D: Disk>(disk: &D, superblock: &Superblock) -> Result<(), OpenError> {
    let path = COPIES[(superblock.generation % 2) as usize];
    let before = COPIES[((superblock.generation + 1) % 2) as usize];
    // A process that was killed may have left it in the device's cache only, and this write may tear.
    match disk.open(before, Open::Existing, Class::Journal).await {
        Ok(file) => file.flush().await.map_err(|error| OpenError::io(before, error))?,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        Err(error) => return Err(OpenError::io(before, error)),
    }
    let mut block = aligned_zeroed(BLOCK);
    superblock.encode(&mut block);
    let file = disk
        .open(path, Open::Existing, Class::Journal)
        .await
        .map_err(|error| OpenError::io(path, error))?;
    file.write_at(0, Bytes::from_owner(block), Sync::Data)
        .await
        .map_err(|error| OpenError::io(path, error))
}
