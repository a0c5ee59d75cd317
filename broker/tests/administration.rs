//! Goal: what administrators ask of one node is answered as Apache Kafka answers it, down to the error codes; and what they
//! change stays changed when the process is killed.

mod harness;

use corelane_protocol::error_code::ErrorCode;
use corelane_protocol::messages::delete_records::*;
use corelane_protocol::messages::describe_log_dirs::*;
use corelane_protocol::messages::describe_producers::{
    DescribeProducersRequest, DescribeProducersResponse, PartitionResponse, TopicRequest,
};
use corelane_protocol::messages::describe_topic_partitions::{
    Cursor, DescribeTopicPartitionsRequest, DescribeTopicPartitionsResponse,
};
use corelane_protocol::messages::fetch::{FetchPartition, FetchRequestData, FetchResponse, FetchTopic};
use corelane_protocol::messages::list_offsets::{
    ListOffsetsPartition, ListOffsetsRequest, ListOffsetsResponse, ListOffsetsTopic,
};
use corelane_protocol::messages::offset_delete::*;
use corelane_protocol::messages::offset_fetch::{OffsetFetchRequest, OffsetFetchRequestTopic, OffsetFetchResponse};

use harness::broker::Broker;
use harness::wire::Wire;

/// A broker with the topics `a` (3 partitions), `b` and `compacted`, and ten records in `a`-0.
fn start(name: &str, cores: usize) -> (Broker, Wire) {
    let broker = Broker::start(name, cores);
    let mut wire = Wire::connect(broker.port);
    wire.create_topic("a", 3);
    wire.create_topic("b", 1);
    wire.create_topic_with("compacted", 1, &[("cleanup.policy", "compact")]);
    for offset in 0..10 {
        wire.send_produce("a", 0, format!("value {offset}").as_bytes());
        assert_eq!(wire.produced_offset(), offset);
    }
    (broker, wire)
}

/// Asks to delete the records of one partition before `offset`; the low watermark and the error.
fn delete_records(wire: &mut Wire, topic: &str, partition: i32, offset: i64) -> (i64, ErrorCode) {
    let request = DeleteRecordsRequest {
        topics: vec![DeleteRecordsTopic {
            name: topic.to_owned(),
            partitions: vec![DeleteRecordsPartition {
                partition_index: partition,
                offset,
            }],
        }],
        timeout_ms: 10_000,
    };
    let answer: DeleteRecordsResponse = wire.ask(2, &request);
    assert_eq!(answer.topics[0].name, topic);
    let result = &answer.topics[0].partitions[0];
    assert_eq!(result.partition_index, partition);
    (result.low_watermark, result.error_code)
}

/// The log start, as ListOffsets has it.
fn earliest(wire: &mut Wire, topic: &str) -> i64 {
    let request = ListOffsetsRequest {
        replica_id: -1,
        topics: vec![ListOffsetsTopic {
            name: topic.to_owned(),
            partitions: vec![ListOffsetsPartition {
                timestamp: -2,
                ..Default::default()
            }],
        }],
        ..Default::default()
    };
    let answer: ListOffsetsResponse = wire.ask(7, &request);
    let partition = &answer.topics[0].partitions[0];
    assert_eq!(partition.error_code, ErrorCode::NONE);
    partition.offset
}

/// Error and log start of a fetch at `offset`.
fn fetch_at(wire: &mut Wire, topic: &str, offset: i64) -> (ErrorCode, i64) {
    let request = FetchRequestData {
        min_bytes: 1,
        max_bytes: 1 << 20,
        topics: vec![FetchTopic {
            topic: topic.to_owned(),
            partitions: vec![FetchPartition {
                fetch_offset: offset,
                partition_max_bytes: 1 << 20,
                ..Default::default()
            }],
            ..Default::default()
        }],
        ..Default::default()
    };
    let answer: FetchResponse = wire.ask(11, &request);
    let partition = &answer.responses[0].partitions[0];
    (partition.error_code, partition.log_start_offset)
}

