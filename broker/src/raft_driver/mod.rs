//! Runs a core's raft groups: consensus is a function, the logs are logs of this core's journal, and this is what stands
//! between them.
//!
//! ```text
//!  wish ─> machine: a round is decided ─> one entry ─> raft ─┐ of all groups together:
//!                                                            ├─> one write ─> durable ─> commit ─> machine: apply
//!  timer, other events ─────────────────────────────> raft ─┘                                          │
//!  answers <── every core has it <── one publication of all that changed <────────────────────────────┘
//! ```
//!
//! One task and one timer serve every group of the core, so that a group that has nothing to do costs its memory and
//! nothing else. What groups do while the driver does not wait goes to the journal as one write and to the cores as one
//! publication. What a group's entries mean is its [`Machine`]'s affair; what is decided,
//! that of the pure controllers in `metadata/controller`.
//!
//! A group has one proposal in flight. A wish is answered after its entry is committed, applied and published, also when
//! it was refused: what it was refused for may be part of the same round. On one node this is the same path with one
//! voter.
//!
//! A log that grew gives way to a snapshot of what it led to (`snapshots.rs`).
//!
//! Not built yet: other voters (no transport), snapshots from a leader, sessions of other brokers.

mod asking;
mod controller;
mod driver;
mod group;
mod groups;
mod hard_state;
mod journal;
mod machine;
mod publication;
mod root;
mod shard;
mod shards;
mod snapshot_record;
mod snapshots;
mod store_journal;
mod voters;

pub use controller::{Controller, SharedRules};
pub use group::Status;
pub use groups::{Bell, GroupSet, Groups};
pub use journal::{GroupLog, Journal, LogError, RecoveredLog, RecoveredSnapshot};
pub use machine::{Machine, News};
pub use publication::{Change, Publish};
pub use shards::Shards;
pub use snapshots::{SnapshotTiming, State};
pub use store_journal::{METADATA_TOPIC, METADATA_TOPIC_ID, StoreJournal};
