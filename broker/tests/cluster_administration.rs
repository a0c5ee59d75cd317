//! Goal: what administrators ask of the cluster as a whole, its leaders, replicas, quorum and features, is answered by one node
//! as a single Apache Kafka would.

mod harness;

use corelane_broker::config::value::{ClusterId, Value};
use corelane_protocol::error_code::ErrorCode;
use corelane_protocol::messages::alter_partition_reassignments::*;
use corelane_protocol::messages::api_versions::*;
use corelane_protocol::messages::describe_quorum::{
    DescribeQuorumRequest, DescribeQuorumResponse, RequestPartitionData, RequestTopicData,
};
use corelane_protocol::messages::elect_leaders::*;
use corelane_protocol::messages::list_partition_reassignments::*;
use corelane_protocol::messages::update_features::*;
use corelane_protocol::messages::{
    DescribeClusterRequest, DescribeClusterResponse, DescribeTransactionsRequest, DescribeTransactionsResponse,
    ListTransactionsRequest, ListTransactionsResponse, UnregisterBrokerRequest, UnregisterBrokerResponse,
};

use harness::broker::Broker;
use harness::wire::Wire;

/// A broker with a topic of 3 partitions, `a`.
fn start(name: &str) -> (Broker, Wire) {
    let broker = Broker::start(name, 2);
    let mut wire = Wire::connect(broker.port);
    wire.create_topic("a", 3);
    (broker, wire)
}

/// The one error that all partitions of all topics have, with its message.
type Refusal = (ErrorCode, Option<String>);

fn refused(error_code: ErrorCode, message: &str) -> Refusal {
    (error_code, Some(message.to_owned()))
}

#[test]
fn leaders_are_elected_where_that_is_needed() {
    let (_broker, mut wire) = start("elect-leaders");
    let mut elect = |version, election_type, topic: &str, partition| -> (ErrorCode, Refusal) {
        let request = ElectLeadersRequest {
            election_type,
            topic_partitions: Some(vec![TopicPartitions {
                topic: topic.to_owned(),
                partitions: vec![partition],
            }]),
            timeout_ms: 1000,
        };
        let answer: ElectLeadersResponse = wire.ask(version, &request);
        let result = &answer.replica_election_results[0].partition_result[0];
        assert_eq!(result.partition_id, partition);
        (answer.error_code, (result.error_code, result.error_message.clone()))
    };
    let needless = "Leader election not needed for topic partition.";
    let needless = refused(ErrorCode::ELECTION_NOT_NEEDED, needless);
    for (version, election) in [(0, 0), (1, 0), (2, 0), (1, 1), (2, 1)] {
        assert_eq!(elect(version, election, "a", 2), (ErrorCode::NONE, needless.clone()));
    }
    let unknown = ErrorCode::UNKNOWN_TOPIC_OR_PARTITION;
    let no_partition = refused(unknown, "No such partition as a-3");
    assert_eq!(elect(2, 0, "a", 3), (ErrorCode::NONE, no_partition));
    let no_topic = refused(unknown, "No such topic as b");
    assert_eq!(elect(2, 0, "b", 0), (ErrorCode::NONE, no_topic));
    let no_election = refused(ErrorCode::INVALID_REQUEST, "Unknown election type 2");
    assert_eq!(elect(2, 2, "a", 0), (ErrorCode::INVALID_REQUEST, no_election));

    // Who asks for all is told of those that were elected.
    let all = ElectLeadersRequest {
        topic_partitions: None,
        ..Default::default()
    };
    let answer: ElectLeadersResponse = wire.ask(2, &all);
    let [topic] = &answer.replica_election_results[..] else {
        panic!("one topic, not {answer:?}");
    };
    assert_eq!((topic.topic.as_str(), &topic.partition_result[..]), ("a", &[][..]));
}

