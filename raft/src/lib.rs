//! Consensus as a function: `Raft::step(now, input, log) -> Output`.
//!
//! Nothing in here reads a clock, a socket, a file or a random device: time and a seed are handed in, effects are handed
//! out. The driver carries the effects out and must keep three promises, on which every safety argument rests:
//!
//! 1. What [`Output::persist`] says is done in order, before the next step sees the log through [`LogView`].
//! 2. A message of [`Output::send_after_persist`] leaves only when everything that this step *and all before it* asked
//!    to persist is durable. `send_now` may leave at once.
//! 3. [`Input::Persisted`] is handed in only for what no power loss can take away any more.
//!
//! ```text
//!   Tick ─────────┐                      ┌─ persist: snapshot, hard state, truncate, append ──> disk ──> Persisted
//!   Received ─────┤                      ├─ send_now
//!   Propose ──────┼──> step(now, ..) ────┼─ send_after_persist  (votes, acknowledgements)
//!   Persisted ────┘                      └─ commit, installed, reads, role_changed  ──> apply, answer
//! ```
//!
//! Indexes count from 0 and ends are exclusive, as offsets do in Kafka: a [`Position`] is a prefix of a log, and two
//! logs that share a position share everything before it (Raft §5.3, log matching).
//!
//! | what | where |
//! |---|---|
//! | who leads: pre-vote, votes, stickiness | `election.rs` |
//! | being the leader: peers, heartbeats, check-quorum | `leadership.rs`, `peer.rs` |
//! | appends, acknowledgements, commit: the leader's side, the follower's | `replication.rs`, `follower.rs` |
//! | who votes, and changing it | `voters.rs`, `membership.rs` |
//! | snapshots: sent in chunks, installed by one record | `snapshot.rs` |
//! | linearizable reads | `reads.rs` |
//! | transfer, priority, resignation | `transfer.rs` |
//! | many groups, one message a peer | `heartbeats.rs` |
//! | each rule, its source, its switch | `rules.rs` |
//!
//! Deliberately absent: leases (a read costs a round), joint consensus (voters change one at a time), and any knowledge of
//! what is in a proposal or a snapshot.

mod config;
mod effects;
mod election;
mod entry;
mod follower;
mod heartbeats;
mod leadership;
mod log;
mod membership;
mod message;
mod peer;
mod raft;
mod random;
mod reads;
mod replication;
mod rules;
mod snapshot;
mod terms;
mod transfer;
mod voters;

#[cfg(test)]
mod tests;

pub use config::{Config, Recovered};
pub use effects::{ChunkWrite, HardState, Input, Output, Persist, Read, Refused, SnapshotSwitch, VotersChange};
pub use entry::{Entry, Payload, Position, Snapshot, Term};
pub use heartbeats::{GroupId, HeartbeatBatch, Heartbeats};
pub use membership::PeerStatus;
pub use message::{AppendOutcome, Message, Outgoing};
pub use raft::{Raft, Role};
pub use rules::Rules;
pub use snapshot::Chunk;
pub use terms::Terms;
pub use voters::{VOTERS_MAX, VoterId, Voters, Votes};

/// What a step may read of what earlier steps asked to persist, durable or not.
pub trait LogView {
    /// Entries from `from` (inclusive) to at most `to` (exclusive), in order, at least one if it can be had, and no
    /// more than about `bytes_max` bytes. May be empty when they are not in memory now; they are asked for again with
    /// every [`Input::Tick`], so give one when they are there.
    fn entries(&self, from: u64, to: u64, bytes_max: usize) -> Vec<Entry>;

    /// Bytes of the snapshot `id`, which is the latest, from `offset` on, about `bytes_max` of them. None when they are
    /// not in memory now, as above. A log that never takes snapshots has none.
    fn snapshot_chunk(&self, _id: Position, _offset: u64, _bytes_max: usize) -> Option<Chunk> {
        None
    }
}
