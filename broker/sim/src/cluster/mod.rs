//! Clusters made of the pure cores alone, run a million steps a second on one thread.
//!
//! ```text
//!   Plan::draw(seed) ── sizes, rates, every fault with its time ──┐
//!                                                                 v
//!   Timeline (time, sequence) ──event──> Cluster ──input──> raft::Raft        one for each group and node
//!        ^                                  │    <─output──
//!        │                                  ├── persist ──> Journal ──(later, or never)──> Disk, Persisted
//!        │                                  ├── send ─────> Network ──(later, twice, or never)──> Packet
//!        │                                  ├── observe ──> invariants::*, Marks, Trace
//!        └──────────── deliveries, completions, wake-ups ──────────┘
//!
//!   safety phase: the plan's faults        then heal, and the liveness phase: everything must come to rest in time
//! ```
//!
//! A plan names its stack. Consensus: raft groups with opaque entries. Replication: controllers and replicas over perfect
//! logs, which everybody sees with a lag of his own (`perfect_logs.rs`); nothing finds holes in their rules faster. Whole:
//! controllers and replicas over raft groups (`machines.rs`), as a broker has them. What they have in common asks `logs.rs`.
//!
//! Everything is a function of the seed and the plan. A step is one delivered event that changed a core's state or was
//! refused by one of its rules; timers that were not due, and what the network lost, are not counted.
//!
//! Deliberately absent: bytes of records, files, sockets, and the code around the cores; whole nodes are simulated by
//! the modules beside this one, far more slowly.

mod actions;
mod alarm;
mod asking;
mod brokers;
mod clock;
pub mod command;
mod committed;
mod config_rules;
mod consensus;
mod controllers;
mod crash_point;
mod event_loop;
mod events;
mod families;
mod faults;
mod gate;
mod group;
mod group_log;
mod heartbeats;
mod history;
mod idle;
mod invariants;
mod journal;
mod kinds;
mod liveness;
mod logs;
mod machines;
mod mail;
mod marks;
mod membership;
mod mutants;
mod network;
mod node;
mod operations;
mod packet;
mod perfect_logs;
mod plan;
mod replica_host;
mod replica_log;
mod replication;
mod rules;
mod run;
mod shrink;
mod timeline;
mod topics;
mod trace;
mod truth;
mod views;
mod workload;
mod writes;

#[cfg(test)]
mod tests;

pub use event_loop::Cluster;
pub use marks::{Mark, Marks};
pub use plan::Plan;
pub use rules::Rules;
pub use run::{Report, run};

use crate::Random;

/// From `least` to about `most`, each power of two as likely as the next: delays that differ by orders of magnitude.
fn spread(random: &mut Random, least: u64, most: u64) -> u64 {
    let least = least.max(1);
    let doublings = (most.max(least) / least).ilog2();
    let base = least << random.below(u64::from(doublings) + 1);
    base + random.below(base)
}
