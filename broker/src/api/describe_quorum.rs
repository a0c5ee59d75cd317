//! DescribeQuorum (key 55), versions 0 to 2: who votes on metadata, and how far each voter is (KIP-595).
//!
//! Version 1 brought the moments of the last fetch (KIP-836), 2 directories, nodes and error messages (KIP-853). The log that is
//! shown is the root group's; this node is its only voter, and there are no observers. Its place in the answer is the broker's
//! own listener: the quorum has no other.

use corelane_protocol::{
    error_code::ErrorCode,
    messages::{
        DescribeQuorumRequest, DescribeQuorumResponse,
        describe_quorum::{Listener, Node, PartitionData, ReplicaState, RequestTopicData, TopicData},
    },
};

use super::context::RequestContext;
use crate::{
    core::{CONTROLLER_CORE, Core, Message, message::QuorumCall},
    metadata::decide::CLUSTER_METADATA,
    raft_driver::Status,
    runtime::world::World,
};

/// Kafka's text.
const NOT_THE_LEADER: &str = "For requests intended only for the leader, this error indicates that the broker is not the current leader. For \
     requests intended for any replica, this error indicates that the broker is not a replica of the topic partition.";

pub async fn handle<W: World<Message = Message>>(
    core: Core<W>,
    _context: RequestContext,
    request: DescribeQuorumRequest,
) -> DescribeQuorumResponse {
    if !is_of_metadata(&request) {
        return DescribeQuorumResponse {
            topics: request.topics.into_iter().map(unknown).collect(),
            ..Default::default()
        };
    }
    let status = core.call(CONTROLLER_CORE, QuorumCall).await;
    let node = core.broker_id();
    match status.filter(|status| status.leader == Some(node)) {
        Some(status) => described(&core, &status),
        None => DescribeQuorumResponse {
            topics: of_metadata(PartitionData {
                error_code: ErrorCode::NOT_LEADER_OR_FOLLOWER,
                error_message: Some(NOT_THE_LEADER.to_owned()),
                ..Default::default()
            }),
            ..Default::default()
        },
    }
}

fn described<W: World<Message = Message>>(core: &Core<W>, status: &Status) -> DescribeQuorumResponse {
    let node = core.broker_id();
    let now = core.world.wall_ms();
    let endpoint = core.advertised();
    DescribeQuorumResponse {
        topics: of_metadata(PartitionData {
            leader_id: node,
            leader_epoch: status.term as i32,
            high_watermark: status.high_watermark as i64,
            current_voters: vec![ReplicaState {
                replica_id: node,
                replica_directory_id: core.identity().disk_uuid,
                log_end_offset: status.log_end as i64,
                // Kafka says so of its leader.
                last_fetch_timestamp: now,
                last_caught_up_timestamp: now,
            }],
            ..Default::default()
        }),
        nodes: vec![Node {
            node_id: node,
            listeners: vec![Listener {
                name: "PLAINTEXT".to_owned(),
                host: endpoint.host.clone(),
                port: endpoint.port,
            }],
        }],
        ..Default::default()
    }
}

fn of_metadata(partition: PartitionData) -> Vec<TopicData> {
    vec![TopicData {
        topic_name: CLUSTER_METADATA.to_owned(),
        partitions: vec![partition],
    }]
}

/// The one partition of the one topic that a quorum has.
fn is_of_metadata(request: &DescribeQuorumRequest) -> bool {
    match &request.topics[..] {
        [topic] => {
            let is_first = matches!(&topic.partitions[..], [partition] if partition.partition_index == 0);
            topic.topic_name == CLUSTER_METADATA && is_first
        }
        _ => false,
    }
}

fn unknown(topic: RequestTopicData) -> TopicData {
    let partition = |partition_index| PartitionData {
        partition_index,
        error_code: ErrorCode::UNKNOWN_TOPIC_OR_PARTITION,
        error_message: Some("This server does not host this topic-partition.".to_owned()),
        ..Default::default()
    };
    let asked = topic.partitions.iter().map(|partition| partition.partition_index);
    TopicData {
        topic_name: topic.topic_name,
        partitions: asked.map(partition).collect(),
    }
}