#[test]
fn replicas_have_nowhere_to_move() {
    let (_broker, mut wire) = start("reassignments");
    let mut move_to = |topic: &str, partition, replicas: Option<Vec<i32>>| -> Refusal {
        let request = AlterPartitionReassignmentsRequest {
            topics: vec![ReassignableTopic {
                name: topic.to_owned(),
                partitions: vec![ReassignablePartition {
                    partition_index: partition,
                    replicas,
                }],
            }],
            ..Default::default()
        };
        let answer: AlterPartitionReassignmentsResponse = wire.ask(1, &request);
        assert_eq!((answer.error_code, &answer.error_message), (ErrorCode::NONE, &None));
        let result = &answer.responses[0].partitions[0];
        (result.error_code, result.error_message.clone())
    };
    assert_eq!(move_to("a", 0, Some(vec![1])), (ErrorCode::NONE, None));
    assert_eq!(move_to("a", 0, None), (ErrorCode::NO_REASSIGNMENT_IN_PROGRESS, None));
    let bad = |message: &str| {
        let message = format!("The manual partition assignment includes {message}");
        refused(ErrorCode::INVALID_REPLICA_ASSIGNMENT, &message)
    };
    let stranger = "broker 2, but no such broker is registered.";
    assert_eq!(move_to("a", 0, Some(vec![1, 2])), bad(stranger));
    assert_eq!(move_to("a", 0, Some(vec![])), bad("an empty replica list."));
    assert_eq!(move_to("a", 0, Some(vec![1, 1])), bad("the broker 1 more than once."));
    let unknown = ErrorCode::UNKNOWN_TOPIC_OR_PARTITION;
    assert_eq!(move_to("a", 3, None), refused(unknown, "Unable to find partition a:3."));
    assert_eq!(
        move_to("b", 0, None),
        refused(unknown, "Unable to find a topic named b.")
    );

    for topics in [None, Some(vec![])] {
        let request = ListPartitionReassignmentsRequest {
            topics,
            ..Default::default()
        };
        let answer: ListPartitionReassignmentsResponse = wire.ask(0, &request);
        assert_eq!(
            (answer.error_code, answer.error_message, answer.topics),
            (ErrorCode::NONE, None, vec![])
        );
    }
}

#[test]
fn the_quorum_is_this_node() {
    let (broker, mut wire) = start("quorum");
    let cluster: DescribeClusterResponse = wire.ask(0, &DescribeClusterRequest::default());
    let cluster_id = ClusterId::read(&cluster.cluster_id).unwrap();
    let mut ask = |version, topic: &str| -> DescribeQuorumResponse {
        let request = DescribeQuorumRequest {
            topics: vec![RequestTopicData {
                topic_name: topic.to_owned(),
                partitions: vec![RequestPartitionData { partition_index: 0 }],
            }],
        };
        wire.ask(version, &request)
    };
    let answer = ask(2, "__cluster_metadata");
    let [node] = &answer.nodes[..] else {
        panic!("one node, not {answer:?}");
    };
    assert_eq!((node.node_id, node.listeners[0].port), (1, broker.port));
    let quorum = &answer.topics[0].partitions[0];
    assert_eq!((quorum.error_code, quorum.leader_id), (ErrorCode::NONE, 1));
    assert!(quorum.leader_epoch > 0 && quorum.high_watermark > 0);
    let [voter] = &quorum.current_voters[..] else {
        panic!("one voter, not {quorum:?}");
    };
    assert_eq!((voter.replica_id, voter.log_end_offset), (1, quorum.high_watermark));
    assert!(voter.last_caught_up_timestamp > 0 && !voter.replica_directory_id.is_nil());
    // The directory's own, as Apache Kafka's of a quorum that knows directories.
    assert_ne!(voter.replica_directory_id, cluster_id.0);
    assert_eq!(quorum.observers, []);
    let before = quorum.high_watermark;
    assert!(ask(0, "__cluster_metadata").topics[0].partitions[0].high_watermark >= before);
    let unknown = &ask(2, "a").topics[0].partitions[0];
    assert_eq!(unknown.error_code, ErrorCode::UNKNOWN_TOPIC_OR_PARTITION);
}