#[test]
fn records_are_deleted() {
    let (_broker, mut wire) = start("delete-records", 2);
    assert_eq!(delete_records(&mut wire, "a", 0, 4), (4, ErrorCode::NONE));
    assert_eq!(earliest(&mut wire, "a"), 4);
    assert_eq!(fetch_at(&mut wire, "a", 3).0, ErrorCode::OFFSET_OUT_OF_RANGE);
    assert_eq!(fetch_at(&mut wire, "a", 4), (ErrorCode::NONE, 4));
    // What is gone may be asked for again; the start stays where it is.
    assert_eq!(delete_records(&mut wire, "a", 0, 2), (4, ErrorCode::NONE));
    assert_eq!(delete_records(&mut wire, "a", 0, -1), (10, ErrorCode::NONE));
    assert_eq!(delete_records(&mut wire, "a", 1, -1), (0, ErrorCode::NONE));
    for offset in [11, -2, i64::MAX] {
        assert_eq!(
            delete_records(&mut wire, "a", 0, offset),
            (-1, ErrorCode::OFFSET_OUT_OF_RANGE),
            "{offset}"
        );
    }
    assert_eq!(
        delete_records(&mut wire, "compacted", 0, 0),
        (-1, ErrorCode::POLICY_VIOLATION)
    );
    for (topic, partition) in [("a", 3), ("a", -1), ("none", 0), ("a b", 0)] {
        assert_eq!(
            delete_records(&mut wire, topic, partition, 0),
            (-1, ErrorCode::UNKNOWN_TOPIC_OR_PARTITION),
            "{topic}-{partition}"
        );
    }
    wire.send_produce("a", 0, b"after");
    assert_eq!(wire.produced_offset(), 10);
    assert_eq!(fetch_at(&mut wire, "a", 10), (ErrorCode::NONE, 10));
}

/// An answer to DeleteRecords is a promise, too.
#[test]
fn deleted_records_stay_deleted() {
    let (mut broker, mut wire) = start("delete-records-kill", 1);
    for start in [1, 7, 10] {
        assert_eq!(delete_records(&mut wire, "a", 0, start), (start, ErrorCode::NONE));
        broker.kill();
        broker.start_again();
        wire = Wire::connect(broker.port);
        assert_eq!(earliest(&mut wire, "a"), start);
        assert_eq!(fetch_at(&mut wire, "a", start), (ErrorCode::NONE, start));
    }
    wire.send_produce("a", 0, b"after");
    assert_eq!(wire.produced_offset(), 10);
}

#[test]
fn topics_are_described_page_by_page() {
    let (_broker, mut wire) = start("topic-pages", 2);
    let mut ask = |cursor: Option<(&str, i32)>, partitions_max| -> DescribeTopicPartitionsResponse {
        let request = DescribeTopicPartitionsRequest {
            response_partition_limit: partitions_max,
            cursor: cursor.map(|(topic, partition_index)| Cursor {
                topic_name: topic.to_owned(),
                partition_index,
            }),
            ..Default::default()
        };
        wire.ask(0, &request)
    };
    let page = ask(None, 2);
    let topic = &page.topics[0];
    assert_eq!((topic.name.as_deref(), topic.partitions.len()), (Some("a"), 2));
    assert_eq!(topic.topic_authorized_operations, 3576);
    let node = topic.partitions[0].leader_id;
    assert_eq!(topic.partitions[1].isr_nodes, [node]);
    assert_eq!(topic.partitions[1].eligible_leader_replicas, Some(vec![]));
    let next = page.next_cursor.expect("there is more");
    assert_eq!((next.topic_name.as_str(), next.partition_index), ("a", 2));
    let page = ask(Some(("a", 2)), 100);
    let names: Vec<_> = page.topics.iter().filter_map(|topic| topic.name.as_deref()).collect();
    assert_eq!((names, page.next_cursor), (vec!["a", "b", "compacted"], None));
    // Nothing can be said of what was not named.
    assert_eq!(ask(Some(("a", -1)), 100).topics, []);
}

#[test]
fn directories_and_producers_are_described() {
    let (broker, mut wire) = start("log-dirs", 2);
    let answer: DescribeLogDirsResponse = wire.ask(4, &DescribeLogDirsRequest { topics: None });
    let [directory] = &answer.results[..] else {
        panic!("one directory, not {:?}", answer.results);
    };
    assert!(directory.log_dir.starts_with('/') && directory.log_dir.ends_with("data"));
    assert!(directory.usable_bytes > 0 && directory.total_bytes > directory.usable_bytes);
    let names: Vec<&str> = directory.topics.iter().map(|topic| topic.name.as_str()).collect();
    assert_eq!(names, ["a", "b", "compacted"]);
    let sizes: Vec<_> = directory.topics[0]
        .partitions
        .iter()
        .map(|partition| {
            (
                partition.partition_index,
                partition.partition_size > 0,
                partition.offset_lag,
            )
        })
        .collect();
    assert_eq!(sizes, [(0, true, 0), (1, false, 0), (2, false, 0)]);
    let some = DescribeLogDirsRequest {
        topics: Some(vec![DescribableLogDirTopic {
            topic: "a".to_owned(),
            partitions: vec![2, 3, 2],
        }]),
    };
    let answer: DescribeLogDirsResponse = wire.ask(1, &some);
    let found: Vec<_> = answer.results[0].topics[0].partitions.iter().collect();
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].partition_index, 2);
    drop(broker);
}

