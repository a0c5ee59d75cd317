//! Replicas against each other, without disk and network.

mod answers;
mod checks;
mod controller;
mod disk;
mod heal;
mod mutants;
mod pair;
mod roles;
mod script;
mod stories;
mod trace;
mod walk;
mod words;
mod world;

use std::time::Duration;

use uuid::Uuid;

use super::*;
use crate::metadata::records::{Leader as Led, NodeList, PartitionState, Replica as Slot};

/// A log of single-record batches of which everything can be had.
pub struct Open {
    pub start: i64,
}

impl LogView for Open {
    fn start(&self) -> i64 {
        self.start
    }

    fn append_end(&self, from: i64, upto: i64) -> i64 {
        upto.min(from + 10)
    }
}

pub fn disk(node: i32) -> Uuid {
    Uuid::from_u128(node as u128 + 1)
}

pub fn identity(node: i32) -> Identity {
    Identity {
        node,
        storage_id: disk(node),
        broker_epoch: Some(node as u64 + 1),
    }
}

/// Nodes 0.. on their first disks, in their first incarnations.
pub fn state(epoch: i32, leader: i32, isr: &[i32], replicas: i32) -> PartitionState {
    PartitionState {
        create_index: 0,
        partition_epoch: epoch,
        leader_epoch: epoch,
        leader: Some(Led {
            node: leader,
            broker_epoch: leader as u64 + 1,
        }),
        isr: isr.into(),
        elr: NodeList::new(),
        last_known_elr: NodeList::new(),
        min_isr: 1,
        recovering: false,
        unclean_epoch: -1,
        replicas: (0..replicas)
            .map(|node| Slot {
                node,
                storage_id: disk(node),
            })
            .collect(),
        adding: NodeList::new(),
        removing: NodeList::new(),
    }
}

pub fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}
