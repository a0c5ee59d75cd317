//! Makes the topic of a workload.

use std::time::Duration;

use corelane_broker::runtime::world::World;
use corelane_protocol::{
    error_code::ErrorCode,
    messages::{
        CreateTopicsRequest, CreateTopicsResponse, MetadataRequest, MetadataResponse,
        create_topics::{CreatableTopic, CreatableTopicConfig},
        metadata::MetadataRequestTopic,
    },
};
use uuid::Uuid;

use super::connection::Connection;
use crate::world::SimWorld;

/// A topic as clients know it.
#[derive(Clone, Debug)]
pub struct Topic {
    pub name: String,
    pub id: Uuid,
    pub partitions: i32,
}

/// Creates it, whatever happens on the way, and waits until each partition has a leader.
pub async fn create_topic(
    world: &SimWorld<()>,
    node: u32,
    port: u16,
    name: &str,
    partitions: i32,
    configs: &[(&str, String)],
) -> Topic {
    loop {
        let mut connection = Connection::open(world, node, port).await;
        if let Some(topic) = try_create(&mut connection, name, partitions, configs).await {
            return topic;
        }
        world.sleep(Duration::from_millis(20)).await;
    }
}

async fn try_create(
    connection: &mut Connection,
    name: &str,
    partitions: i32,
    configs: &[(&str, String)],
) -> Option<Topic> {
    let configs = configs.iter().map(|(name, value)| CreatableTopicConfig {
        name: name.to_string(),
        value: Some(value.clone()),
    });
    let topic = CreatableTopic {
        name: name.to_string(),
        num_partitions: partitions,
        replication_factor: 1,
        configs: configs.collect(),
        ..CreatableTopic::default()
    };
    let request = CreateTopicsRequest {
        topics: vec![topic],
        timeout_ms: 5_000,
        ..CreateTopicsRequest::default()
    };
    let created: CreateTopicsResponse = connection.call(7, &request).await.ok()?;
    let error = created.topics.first()?.error_code;
    if error != ErrorCode::NONE && error != ErrorCode::TOPIC_ALREADY_EXISTS {
        return None;
    }
    let request = MetadataRequest {
        topics: Some(vec![MetadataRequestTopic {
            name: Some(name.to_string()),
            ..MetadataRequestTopic::default()
        }]),
        allow_auto_topic_creation: false,
        ..MetadataRequest::default()
    };
    let metadata: MetadataResponse = connection.call(12, &request).await.ok()?;
    let topic = metadata.topics.first()?;
    let has_leaders = topic.partitions.iter().all(|partition| partition.leader_id >= 0);
    (topic.partitions.len() == partitions as usize && has_leaders).then(|| Topic {
        name: name.to_string(),
        id: topic.topic_id,
        partitions,
    })
}
