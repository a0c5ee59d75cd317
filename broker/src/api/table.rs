//! The APIs that this broker answers: one line each, with the handler. ApiVersions, dispatch and the docs come from here.
//!
//! An API that is not here is not advertised, and a request for it closes the connection, as Kafka does.

use std::ops::RangeInclusive;

use bytes::Bytes;
use corelane_protocol::api_key::ApiKey;

use super::{
    alter_client_quotas, alter_configs, alter_partition_reassignments, api_versions,
    body::decoded,
    context::{Outcome, RequestContext},
    create_partitions, create_topics, delete_groups, delete_records, delete_topics, describe_client_quotas,
    describe_cluster, describe_configs, describe_groups, describe_log_dirs, describe_producers, describe_quorum,
    describe_topic_partitions, describe_transactions, elect_leaders, fetch, find_coordinator, heartbeat,
    incremental_alter_configs, init_producer_id, join_group, leave_group, list_config_resources, list_groups,
    list_offsets, list_partition_reassignments, list_transactions, metadata, offset_commit, offset_delete,
    offset_fetch, offset_for_leader_epoch, produce, sync_group, unregister_broker, update_features,
};
use crate::{
    core::{Core, Message},
    runtime::world::World,
};

/// One API as this broker speaks it.
#[derive(Clone, Debug)]
pub struct Api {
    pub key: ApiKey,
    /// What is answered.
    pub versions: RangeInclusive<i16>,
    /// The lowest version that ApiVersions shows; see [`ApiKey::PRODUCE`].
    pub advertised_min: i16,
}

/// Produce and Fetch read their whole body themselves, in place; the others get it decoded. A lane is as large as the largest
/// of these futures, so only the most frequent one is not in a box of its own.
macro_rules! handled {
    (in_place $api:ident, $core:ident, $context:ident, $body:ident) => {
        $api::handle($core, $context, $body).await
    };
    (whole $api:ident, $core:ident, $context:ident, $body:ident) => {
        Box::pin($api::handle($core, $context, $body)).await
    };
    (decoded $api:ident, $core:ident, $context:ident, $body:ident) => {
        Box::pin(decoded($core, $context, $body, $api::handle)).await
    };
}

macro_rules! apis {
    ($( $key:ident $min:literal ..= $max:literal $(advertised from $advertised:literal)? => $body:ident $api:ident; )*) => {
        /// In order of key.
        pub const APIS: &[Api] = &[ $( Api {
            key: ApiKey::$key,
            versions: $min..=$max,
            advertised_min: { let _min: i16 = $min; $( let _min: i16 = $advertised; )? _min },
        }, )* ];

        /// Carries out a request whose API and version are in the table.
        pub(super) async fn handle<W: World<Message = Message>>(
            core: Core<W>,
            context: RequestContext,
            body: Bytes,
        ) -> Outcome {
            match context.api_key {
                $( ApiKey::$key => handled!($body $api, core, context, body), )*
                other => unreachable!("{other} is not in the table"),
            }
        }
    };
}

apis! {
    // librdkafka turns compression off unless version 0 is shown (KAFKA-18659); 0 to 2 are refused all the same.
    PRODUCE                     3..=13 advertised from 0   => in_place produce;
    FETCH                       4..=18                     => whole   fetch;
    LIST_OFFSETS                1..=11                     => decoded list_offsets;
    METADATA                    0..=13                     => decoded metadata;
    OFFSET_COMMIT               2..=10                     => decoded offset_commit;
    OFFSET_FETCH                1..=10                     => decoded offset_fetch;
    FIND_COORDINATOR            0..=6                      => decoded find_coordinator;
    JOIN_GROUP                  0..=9                      => decoded join_group;
    HEARTBEAT                   0..=4                      => decoded heartbeat;
    LEAVE_GROUP                 0..=5                      => decoded leave_group;
    SYNC_GROUP                  0..=5                      => decoded sync_group;
    DESCRIBE_GROUPS             0..=6                      => decoded describe_groups;
    LIST_GROUPS                 0..=5                      => decoded list_groups;
    API_VERSIONS                0..=4                      => decoded api_versions;
    CREATE_TOPICS               2..=7                      => decoded create_topics;
    DELETE_TOPICS               1..=6                      => decoded delete_topics;
    DELETE_RECORDS              0..=2                      => decoded delete_records;
    // Version 6 (two-phase commit, KIP-939) is still unstable in Kafka 4.3.
    INIT_PRODUCER_ID            0..=5                      => decoded init_producer_id;
    OFFSET_FOR_LEADER_EPOCH     2..=4                      => decoded offset_for_leader_epoch;
    DESCRIBE_CONFIGS            1..=4                      => decoded describe_configs;
    ALTER_CONFIGS               0..=2                      => decoded alter_configs;
    DESCRIBE_LOG_DIRS           1..=5                      => decoded describe_log_dirs;
    CREATE_PARTITIONS           0..=3                      => decoded create_partitions;
    DELETE_GROUPS               0..=2                      => decoded delete_groups;
    ELECT_LEADERS               0..=2                      => decoded elect_leaders;
    INCREMENTAL_ALTER_CONFIGS   0..=1                      => decoded incremental_alter_configs;
    ALTER_PARTITION_REASSIGNMENTS 0..=1                    => decoded alter_partition_reassignments;
    LIST_PARTITION_REASSIGNMENTS 0..=0                     => decoded list_partition_reassignments;
    OFFSET_DELETE               0..=0                      => decoded offset_delete;
    DESCRIBE_CLIENT_QUOTAS      0..=1                      => decoded describe_client_quotas;
    ALTER_CLIENT_QUOTAS         0..=1                      => decoded alter_client_quotas;
    DESCRIBE_QUORUM             0..=2                      => decoded describe_quorum;
    UPDATE_FEATURES             0..=2                      => decoded update_features;
    DESCRIBE_CLUSTER            0..=2                      => decoded describe_cluster;
    DESCRIBE_PRODUCERS          0..=0                      => decoded describe_producers;
    UNREGISTER_BROKER           0..=0                      => decoded unregister_broker;
    DESCRIBE_TRANSACTIONS       0..=0                      => decoded describe_transactions;
    // Version 2 filters by a pattern of ids, and there are no ids yet.
    LIST_TRANSACTIONS           0..=1                      => decoded list_transactions;
    LIST_CONFIG_RESOURCES       0..=1                      => decoded list_config_resources;
    DESCRIBE_TOPIC_PARTITIONS   0..=0                      => decoded describe_topic_partitions;
}

/// The line of an API.
pub fn find(key: ApiKey) -> Option<&'static Api> {
    APIS.binary_search_by_key(&key.0, |api| api.key.0)
        .ok()
        .map(|index| &APIS[index])
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Look-up is by binary search, so the lines must be in order.
    #[test]
    fn lines_are_in_order_of_key() {
        assert!(APIS.is_sorted_by_key(|api| api.key.0));
        assert_eq!(find(ApiKey::FETCH).map(|api| api.versions.clone()), Some(4..=18));
        assert!(find(ApiKey(4)).is_none());
    }
}
