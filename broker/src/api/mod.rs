//! Kafka's APIs: one table, one dispatcher, one file per API. A handler reads like the story: ask the owners, answer.

pub mod dispatch;
pub mod table;

mod api_versions;
mod create_partitions;
mod create_topics;
mod delete_topics;
mod describe_cluster;
mod describe_configs;
mod fetch;
mod incremental_alter_configs;
mod init_producer_id;
mod list_offsets;
mod metadata;
mod offset_for_leader_epoch;
mod produce;
