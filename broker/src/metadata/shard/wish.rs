//! What may be wished of a shard's controller, and what it answers.

use std::sync::Arc;

use uuid::Uuid;

use super::super::{decide::WishError, image::Partition, placement::PartitionKey};

#[derive(Clone, Debug, PartialEq)]
pub enum ShardWish {
    AlterPartition(AlterPartition),
    ElectLeaders(ElectLeaders),
    AlterReassignments(AlterReassignments),
}

/// Items are answered in their order.
#[derive(Clone, Debug, PartialEq)]
pub enum ShardAnswer {
    /// The state as it is afterwards.
    PartitionsAltered(Vec<(PartitionKey, Result<Arc<Partition>, WishError>)>),
    LeadersElected(Vec<(PartitionKey, Result<(), WishError>)>),
    ReassignmentsAltered(Vec<(PartitionKey, Result<(), WishError>)>),
}

/// A leader's wish for other ISRs of partitions of this shard.
#[derive(Clone, Debug, PartialEq)]
pub struct AlterPartition {
    pub node: i32,
    pub broker_epoch: u64,
    pub partitions: Vec<IsrChange>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct IsrChange {
    pub key: PartitionKey,
    pub leader_epoch: i32,
    pub partition_epoch: i32,
    /// Members, each with the disk that its progress was learnt from.
    pub new_isr: Vec<(i32, Uuid)>,
    /// The unclean leader is done.
    pub recovered: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub struct ElectLeaders {
    pub election: ElectionType,
    pub partitions: Vec<PartitionKey>,
}

/// Kafka's `ElectionType`; the numbers are the wire's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i8)]
pub enum ElectionType {
    Preferred = 0,
    Unclean = 1,
}

impl ElectionType {
    pub fn from_wire(election: i8) -> Option<ElectionType> {
        match election {
            0 => Some(ElectionType::Preferred),
            1 => Some(ElectionType::Unclean),
            _ => None,
        }
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct AlterReassignments {
    /// Nodes, preferred leader first; None cancels what is under way.
    pub partitions: Vec<(PartitionKey, Option<Vec<i32>>)>,
    /// Whether the number of replicas may change.
    pub allow_replication_factor_change: bool,
}
