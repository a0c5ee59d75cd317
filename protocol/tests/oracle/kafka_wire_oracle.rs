//! The `kafka-wire` crate. It knows all our versions.

use super::{Oracle, agree};
use bytes::{Bytes, BytesMut};
use kafka_wire::KafkaMessage;
use kafka_wire_core::{ApiVersion, DecodeLimits};

fn oracle<M: KafkaMessage>(name: &'static str) -> Oracle {
    Oracle {
        name,
        versions: M::SUPPORTED_VERSIONS.min().value()..=M::SUPPORTED_VERSIONS.max().value(),
        recode: |bytes, version| {
            let version = ApiVersion::new(version);
            let message = M::decode_from_bytes(Bytes::copy_from_slice(bytes), version, DecodeLimits::default())
                .map_err(|why| why.to_string())?;
            let mut output = BytesMut::new();
            message
                .encode_into(&mut output, version)
                .map_err(|why| why.to_string())?;
            Ok(output.to_vec())
        },
    }
}

macro_rules! oracles {
    ($($name:ident)*) => { vec![$(oracle::<kafka_wire::$name>(stringify!($name))),*] };
}

#[test]
fn we_agree_with_kafka_wire() {
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
