//! What the cluster knows: topics, partitions, brokers, configs.
//!
//! ```text
//!   Wish ──decide──> records ──raft──> committed ──apply──> Image ──reconcile──> actions on this core
//!        (pure)                                   (pure, same on every node)   (pure)
//! ```
//!
//! Everything in here is a function of its arguments: no clock, no chance, no files, no sockets. Existence (topics,
//! partitions, brokers) is the root log's and makes a [`RootImage`], leadership is the shard logs' and makes one
//! [`ShardImage`] each; readers see both as one [`Image`]. Who leads a group runs its [`controller`], which decides one entry
//! at a time; [`snapshot`] makes an image into bytes and back.

pub mod chunk_map;
pub mod controller;
pub mod decide;
pub mod features;
pub mod image;
pub mod placement;
pub mod reconcile;
pub mod records;
mod rules;
pub mod shard;
pub mod snapshot;

#[cfg(test)]
mod tests;

pub use decide::{Answer, ConfigRules, Context, Wish, WishError, decide};
pub use image::{Broker, Image, Partition, QuotaEntity, RootImage, ShardImage, Topic, is_garbage};
pub use placement::PartitionKey;
pub use records::Record;
pub use rules::Rules;
