//! Kafka's request types: one table.
//!
//! Source: `ApiKeys` and the request schemas of Kafka 4.3 and 4.4. *flexible* is the first version whose request and
//! response use compact types and tagged fields (KIP-482); it decides the header's version too.

use std::fmt;

/// A request type as it stands on the wire. Keys that the table does not name are kept as they are.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ApiKey(pub i16);

macro_rules! api_keys {
    ($($key:literal, $constant:ident, $name:literal $(, flexible $flexible:literal +)?;)*) => {
        impl ApiKey {
            $(pub const $constant: ApiKey = ApiKey($key);)*

            /// Every key that has a name, in order.
            pub const ALL: &'static [ApiKey] = &[$(ApiKey::$constant),*];

            /// Kafka's name; `None` for a key this table does not know.
            pub const fn name(self) -> Option<&'static str> {
                match self.0 {
                    $($key => Some($name),)*
                    _ => None,
                }
            }

            /// First flexible version; `i16::MAX` where there is none.
            pub const fn flexible(self) -> i16 {
                match self.0 {
                    $($($key => $flexible,)?)*
                    _ => i16::MAX,
                }
            }
        }
    };
}

api_keys! {
     0, PRODUCE, "Produce", flexible 9+;
     1, FETCH, "Fetch", flexible 12+;
     2, LIST_OFFSETS, "ListOffsets", flexible 6+;
     3, METADATA, "Metadata", flexible 9+;
     4, LEADER_AND_ISR, "LeaderAndIsr";
     5, STOP_REPLICA, "StopReplica";
     6, UPDATE_METADATA, "UpdateMetadata";
     7, CONTROLLED_SHUTDOWN, "ControlledShutdown";
     8, OFFSET_COMMIT, "OffsetCommit", flexible 8+;
     9, OFFSET_FETCH, "OffsetFetch", flexible 6+;
    10, FIND_COORDINATOR, "FindCoordinator", flexible 3+;
    11, JOIN_GROUP, "JoinGroup", flexible 6+;
    12, HEARTBEAT, "Heartbeat", flexible 4+;
    13, LEAVE_GROUP, "LeaveGroup", flexible 4+;
    14, SYNC_GROUP, "SyncGroup", flexible 4+;
    15, DESCRIBE_GROUPS, "DescribeGroups", flexible 5+;
    16, LIST_GROUPS, "ListGroups", flexible 3+;
    17, SASL_HANDSHAKE, "SaslHandshake";
    18, API_VERSIONS, "ApiVersions", flexible 3+;
    19, CREATE_TOPICS, "CreateTopics", flexible 5+;
    20, DELETE_TOPICS, "DeleteTopics", flexible 4+;
    21, DELETE_RECORDS, "DeleteRecords", flexible 2+;
    22, INIT_PRODUCER_ID, "InitProducerId", flexible 2+;
    23, OFFSET_FOR_LEADER_EPOCH, "OffsetForLeaderEpoch", flexible 4+;
    24, ADD_PARTITIONS_TO_TXN, "AddPartitionsToTxn", flexible 3+;
    25, ADD_OFFSETS_TO_TXN, "AddOffsetsToTxn", flexible 3+;
    26, END_TXN, "EndTxn", flexible 3+;
    27, WRITE_TXN_MARKERS, "WriteTxnMarkers", flexible 1+;
    28, TXN_OFFSET_COMMIT, "TxnOffsetCommit", flexible 3+;
    29, DESCRIBE_ACLS, "DescribeAcls", flexible 2+;
    30, CREATE_ACLS, "CreateAcls", flexible 2+;
    31, DELETE_ACLS, "DeleteAcls", flexible 2+;
    32, DESCRIBE_CONFIGS, "DescribeConfigs", flexible 4+;
    33, ALTER_CONFIGS, "AlterConfigs", flexible 2+;
    34, ALTER_REPLICA_LOG_DIRS, "AlterReplicaLogDirs", flexible 2+;
    35, DESCRIBE_LOG_DIRS, "DescribeLogDirs", flexible 2+;
    36, SASL_AUTHENTICATE, "SaslAuthenticate", flexible 2+;
    37, CREATE_PARTITIONS, "CreatePartitions", flexible 2+;
    38, CREATE_DELEGATION_TOKEN, "CreateDelegationToken", flexible 2+;
    39, RENEW_DELEGATION_TOKEN, "RenewDelegationToken", flexible 2+;
    40, EXPIRE_DELEGATION_TOKEN, "ExpireDelegationToken", flexible 2+;
    41, DESCRIBE_DELEGATION_TOKEN, "DescribeDelegationToken", flexible 2+;
    42, DELETE_GROUPS, "DeleteGroups", flexible 2+;
    43, ELECT_LEADERS, "ElectLeaders", flexible 2+;
    44, INCREMENTAL_ALTER_CONFIGS, "IncrementalAlterConfigs", flexible 1+;
    45, ALTER_PARTITION_REASSIGNMENTS, "AlterPartitionReassignments", flexible 0+;
    46, LIST_PARTITION_REASSIGNMENTS, "ListPartitionReassignments", flexible 0+;
    47, OFFSET_DELETE, "OffsetDelete";
    48, DESCRIBE_CLIENT_QUOTAS, "DescribeClientQuotas", flexible 1+;
    49, ALTER_CLIENT_QUOTAS, "AlterClientQuotas", flexible 1+;
    50, DESCRIBE_USER_SCRAM_CREDENTIALS, "DescribeUserScramCredentials", flexible 0+;
    51, ALTER_USER_SCRAM_CREDENTIALS, "AlterUserScramCredentials", flexible 0+;
    52, VOTE, "Vote", flexible 0+;
    53, BEGIN_QUORUM_EPOCH, "BeginQuorumEpoch", flexible 1+;
    54, END_QUORUM_EPOCH, "EndQuorumEpoch", flexible 1+;
    55, DESCRIBE_QUORUM, "DescribeQuorum", flexible 0+;
    56, ALTER_PARTITION, "AlterPartition", flexible 0+;
    57, UPDATE_FEATURES, "UpdateFeatures", flexible 0+;
    58, ENVELOPE, "Envelope", flexible 0+;
    59, FETCH_SNAPSHOT, "FetchSnapshot", flexible 0+;
    60, DESCRIBE_CLUSTER, "DescribeCluster", flexible 0+;
    61, DESCRIBE_PRODUCERS, "DescribeProducers", flexible 0+;
    62, BROKER_REGISTRATION, "BrokerRegistration", flexible 0+;
    63, BROKER_HEARTBEAT, "BrokerHeartbeat", flexible 0+;
    64, UNREGISTER_BROKER, "UnregisterBroker", flexible 0+;
    65, DESCRIBE_TRANSACTIONS, "DescribeTransactions", flexible 0+;
    66, LIST_TRANSACTIONS, "ListTransactions", flexible 0+;
    67, ALLOCATE_PRODUCER_IDS, "AllocateProducerIds", flexible 0+;
    68, CONSUMER_GROUP_HEARTBEAT, "ConsumerGroupHeartbeat", flexible 0+;
    69, CONSUMER_GROUP_DESCRIBE, "ConsumerGroupDescribe", flexible 0+;
    70, CONTROLLER_REGISTRATION, "ControllerRegistration", flexible 0+;
    71, GET_TELEMETRY_SUBSCRIPTIONS, "GetTelemetrySubscriptions", flexible 0+;
    72, PUSH_TELEMETRY, "PushTelemetry", flexible 0+;
    73, ASSIGN_REPLICAS_TO_DIRS, "AssignReplicasToDirs", flexible 0+;
    74, LIST_CONFIG_RESOURCES, "ListConfigResources", flexible 0+;
    75, DESCRIBE_TOPIC_PARTITIONS, "DescribeTopicPartitions", flexible 0+;
    76, SHARE_GROUP_HEARTBEAT, "ShareGroupHeartbeat", flexible 0+;
    77, SHARE_GROUP_DESCRIBE, "ShareGroupDescribe", flexible 0+;
    78, SHARE_FETCH, "ShareFetch", flexible 0+;
    79, SHARE_ACKNOWLEDGE, "ShareAcknowledge", flexible 0+;
    80, ADD_RAFT_VOTER, "AddRaftVoter", flexible 0+;
    81, REMOVE_RAFT_VOTER, "RemoveRaftVoter", flexible 0+;
    82, UPDATE_RAFT_VOTER, "UpdateRaftVoter", flexible 0+;
    83, INITIALIZE_SHARE_GROUP_STATE, "InitializeShareGroupState", flexible 0+;
    84, READ_SHARE_GROUP_STATE, "ReadShareGroupState", flexible 0+;
    85, WRITE_SHARE_GROUP_STATE, "WriteShareGroupState", flexible 0+;
    86, DELETE_SHARE_GROUP_STATE, "DeleteShareGroupState", flexible 0+;
    87, READ_SHARE_GROUP_STATE_SUMMARY, "ReadShareGroupStateSummary", flexible 0+;
    88, STREAMS_GROUP_HEARTBEAT, "StreamsGroupHeartbeat", flexible 0+;
    89, STREAMS_GROUP_DESCRIBE, "StreamsGroupDescribe", flexible 0+;
    90, DESCRIBE_SHARE_GROUP_OFFSETS, "DescribeShareGroupOffsets", flexible 0+;
    91, ALTER_SHARE_GROUP_OFFSETS, "AlterShareGroupOffsets", flexible 0+;
    92, DELETE_SHARE_GROUP_OFFSETS, "DeleteShareGroupOffsets", flexible 0+;
    93, STREAMS_GROUP_TOPOLOGY_DESCRIPTION_UPDATE, "StreamsGroupTopologyDescriptionUpdate", flexible 0+;
    94, UNREGISTER_CONTROLLER, "UnregisterController", flexible 0+;
}

impl ApiKey {
    /// Stands where a schema belongs to no request, such as a consumer's subscription inside JoinGroup.
    pub const NONE: ApiKey = ApiKey(-1);

    /// Whether `version` has compact types and tagged fields.
    pub const fn is_flexible(self, version: i16) -> bool {
        version >= self.flexible()
    }
}

impl fmt::Display for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.write_str(name),
            None => write!(f, "ApiKey({})", self.0),
        }
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
