//! The data directory at a start: which node's it is, and what an operator reads who named a wrong one.

use std::io;

use corelane_storage::{FormatWish, Identity, OpenError, disk::Disk, open_data_dir};
use uuid::Uuid;

use super::{Core, Message, topics::cluster_id_text};
use crate::runtime::world::World;

impl<W: World<Message = Message>> Core<W> {
    /// Counts this start in it; an empty one is formatted.
    pub(super) async fn open_data_directory(&self) -> Result<Identity, String> {
        let world = &self.world;
        let drawn = || Uuid::from_u64_pair(world.random(), world.random());
        let want = FormatWish {
            cluster_id: self.config.node.cluster_id.map(|id| id.0),
            disk_uuid: drawn(),
            new_cluster_id: drawn(),
            broker_id: self.config.broker_id(),
            cores: world.cores() as u32,
            wall_ms: world.wall_ms(),
        };
        let identity = open_data_dir(&world.disk(), want)
            .await
            .map_err(|error| self.in_data_directory(&error))?;
        if identity.incarnation == 1 {
            // Who meant another one, or whose volume is not mounted, sees it here.
            let (data, cluster) = (world.disk().location(), cluster_id_text(identity.cluster_id));
            tracing::info!(%data, cluster, "the data directory was empty: it is formatted");
        }
        Ok(identity)
    }

    /// What was found, with the directory's whole path and what to do. Paths in errors of storage are relative to it.
    pub(super) fn in_data_directory(&self, error: &OpenError) -> String {
        let remedy = match error {
            OpenError::Io { source, .. } if source.kind() == io::ErrorKind::PermissionDenied => {
                "\nGive it to the user that the broker runs as, with all that is in it: chown -R"
            }
            OpenError::Refused(_) | OpenError::Newer { .. } | OpenError::Older { .. } => {
                "\nFor another directory: --set log.dirs=DIRECTORY"
            }
            _ => "",
        };
        format!("data directory {}: {error}{remedy}", self.world.disk().location())
    }
}
