//! The `kafka-protocol` crate. It knows ListOffsets up to v10, OffsetCommit and OffsetFetch up to v9; else all our versions.

use super::{Oracle, agree};
use bytes::{Bytes, BytesMut};
use kafka_protocol::protocol::{Decodable, Encodable, Message};

fn oracle<M: Message + Decodable + Encodable>(name: &'static str) -> Oracle {
    Oracle {
        name,
        versions: M::VERSIONS.min..=M::VERSIONS.max,
        recode: |bytes, version| {
            let mut input = Bytes::copy_from_slice(bytes);
            let message = M::decode(&mut input, version).map_err(|why| why.to_string())?;
            if !input.is_empty() {
                return Err(format!("{} bytes left", input.len()));
            }
            let mut output = BytesMut::new();
            message.encode(&mut output, version).map_err(|why| why.to_string())?;
            Ok(output.to_vec())
        },
    }
}

macro_rules! oracles {
    ($($name:ident)*) => { vec![$(oracle::<kafka_protocol::messages::$name>(stringify!($name))),*] };
}

#[test]
fn we_agree_with_kafka_protocol() {
    let oracles = oracles! {
        AlterClientQuotasRequest AlterClientQuotasResponse
        AlterConfigsRequest AlterConfigsResponse
        AlterPartitionReassignmentsRequest AlterPartitionReassignmentsResponse
        ApiVersionsRequest ApiVersionsResponse
        ConsumerProtocolSubscription ConsumerProtocolAssignment
        CreatePartitionsRequest CreatePartitionsResponse
        CreateTopicsRequest CreateTopicsResponse
        DeleteGroupsRequest DeleteGroupsResponse
        DeleteRecordsRequest DeleteRecordsResponse
        DeleteTopicsRequest DeleteTopicsResponse
        DescribeClientQuotasRequest DescribeClientQuotasResponse
        DescribeClusterRequest DescribeClusterResponse
        DescribeConfigsRequest DescribeConfigsResponse
        DescribeGroupsRequest DescribeGroupsResponse
        DescribeLogDirsRequest DescribeLogDirsResponse
        DescribeProducersRequest DescribeProducersResponse
        DescribeQuorumRequest DescribeQuorumResponse
        DescribeTopicPartitionsRequest DescribeTopicPartitionsResponse
        DescribeTransactionsRequest DescribeTransactionsResponse
        ElectLeadersRequest ElectLeadersResponse
        FetchRequest FetchResponse
        FindCoordinatorRequest FindCoordinatorResponse
        HeartbeatRequest HeartbeatResponse
        IncrementalAlterConfigsRequest IncrementalAlterConfigsResponse
        InitProducerIdRequest InitProducerIdResponse
        JoinGroupRequest JoinGroupResponse
        LeaveGroupRequest LeaveGroupResponse
        ListConfigResourcesRequest ListConfigResourcesResponse
        ListGroupsRequest ListGroupsResponse
        ListOffsetsRequest ListOffsetsResponse
        ListPartitionReassignmentsRequest ListPartitionReassignmentsResponse
        ListTransactionsRequest ListTransactionsResponse
        MetadataRequest MetadataResponse
        OffsetCommitRequest OffsetCommitResponse
        OffsetDeleteRequest OffsetDeleteResponse
        OffsetFetchRequest OffsetFetchResponse
        OffsetForLeaderEpochRequest OffsetForLeaderEpochResponse
        ProduceRequest ProduceResponse
        SyncGroupRequest SyncGroupResponse
        UnregisterBrokerRequest UnregisterBrokerResponse
        UpdateFeaturesRequest UpdateFeaturesResponse
    };
    agree(&oracles);
}
