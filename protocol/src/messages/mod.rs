//! The messages, one file per API with request and response side by side, named as in Kafka's schemas.
//!
//! The tables hold the facts of Kafka 4.3's own `clients/src/main/resources/common/message/*.json`.

use crate::message::Codec;

macro_rules! messages {
    ($($module:ident: $request:ident, $response:ident;)*) => {
        $(
            pub mod $module;
            pub use $module::{$request, $response};
        )*

        /// Every message, without its type: for documentation, tests and fuzzing.
        pub const CODECS: &[Codec] = &[$(Codec::of::<$request>(), Codec::of::<$response>(),)*];
    };
}

messages! {
    alter_client_quotas:           AlterClientQuotasRequest, AlterClientQuotasResponse;
    alter_configs:                 AlterConfigsRequest, AlterConfigsResponse;
    alter_partition_reassignments: AlterPartitionReassignmentsRequest, AlterPartitionReassignmentsResponse;
    api_versions:                  ApiVersionsRequest, ApiVersionsResponse;
    consumer_protocol:             ConsumerProtocolSubscription, ConsumerProtocolAssignment;
    create_partitions:             CreatePartitionsRequest, CreatePartitionsResponse;
    create_topics:                 CreateTopicsRequest, CreateTopicsResponse;
    delete_groups:                 DeleteGroupsRequest, DeleteGroupsResponse;
    delete_records:                DeleteRecordsRequest, DeleteRecordsResponse;
    delete_topics:                 DeleteTopicsRequest, DeleteTopicsResponse;
    describe_client_quotas:        DescribeClientQuotasRequest, DescribeClientQuotasResponse;
    describe_cluster:              DescribeClusterRequest, DescribeClusterResponse;
    describe_configs:              DescribeConfigsRequest, DescribeConfigsResponse;
    describe_groups:               DescribeGroupsRequest, DescribeGroupsResponse;
    describe_log_dirs:             DescribeLogDirsRequest, DescribeLogDirsResponse;
    describe_producers:            DescribeProducersRequest, DescribeProducersResponse;
    describe_quorum:               DescribeQuorumRequest, DescribeQuorumResponse;
    describe_topic_partitions:     DescribeTopicPartitionsRequest, DescribeTopicPartitionsResponse;
    describe_transactions:         DescribeTransactionsRequest, DescribeTransactionsResponse;
    elect_leaders:                 ElectLeadersRequest, ElectLeadersResponse;
    fetch:                         FetchRequestData, FetchResponse;
    find_coordinator:              FindCoordinatorRequest, FindCoordinatorResponse;
    heartbeat:                     HeartbeatRequest, HeartbeatResponse;
    incremental_alter_configs:     IncrementalAlterConfigsRequest, IncrementalAlterConfigsResponse;
    init_producer_id:              InitProducerIdRequest, InitProducerIdResponse;
    join_group:                    JoinGroupRequest, JoinGroupResponse;
    leave_group:                   LeaveGroupRequest, LeaveGroupResponse;
    list_config_resources:         ListConfigResourcesRequest, ListConfigResourcesResponse;
    list_groups:                   ListGroupsRequest, ListGroupsResponse;
    list_offsets:                  ListOffsetsRequest, ListOffsetsResponse;
    list_partition_reassignments:  ListPartitionReassignmentsRequest, ListPartitionReassignmentsResponse;
    list_transactions:             ListTransactionsRequest, ListTransactionsResponse;
    metadata:                      MetadataRequest, MetadataResponse;
    offset_commit:                 OffsetCommitRequest, OffsetCommitResponse;
    offset_delete:                 OffsetDeleteRequest, OffsetDeleteResponse;
    offset_fetch:                  OffsetFetchRequest, OffsetFetchResponse;
    offset_for_leader_epoch:       OffsetForLeaderEpochRequest, OffsetForLeaderEpochResponse;
    produce:                       ProduceRequestData, ProduceResponse;
    sync_group:                    SyncGroupRequest, SyncGroupResponse;
    unregister_broker:             UnregisterBrokerRequest, UnregisterBrokerResponse;
    update_features:               UpdateFeaturesRequest, UpdateFeaturesResponse;
}

mod visit;

pub use fetch::FetchRequest;
pub use produce::ProduceRequest;
