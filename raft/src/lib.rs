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
//!   Tick ─────────┐                      ┌─ persist: hard state, truncate, append ──> disk ──> Persisted
//!   Received ─────┤                      ├─ send_now
//!   Propose ──────┼──> step(now, ..) ────┼─ send_after_persist  (votes, acknowledgements)
//!   Persisted ────┘                      └─ commit, role         ──> apply, answer
//! ```
//!
//! Indexes count from 0 and ends are exclusive, as offsets do in Kafka: a [`Position`] is a prefix of a log, and two
//! logs that share a position share everything before it (Raft §5.3, log matching).
//!
//! Deliberately absent for now: membership change, snapshots, linearizable reads, leadership transfer. The voters are
//! those of the configuration.

mod config;
mod election;
mod message;
mod raft;
mod random;
mod replication;
mod terms;

#[cfg(test)]
mod tests;

pub use config::{Config, Recovered, Rules};
pub use message::{
    AppendOutcome, Entry, HardState, Input, Message, Outgoing, Output, Payload, Persist, Position, Term, VoterId,
};
pub use raft::{Raft, Role};
pub use terms::Terms;

/// What a step may read of the log: the entries that earlier steps asked to persist, durable or not.
pub trait LogView {
    /// Entries from `from` (inclusive) to at most `to` (exclusive), in order, at least one if it can be had, and no
    /// more than about `bytes_max` bytes. May be empty when they are not in memory now; they are asked for again with
    /// the next heartbeat.
    fn entries(&self, from: u64, to: u64, bytes_max: usize) -> Vec<Entry>;
}
