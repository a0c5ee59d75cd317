//! Whole nodes and clusters in one thread, seeded and replayable.
//!
//! ```text
//!            one heap of events (virtual time, sequence)
//!      ┌──────────┬────────────┬─────────────┬───────────┐
//!   timers     deliveries    messages     disk waits   crashes
//!      └──────────┴─────┬──────┴─────────────┴───────────┘
//!               a task becomes ready on its core
//!                       │  the seed says which ready task goes next, and how long its poll takes
//!                 the broker's own code, unchanged
//! ```
//!
//! Nothing here reads a clock, starts a thread or iterates a hash map: the seed decides everything, and every event is
//! folded into a hash, so that two runs of one seed can be compared to the last event. A node is what the broker's
//! `World` lets it be; when it crashes its tasks and all they held are dropped, and its disk keeps what disks keep.

pub mod broker;
pub mod client;
pub mod cluster;
pub mod history;
pub mod invariants;
pub mod network;
pub mod node;
pub mod plan;
pub mod random;
pub mod scenario;
pub mod seeds;
pub mod simulation;
pub mod tasks;
pub mod trace;
pub mod world;

pub use node::{CrashKind, SimNode};
pub use random::Random;
pub use simulation::Simulation;
pub use world::SimWorld;
