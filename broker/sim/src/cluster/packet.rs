//! What travels between nodes.

use std::sync::Arc;

use corelane_broker::{
    metadata::{Wish, records::PartitionState, shard},
    partition::replica,
};
use corelane_protocol::error_code::ErrorCode;
use corelane_raft::{HeartbeatBatch, Message, VoterId};

use super::replica_log::Batch;

#[derive(Clone, Debug)]
pub enum Packet {
    Raft {
        group: usize,
        from: VoterId,
        /// The disk that is meant: another one under this node id is another voter.
        to: VoterId,
        message: Message,
    },
    /// Of all groups that beat in one moment.
    Heartbeats {
        from: VoterId,
        to: VoterId,
        batch: HeartbeatBatch,
    },
    Replica {
        partition: usize,
        from: usize,
        message: replica::Message,
        batch: Batch,
    },
    /// To whom the sender takes for the controller.
    Ask {
        from: usize,
        life: u32,
        ask: Box<Ask>,
    },
    Reply {
        life: u32,
        reply: Result<Reply, ErrorCode>,
    },
    AlterPartitionReply {
        life: u32,
        partition: usize,
        leader_epoch: i32,
        partition_epoch: i32,
        /// The state that came of it.
        altered: Result<Arc<PartitionState>, ErrorCode>,
    },
}

#[derive(Clone, Debug)]
pub enum Ask {
    Root(Wish),
    AlterPartition {
        partition: usize,
        wish: shard::AlterPartition,
    },
}

#[derive(Clone, Debug)]
pub enum Reply {
    Registered { broker_epoch: u64 },
    Beat { is_fenced: bool },
    Altered(Arc<PartitionState>),
    Done,
}
