//! A node: a process that may be up, its disk, its clock.

use std::collections::VecDeque;

use bytes::Bytes;
use corelane_broker::partition::replica;
use corelane_raft::{Persist, VoterId};

use super::{
    brokers::Broker,
    clock::Clock,
    controllers::Controller,
    events::Event,
    group::Group,
    group_log::GroupLog,
    heartbeats::Gathered,
    journal::Journal,
    packet::Packet,
    perfect_logs::Lags,
    replica_host::ReplicaHost,
    replica_log::{Batch, ReplicaLog},
    timeline::Micros,
    views::Views,
};
use crate::Random;

#[derive(Debug)]
pub struct Node {
    pub id: usize,
    pub up: bool,
    /// Grows with every start; what was planned for an earlier life is void.
    pub life: u32,
    /// Events wait until then, in their order.
    pub paused_until: Micros,
    pub waiting: VecDeque<Event>,
    pub clock: Clock,
    pub storage_id: u128,
    pub journals: Vec<Journal<Write, Held>>,
    pub stalled_until: Micros,
    pub disk: Disk,
    /// By group; empty while the node is down.
    pub groups: Vec<Group>,
    pub gathered: Gathered,
    /// By partition; none while the node is down.
    pub replicas: Vec<Option<ReplicaHost>>,
    pub views: Views,
    pub lags: Lags,
    /// By log, where this node decides.
    pub controllers: Vec<Option<Controller>>,
    pub broker: Broker,
}

/// What is on disk for sure.
#[derive(Clone, Debug, Default)]
pub struct Disk {
    pub groups: Vec<GroupLog>,
    /// By partition.
    pub replicas: Vec<Option<ReplicaLog>>,
}

#[derive(Debug)]
pub enum Write {
    Group {
        group: usize,
        persist: Box<Persist>,
        /// Bytes of the snapshot that this node took and switches to.
        taken: Option<Bytes>,
    },
    Replica {
        partition: usize,
        /// Of the log that is meant: it may have been dropped and made anew.
        made: u64,
        persist: replica::Persist,
        records: Batch,
        /// What the disk does not hear of (a mutant's).
        without_floor: bool,
    },
}

/// What a crash leaves of the writes that were not durable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kept {
    Any,
    Nothing,
    Everything,
}

/// A message that promises something about writes.
#[derive(Debug)]
pub struct Held {
    pub to: usize,
    pub packet: Packet,
}

impl Node {
    pub fn voter(&self) -> VoterId {
        VoterId {
            node: self.id as i32,
            storage_id: self.storage_id,
        }
    }

    /// A group's journal: each belongs to one core.
    pub fn journal_of(&self, group: usize) -> usize {
        group % self.journals.len()
    }

    /// The process ends. Each journal keeps a prefix of its own of what was not durable. Gives what was lost.
    pub fn crash(&mut self, keeps: Kept, random: &mut Random) -> Vec<Write> {
        self.up = false;
        self.paused_until = 0;
        self.waiting.clear();
        self.groups.clear();
        self.gathered = Gathered::default();
        self.replicas.iter_mut().for_each(|replica| *replica = None);
        self.controllers.iter_mut().for_each(|controller| *controller = None);
        self.broker.epoch = None;
        let mut lost = Vec::new();
        for journal in 0..self.journals.len() {
            let mut pending: VecDeque<Write> = self.journals[journal].crash();
            let kept = match keeps {
                Kept::Any => random.below(pending.len() as u64 + 1) as usize,
                Kept::Nothing => 0,
                Kept::Everything => pending.len(),
            };
            for write in pending.drain(..kept) {
                self.disk.apply(&write);
            }
            lost.extend(pending);
        }
        lost
    }

    /// The disk is formatted anew.
    pub fn wipe(&mut self, storage_id: u128) {
        let groups = self.disk.groups.len();
        self.storage_id = storage_id;
        self.disk = Disk::default();
        self.disk.groups.resize(groups, GroupLog::default());
        self.disk.replicas.resize(self.replicas.len(), None);
        self.views = Views::new(self.views.shards.len());
        self.lags = Lags::new(self.controllers.len());
        self.broker = Broker::default();
    }
}

impl Disk {
    pub fn apply(&mut self, write: &Write) {
        match write {
            Write::Group { group, persist, taken } => self.groups[*group].apply(persist, taken.as_ref()),
            Write::Replica {
                partition,
                made,
                persist,
                records,
                without_floor,
            } => {
                if let Some(log) = self.replicas[*partition].as_mut().filter(|log| log.made == *made) {
                    log.apply(persist, records, !without_floor);
                }
            }
        }
    }
}
