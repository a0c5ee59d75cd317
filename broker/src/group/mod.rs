//! Consumer groups: Kafka's classic group protocol and committed offsets, as a pure state machine.
//!
//! ```text
//!   requests, Appended, Tick ──> Coordinator::step ──> Respond, Append
//!                                    │                     │
//!                         one per partition of       the host appends to that
//!                         __consumer_offsets         partition's log and says when
//! ```
//!
//! No sockets, clock, random or default-hasher order in here, but in `host`, which joins coordinators with cores and logs
//! and decides nothing. Record bytes are Kafka's own. Groups of other kinds
//! (KIP-848 consumer groups, share groups, Streams groups) and transactional commits are not in here yet; their records
//! are passed over when loading.

mod classic;
mod config;
mod coordinator;
mod event;
mod expiry;
pub mod host;
mod load;
mod member;
mod observe;
mod offsets;
mod outbox;
mod partition;
mod rebalance;
pub mod records;
mod replaced;
mod requests;
mod subscription;
mod timers;

#[cfg(test)]
mod tests;

use std::rc::Rc;

pub use config::GroupConfig;
pub use coordinator::Coordinator;
pub use event::{AppendToken, Client, Effect, Event, GroupRecord, Now, Request, RequestToken, Response};
pub use host::{GroupCall, Groups};
pub use partition::partition_for;

/// Ids are shared by maps and timers of one core.
type GroupId = Rc<str>;
type MemberId = Rc<str>;
