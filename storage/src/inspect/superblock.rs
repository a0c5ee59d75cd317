//! One copy of the superblock.

use std::ops::ControlFlow;

use super::{Item, Sink, Source, read};
use crate::{
    disk::BLOCK,
    identity::{FORMAT_VERSION, Superblock, SuperblockError},
};

pub(super) fn inspect(source: &dyn Source, out: Sink<'_>) -> ControlFlow<()> {
    let item = Item::new("superblock", 0, source.bytes());
    let block = match read(source, 0, BLOCK) {
        Ok(block) => block,
        Err(why) => return out(item.wrong(why)),
    };
    out(match Superblock::decode(&block) {
        Ok(found) => item
            .say("version", FORMAT_VERSION)
            .say("generation", found.generation)
            .say("cluster_id", found.cluster_id.to_string())
            .say("broker_id", found.broker_id)
            .say("disk_uuid", found.disk_uuid.to_string())
            .say("incarnation", found.incarnation)
            .say("cores", found.cores)
            .say("formatted_ms", found.formatted_ms),
        Err(SuperblockError::Blank) => item.say("blank", true),
        Err(SuperblockError::Newer(version)) => item.say("version", version).wrong(format!(
            "a newer release wrote it; this one reads version {FORMAT_VERSION}"
        )),
        Err(SuperblockError::Older(version)) => item
            .say("version", version)
            .wrong("no release that was ever published wrote it"),
        Err(SuperblockError::Corrupt) => item.wrong("magic or checksum do not fit; the other copy counts"),
    })
}
