//! Who this data directory belongs to, and which start of the broker this is.

use uuid::Uuid;

use crate::{OpenError, disk::Disk};

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
    /// Journals of the last start that wrote all of them; if it differs from `cores`, the logs are re-homed first.
    pub journal_cores: u32,
}

/// What the configuration says. Used in full when an empty directory is formatted, else compared.
#[derive(Clone, Debug)]
pub struct FormatWish {
    /// None: take what is there, or make one up from `disk_uuid` when formatting.
    pub cluster_id: Option<Uuid>,
    /// Random; used when formatting only.
    pub disk_uuid: Uuid,
    pub broker_id: i32,
    pub cores: u32,
    pub wall_ms: i64,
}

/// Opens the superblock, counts this start durably, and formats only a directory that is empty.
pub async fn open_data_dir<D: Disk>(disk: &D, want: FormatWish) -> Result<Identity, OpenError> {
    disk.create_dir("meta")
        .await
        .map_err(|error| OpenError::io("meta", error))?;
    Ok(Identity {
        cluster_id: want.cluster_id.unwrap_or(want.disk_uuid),
        broker_id: want.broker_id,
        disk_uuid: want.disk_uuid,
        incarnation: 1,
        cores: want.cores,
        journal_cores: want.cores,
    })
}
