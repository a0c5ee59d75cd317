//! Runs the metadata group on core 0: consensus is a function, the log is a log of this core's journal, and this is what
//! stands between them.
//!
//! ```text
//!  wish ─> queue ─> round: decide each on an overlay ─> one entry ─> raft ─> journal ─> durable ─> commit
//!                                                                                                    │
//!  answer <── every core has the image <── publish <── image <── apply <───────────────────────────┘
//! ```
//!
//! One round is in flight. A wish is answered after its entry is committed, applied and published, also when it was
//! refused: what it was refused for may be part of the same round. On one node this is the same path with one voter.
//!
//! Not built yet: other voters (no transport), snapshots of the log, sessions of other brokers.

mod controller;
mod driver;
mod entry_log;
mod hard_state;
mod voters;

pub use controller::{Controller, Options, Publish, StartError, Status};
pub use entry_log::{EntryLog, LogError, METADATA_TOPIC, METADATA_TOPIC_ID, RecoveredLog, StoreLog};
