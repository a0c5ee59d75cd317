//! The Corelane broker. See ARCHITECTURE.md at the root for the picture.

pub mod api;
pub mod cli;
pub mod config;
pub mod core;
pub mod group;
pub mod http;
pub mod limits;
pub mod log_limit;
pub mod loggers;
pub mod metadata;
pub mod metrics;
pub mod net;
pub mod node;
pub mod partition;
pub mod quota;
pub mod raft_driver;
pub mod runtime;
