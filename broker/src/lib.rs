//! The Corelane broker. See ARCHITECTURE.md at the root for the picture.

pub mod config;
pub mod group;
pub mod metadata;
pub mod raft_driver;
pub mod runtime;
