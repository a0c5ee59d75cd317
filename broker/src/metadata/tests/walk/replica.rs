//! A replica in short: a log of leader epochs on a disk, and what its process knows of the partition.

use std::collections::BTreeMap;

use uuid::Uuid;

use crate::metadata::{
    records::{Leader, PartitionState},
    shard::IsrChange,
};

#[derive(Default)]
pub struct Disk {
    /// The leader epoch that each record was written in.
    pub log: Vec<i32>,
    /// The newest epoch that it took part in.
    pub floor: i32,
}

pub struct Process {
    pub node: i32,
    pub storage: u128,
    pub incarnation: u64,
    pub broker_epoch: Option<u64>,
    /// Which of the partition's states it has seen.
    pub seen: usize,
    pub leads: Option<Leadership>,
}

/// What a leader knows, in one leader epoch.
pub struct Leadership {
    pub epoch: i32,
    pub epoch_start: usize,
    /// By node and disk: how much of this log it has.
    pub matched: BTreeMap<(i32, Uuid), usize>,
    pub high_watermark: usize,
    /// Proposed for the partition epoch of the state that is known; counts until a newer one is.
    pub proposed: Option<Vec<i32>>,
}

impl Process {
    pub fn storage_id(&self) -> Uuid {
        Uuid::from_u128(self.storage)
    }

    /// Whether the state makes this process the leader.
    pub fn may_lead(&self, state: &PartitionState) -> bool {
        let (Some(broker_epoch), Some(slot)) = (self.broker_epoch, state.replica(self.node)) else {
            return false;
        };
        let me = Leader {
            node: self.node,
            broker_epoch,
        };
        state.leader == Some(me) && slot.storage_id == self.storage_id()
    }
}

impl Leadership {
    /// The end that all members have who count: of the committed ISR, and of what was proposed.
    pub fn committed_end(&self, state: &PartitionState, me: i32, own_end: usize) -> Option<usize> {
        if state.isr.len() < usize::from(state.min_isr) {
            return None;
        }
        let proposed = self.proposed.iter().flatten();
        let members = state.isr.iter().chain(proposed).copied();
        let end = |node: i32| {
            let slot = state.replica(node)?;
            let matched = self.matched.get(&(node, slot.storage_id)).copied();
            if node == me { Some(own_end) } else { matched }
        };
        members.map(end).try_fold(own_end, |least, end| Some(least.min(end?)))
    }

    /// Another ISR: with one more member that has everything, or with one less.
    pub fn propose(&mut self, state: &PartitionState, node: i32, disk_of: Uuid, me: (i32, Uuid)) -> Option<IsrChange> {
        let mut isr: Vec<i32> = state.isr.to_vec();
        if isr.contains(&node) {
            isr.retain(|member| *member != node);
        } else {
            let matched = self.matched.get(&(node, disk_of)).copied()?;
            if matched < self.high_watermark || matched < self.epoch_start {
                return None;
            }
            isr.push(node);
        }
        let mut proposed = self.proposed.take().unwrap_or_default();
        proposed.extend(&isr);
        self.proposed = Some(proposed);
        let disk = |member: i32| match member {
            member if member == me.0 => me.1,
            member if member == node => disk_of,
            member => state.replica(member).map_or(Uuid::nil(), |slot| slot.storage_id),
        };
        Some(IsrChange {
            key: super::cluster::KEY,
            leader_epoch: state.leader_epoch,
            partition_epoch: state.partition_epoch,
            new_isr: isr.into_iter().map(|member| (member, disk(member))).collect(),
            recovered: false,
        })
    }
}