#[test]
fn features_are_what_is_there() {
    let (_broker, mut wire) = start("features");
    let client = ApiVersionsRequest {
        client_software_name: "test".to_owned(),
        client_software_version: "1".to_owned(),
    };
    let answer: ApiVersionsResponse = wire.ask(4, &client);
    let supported: Vec<_> = answer
        .supported_features
        .iter()
        .map(|feature| (feature.name.as_str(), feature.min_version, feature.max_version))
        .collect();
    assert_eq!(supported, [("metadata.version", 30, 30)]);
    let finalized: Vec<_> = answer
        .finalized_features
        .iter()
        .map(|feature| {
            (
                feature.name.as_str(),
                feature.min_version_level,
                feature.max_version_level,
            )
        })
        .collect();
    assert_eq!(finalized, [("metadata.version", 30, 30)]);

    let mut update = |version, feature: &str, level, upgrade_type| -> UpdateFeaturesResponse {
        let request = UpdateFeaturesRequest {
            feature_updates: vec![FeatureUpdateKey {
                feature: feature.to_owned(),
                max_version_level: level,
                upgrade_type,
                ..Default::default()
            }],
            ..Default::default()
        };
        wire.ask(version, &request)
    };
    for version in 0..=2 {
        let answer = update(version, "metadata.version", 30, 1);
        assert_eq!((answer.error_code, answer.error_message), (ErrorCode::NONE, None));
        assert_eq!(answer.results.len(), usize::from(version < 2));
    }
    for (feature, level, upgrade_type, reason) in [
        ("metadata.version", 31, 1, "Broker 1 only supports versions 30"),
        ("metadata.version", 7, 2, "Broker 1 only supports versions 30"),
        ("group.version", 1, 1, "Broker 1 does not support this feature."),
        ("group.version", 0, 1, "Feature group.version not found."),
        ("metadata.version", -1, 1, "A feature version cannot be less than 0."),
        (
            "metadata.version",
            30,
            4,
            "The controller does not support the given upgrade type.",
        ),
    ] {
        let answer = update(2, feature, level, upgrade_type);
        let message = format!(
            "The update failed for all features since the following feature had an error: Invalid update version {level} \
             for feature {feature}. {reason}"
        );
        assert_eq!(
            (answer.error_code, answer.error_message),
            (ErrorCode::INVALID_UPDATE_VERSION, Some(message))
        );
    }
}

#[test]
fn a_broker_that_runs_is_not_forgotten() {
    let (_broker, mut wire) = start("unregister");
    let mut unregister =
        |broker_id| -> UnregisterBrokerResponse { wire.ask(0, &UnregisterBrokerRequest { broker_id }) };
    assert_eq!(unregister(1).error_code, ErrorCode::INVALID_REQUEST);
    let stranger = unregister(2);
    assert_eq!(stranger.error_code, ErrorCode::BROKER_ID_NOT_REGISTERED);
    assert_eq!(
        stranger.error_message.as_deref(),
        Some("Broker ID 2 is not currently registered")
    );
    wire.send_produce("a", 0, b"still there");
    assert_eq!(wire.produced_offset(), 0);
}

#[test]
fn there_are_no_transactions() {
    let (_broker, mut wire) = start("no-transactions");
    let request = ListTransactionsRequest {
        state_filters: vec!["Ongoing".to_owned(), "Sleeping".to_owned()],
        ..Default::default()
    };
    let answer: ListTransactionsResponse = wire.ask(1, &request);
    assert_eq!(
        (answer.error_code, answer.unknown_state_filters),
        (ErrorCode::NONE, vec!["Sleeping".to_owned()])
    );
    assert_eq!(answer.transaction_states, []);
    let request = DescribeTransactionsRequest {
        transactional_ids: vec!["payments".to_owned(), String::new()],
    };
    let answer: DescribeTransactionsResponse = wire.ask(0, &request);
    let errors: Vec<ErrorCode> = answer.transaction_states.iter().map(|state| state.error_code).collect();
    assert_eq!(
        errors,
        [ErrorCode::TRANSACTIONAL_ID_NOT_FOUND, ErrorCode::INVALID_REQUEST]
    );
}