/// One topic's producers: error, message, and how many there are.
fn producers(wire: &mut Wire, topic: &str, partition: i32) -> (ErrorCode, Option<String>, usize) {
    let request = DescribeProducersRequest {
        topics: vec![TopicRequest {
            name: topic.to_owned(),
            partition_indexes: vec![partition],
        }],
    };
    let answer: DescribeProducersResponse = wire.ask(0, &request);
    let PartitionResponse {
        error_code,
        error_message,
        active_producers,
        ..
    } = &answer.topics[0].partitions[0];
    (*error_code, error_message.clone(), active_producers.len())
}

#[test]
fn producers_are_described() {
    let (_broker, mut wire) = start("producers", 2);
    assert_eq!(producers(&mut wire, "a", 0), (ErrorCode::NONE, None, 0));
    wire.send_idempotent("a", (7, 2, 40), b"x");
    assert_eq!(wire.produced_offset(), 10);
    let request = DescribeProducersRequest {
        topics: vec![TopicRequest {
            name: "a".to_owned(),
            partition_indexes: vec![0],
        }],
    };
    let answer: DescribeProducersResponse = wire.ask(0, &request);
    let producer = &answer.topics[0].partitions[0].active_producers[0];
    assert_eq!((producer.producer_id, producer.producer_epoch), (7, 2));
    assert_eq!((producer.last_sequence, producer.coordinator_epoch), (40, -1));
    assert_eq!(producer.current_txn_start_offset, -1);
    assert!(producer.last_timestamp > 0);
    let unknown = ErrorCode::UNKNOWN_TOPIC_OR_PARTITION;
    assert_eq!(producers(&mut wire, "a", 9), (unknown, None, 0));
    let message = "This server does not host this topic-partition.";
    assert_eq!(producers(&mut wire, "none", 0), (unknown, Some(message.to_owned()), 0));
    assert_eq!(producers(&mut wire, "a b", 0).0, ErrorCode::INVALID_TOPIC_EXCEPTION);
}

fn committed_offset(wire: &mut Wire, group_id: &str, topic: &str) -> i64 {
    let request = OffsetFetchRequest {
        group_id: group_id.to_owned(),
        topics: Some(vec![OffsetFetchRequestTopic {
            name: topic.to_owned(),
            partition_indexes: vec![0],
        }]),
        ..Default::default()
    };
    let answer: OffsetFetchResponse = wire.ask(7, &request);
    answer.topics[0].partitions[0].committed_offset
}

/// Who asks for offsets of what does not exist hears of that as well as of the group.
#[test]
fn offsets_are_deleted() {
    let (_broker, mut wire) = start("offset-delete", 2);
    wire.commit_offset("readers", "a", 5);
    assert_eq!(committed_offset(&mut wire, "readers", "a"), 5);
    let mut ask = |group: &str, topics: &[(&str, i32)]| -> (ErrorCode, Vec<(String, i32, ErrorCode)>) {
        let topics = topics.iter().map(|(name, partition_index)| OffsetDeleteRequestTopic {
            name: (*name).to_owned(),
            partitions: vec![OffsetDeleteRequestPartition {
                partition_index: *partition_index,
            }],
        });
        let request = OffsetDeleteRequest {
            group_id: group.to_owned(),
            topics: topics.collect(),
        };
        let answer: OffsetDeleteResponse = wire.ask(0, &request);
        let results = answer.topics.iter().flat_map(|topic| {
            let result = |it: &OffsetDeleteResponsePartition| (topic.name.clone(), it.partition_index, it.error_code);
            topic.partitions.iter().map(result)
        });
        (answer.error_code, results.collect())
    };
    let unknown = ErrorCode::UNKNOWN_TOPIC_OR_PARTITION;
    assert_eq!(
        ask("readers", &[("a", 0), ("none", 0), ("a", 7)]),
        (
            ErrorCode::NONE,
            vec![
                ("none".to_owned(), 0, unknown),
                ("a".to_owned(), 7, unknown),
                ("a".to_owned(), 0, ErrorCode::NONE)
            ]
        )
    );
    assert_eq!(ask("nobody", &[("a", 0)]), (ErrorCode::GROUP_ID_NOT_FOUND, vec![]));
    assert_eq!(ask("", &[("a", 0)]), (ErrorCode::INVALID_GROUP_ID, vec![]));
    assert_eq!(committed_offset(&mut wire, "readers", "a"), -1);
}
