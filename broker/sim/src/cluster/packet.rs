//! What travels between nodes.

use corelane_raft::{Message, VoterId};

#[derive(Clone, Debug)]
pub enum Packet {
    Raft {
        group: usize,
        from: VoterId,
        /// The disk that is meant: another one under this node id is another voter.
        to: VoterId,
        message: Message,
    },
}
