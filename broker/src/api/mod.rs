//! Kafka's APIs: one table, one dispatcher, one file per API. A handler reads like the story: ask the owners, answer.

pub mod context;
pub mod dispatch;
pub mod table;

mod alter_configs;
mod api_versions;
mod body;
mod coordinator;
mod create_partitions;
mod create_topics;
mod delete_groups;
mod delete_topics;
mod describe_cluster;
mod describe_configs;
mod describe_groups;
mod describe_topic_partitions;
mod fetch;
mod find_coordinator;
mod heartbeat;
mod incremental_alter_configs;
mod init_producer_id;
mod join_group;
mod leave_group;
mod list_groups;
mod list_offsets;
mod metadata;
mod offset_commit;
mod offset_fetch;
mod offset_for_leader_epoch;
mod operations;
mod pace;
mod produce;
mod refusals;
mod sync_group;
