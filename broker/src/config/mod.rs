//! What a broker and its topics can be told, and what they were told.
//!
//! Each of [`broker`] (in parts, by area), [`topic`], [`group`] and [`client_metrics`] is ONE table: Kafka's name, type,
//! default, check, effect and a line of doc. The typed structs, validation, DescribeConfigs and the reference page all come from it, so that nothing about a key is known in
//! a second place. Nothing here opens a file or reads the environment: `cli` hands both in as text.
//!
//! ```text
//! defaults < server.properties < CORELANE_… environment < --set key=value < what the cluster was told (live keys only)
//! ```

pub mod broker;
pub mod client_metrics;
pub mod docs;
pub mod dynamic;
pub mod group;
pub mod key;
pub mod layers;
pub mod listeners;
pub mod nearest;
pub mod properties;
pub mod remark;
pub mod topic;
pub mod unknown;
pub mod value;

pub use broker::Broker;
pub use key::{Check, Effect, Entry, Key, Source, Synonym};
pub use layers::{ConfigError, Inputs, Layers};
pub use remark::remark;
pub use topic::TopicConfig;

#[cfg(test)]
mod tests;
