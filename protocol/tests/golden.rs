//! Goal: frames are what Kafka's schemas say, spelled out byte by byte and written by hand, not by a codec.
//!
//! Changing anything here means that clients break.

use bytes::{Bytes, BytesMut};
use corelane_protocol::api_key::ApiKey;
use corelane_protocol::error_code::ErrorCode;
use corelane_protocol::frame;
use corelane_protocol::header::{RequestHeader, decode_response_header};
use corelane_protocol::message::Message;
use corelane_protocol::messages::api_versions::{ApiVersion, ApiVersionsRequest, ApiVersionsResponse};
use corelane_protocol::messages::fetch::*;
use corelane_protocol::messages::metadata::*;
use corelane_protocol::messages::produce;
use corelane_protocol::wire::Reader;
use std::fmt::Debug;
use uuid::Uuid;

const TOPIC_ID: Uuid = Uuid::from_u128(0x0011_2233_4455_6677_8899_aabb_ccdd_eeff);

/// A frame whose body is given as hex with blanks and `;` comments.
fn frame_of(listing: &str) -> Vec<u8> {
    let body = bytes_of(listing);
    [&(body.len() as u32).to_be_bytes()[..], &body].concat()
}

fn bytes_of(listing: &str) -> Vec<u8> {
    let digits: String = listing
        .lines()
        .map(|line| line.split(';').next().unwrap_or_default())
        .collect();
    let digits: Vec<u8> = digits
        .chars()
        .filter_map(|c| c.to_digit(16))
        .map(|digit| digit as u8)
        .collect();
    digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect()
}

fn check_request<M: Message + Debug>(api_version: i16, message: M, listing: &str) {
    let header = RequestHeader {
        api_key: M::API_KEY,
        api_version,
        correlation_id: 7,
        client_id: Some("c".to_owned()),
    };
    let expected = frame_of(listing);
    assert_eq!(frame::request(&header, &message).to_vec(), expected);
    let length = frame::body_bytes(&expected, 1 << 20).unwrap().unwrap();
    assert_eq!(length, expected.len() - frame::PREFIX_BYTES);
    let mut reader = Reader::new(&expected[frame::PREFIX_BYTES..]);
    assert_eq!(RequestHeader::decode(&mut reader).unwrap(), header);
    assert_eq!(M::decode(&mut reader, api_version).unwrap(), message);
    assert_eq!(reader.remaining(), 0);
}

fn check_response<M: Message + Debug>(api_version: i16, message: M, listing: &str) {
    let expected = frame_of(listing);
    assert_eq!(frame::response(api_version, 7, &message).to_vec(), expected);
    let mut memory = BytesMut::new();
    let held = frame::response_in(&mut memory, api_version, 7, &message).0;
    for _ in 0..3 {
        assert_eq!(frame::response_in(&mut memory, api_version, 7, &message).0, expected);
    }
    assert_eq!(held, expected, "one that is held stays as it is");
    assert_eq!(frame::response_parts(api_version, 7, &message).concat(), expected);
    let mut reader = Reader::new(&expected[frame::PREFIX_BYTES..]);
    assert_eq!(decode_response_header(&mut reader, M::API_KEY, api_version), Ok(7));
    assert_eq!(M::decode(&mut reader, api_version).unwrap(), message);
    assert_eq!(reader.remaining(), 0);
}

#[test]
fn api_versions_v3_request() {
    let message = ApiVersionsRequest {
        client_software_name: "rdk".to_owned(),
        client_software_version: "2.3".to_owned(),
    };
    check_request(
        3,
        message,
        "0012 0003     ; ApiVersions, version 3
         00000007      ; correlation id
         0001 63       ; client id, in the older form also in header 2
         00            ; header's tagged fields
         04 72646b     ; software name, compact: length + 1
         04 322e33     ; software version
         00            ; tagged fields",
    );
}

#[test]
fn api_versions_responses_have_header_0_in_every_version() {
    let mut message = ApiVersionsResponse {
        error_code: ErrorCode::UNSUPPORTED_VERSION,
        api_keys: vec![ApiVersion {
            api_key: ApiKey::API_VERSIONS.0,
            min_version: 0,
            max_version: 4,
        }],
        ..Default::default()
    };
    check_response(
        0,
        message.clone(),
        "00000007      ; correlation id
         0023          ; error 35
         00000001      ; one key
         0012 0000 0004",
    );
    message.error_code = ErrorCode::NONE;
    message.finalized_features_epoch = 5;
    check_response(
        3,
        message,
        "00000007      ; correlation id, and no tagged fields
         0000          ; no error
         02            ; one key, compact
         0012 0000 0004 00
         00000000      ; throttle time
         01            ; one tagged field
         01 08 0000000000000005 ; tag 1, 8 bytes: finalized features epoch",
    );
}

#[test]
fn metadata_v12() {
    let message = MetadataRequest {
        topics: Some(vec![
            MetadataRequestTopic {
                topic_id: Uuid::nil(),
                name: Some("t".to_owned()),
            },
            MetadataRequestTopic {
                topic_id: TOPIC_ID,
                name: None,
            },
        ]),
        allow_auto_topic_creation: false,
        include_topic_authorized_operations: true,
        ..Default::default()
    };
    check_request(
        12,
        message,
        "0003 000c 00000007 0001 63 00
         03                                      ; two topics
         00000000000000000000000000000000 02 74 00 ; by name
         00112233445566778899aabbccddeeff 00 00  ; by id, name null
         00 01                                   ; no auto-creation; topic operations
         00",
    );
    let message = MetadataResponse {
        brokers: vec![MetadataResponseBroker {
            node_id: 1,
            host: "h".to_owned(),
            port: 9092,
            rack: None,
        }],
        cluster_id: Some("cl".to_owned()),
        controller_id: 1,
        topics: vec![MetadataResponseTopic {
            name: Some("t".to_owned()),
            topic_id: TOPIC_ID,
            partitions: vec![MetadataResponsePartition {
                leader_id: 1,
                leader_epoch: 2,
                replica_nodes: vec![1],
                isr_nodes: vec![1],
                ..Default::default()
            }],
            ..Default::default()
        }],
        ..Default::default()
    };
    check_response(
        12,
        message,
        "00000007 00                             ; header 1
         00000000                                ; throttle time
         02 00000001 02 68 00002384 00 00        ; one broker: id, host, port, rack null, tagged
         03 636c                                 ; cluster id
         00000001                                ; controller
         02                                      ; one topic
         0000 02 74 00112233445566778899aabbccddeeff 00 ; error, name, id, not internal
         02                                      ; one partition
         0000 00000000 00000001 00000002         ; error, index, leader, epoch
         02 00000001                             ; replicas
         02 00000001                             ; in sync
         01                                      ; offline: none
         00                                      ; partition's tagged
         80000000 00                             ; topic operations: unknown; tagged
         00",
    );
}

fn produce_request(name: &str) -> produce::ProduceRequestData {
    use produce::*;
    ProduceRequestData {
        transactional_id: None,
        acks: -1,
        timeout_ms: 1000,
        topic_data: vec![TopicProduceData {
            name: name.to_owned(),
            partition_data: vec![
                PartitionProduceData {
                    index: 3,
                    records: Some(Bytes::from_static(&[0xca, 0xfe])),
                },
                PartitionProduceData {
                    index: 4,
                    records: None,
                },
            ],
            ..Default::default()
        }],
    }
}

#[test]
fn produce_v7_and_v11() {
    use produce::*;
    let v7 = "0000 0007 00000007 0001 63
         ffff                      ; no transactional id
         ffff 000003e8             ; acks all, 1000 ms
         00000001 0001 74          ; one topic
         00000002                  ; two partitions
         00000003 00000002 cafe
         00000004 ffffffff         ; null records";
    check_request(7, produce_request("t"), v7);
    let v11 = "0000 000b 00000007 0001 63 00
         00                        ; no transactional id
         ffff 000003e8
         02 02 74                  ; one topic
         03                        ; two partitions
         00000003 03 cafe 00
         00000004 00 00
         00 00";
    check_request(11, produce_request("t"), v11);

    // The visitor sees the same in both.
    for (version, listing, body_at) in [(7, v7, 11), (11, v11, 12)] {
        let body = bytes_of(listing);
        let request = ProduceRequest::parse(&body[body_at..], version).unwrap();
        assert_eq!(
            (request.acks, request.timeout_ms, request.transactional_id),
            (-1, 1000, None)
        );
        let topic = request.topics().next().unwrap();
        assert_eq!(topic.name, "t");
        let partitions: Vec<_> = topic
            .partitions()
            .map(|partition| (partition.index, partition.records))
            .collect();
        assert_eq!(partitions, [(3, Some(&[0xca, 0xfe][..])), (4, None)]);
    }

    let mut message = ProduceResponse {
        responses: vec![TopicProduceResponse {
            name: "t".to_owned(),
            partition_responses: vec![PartitionProduceResponse {
                index: 3,
                base_offset: 40,
                log_start_offset: 2,
                ..Default::default()
            }],
            ..Default::default()
        }],
        ..Default::default()
    };
    check_response(
        7,
        message.clone(),
        "00000007
         00000001 0001 74
         00000001 00000003 0000 0000000000000028 ffffffffffffffff 0000000000000002
         00000000",
    );
    message.responses[0].partition_responses[0].current_leader = LeaderIdAndEpoch {
        leader_id: 5,
        leader_epoch: 6,
    };
    check_response(
        11,
        message,
        "00000007 00
         02 02 74
         02 00000003 0000 0000000000000028 ffffffffffffffff 0000000000000002
         01                        ; no record errors
         00                        ; no message
         01 00 09 00000005 00000006 00 ; tag 0, 9 bytes: current leader
         00
         00000000
         00",
    );
}

fn fetch() -> FetchRequestData {
    FetchRequestData {
        max_wait_ms: 500,
        min_bytes: 1,
        max_bytes: 0x0010_0000,
        session_epoch: 0,
        topics: vec![FetchTopic {
            partitions: vec![FetchPartition {
                partition: 3,
                current_leader_epoch: 2,
                fetch_offset: 40,
                partition_max_bytes: 4096,
                ..Default::default()
            }],
            ..Default::default()
        }],
        ..Default::default()
    }
}

#[test]
fn fetch_v11_and_v13() {
    let mut message = fetch();
    message.topics[0].topic = "t".to_owned();
    message.rack_id = "r".to_owned();
    check_request(
        11,
        message,
        "0001 000b 00000007 0001 63
         ffffffff                  ; a consumer
         000001f4 00000001 00100000 00
         00000000 00000000         ; session: open one
         00000001 0001 74
         00000001
         00000003 00000002 0000000000000028 ffffffffffffffff 00001000
         00000000                  ; nothing forgotten
         0001 72",
    );
    let mut message = fetch();
    message.topics[0].topic_id = TOPIC_ID;
    message.cluster_id = Some("cl".to_owned());
    let v13 = "0001 000d 00000007 0001 63 00
         ffffffff
         000001f4 00000001 00100000 00
         00000000 00000000
         02 00112233445566778899aabbccddeeff
         02
         00000003 00000002 0000000000000028 ffffffff ffffffffffffffff 00001000 00
         00                        ; topic's tagged
         01                        ; nothing forgotten
         01                        ; rack: empty
         01 00 03 03 636c          ; tag 0, 3 bytes: cluster id";
    check_request(13, message, v13);

    let body = bytes_of(v13);
    let request = FetchRequest::parse(&body[12..], 13).unwrap();
    assert_eq!(
        (request.max_wait_ms, request.cluster_id, request.session_epoch),
        (500, Some("cl"), 0)
    );
    let topic = request.topics().next().unwrap();
    assert_eq!((topic.name, topic.topic_id), ("", TOPIC_ID));
    assert_eq!(topic.partitions().next().unwrap().fetch_offset, 40);

    let records = Bytes::from(vec![0xab; 600]);
    let mut message = FetchResponse {
        session_id: 9,
        responses: vec![FetchableTopicResponse {
            topic: "t".to_owned(),
            partitions: vec![PartitionData {
                partition_index: 3,
                high_watermark: 50,
                last_stable_offset: 50,
                log_start_offset: 0,
                aborted_transactions: None,
                records: vec![records],
                ..Default::default()
            }],
            ..Default::default()
        }],
        ..Default::default()
    };
    let ab = "ab".repeat(600);
    check_response(
        11,
        message.clone(),
        &format!(
            "00000007
             00000000 0000 00000009
             00000001 0001 74
             00000001 00000003 0000 0000000000000032 0000000000000032 0000000000000000
             ffffffff              ; no aborted transactions
             ffffffff              ; no preferred replica
             00000258 {ab}"
        ),
    );
    message.responses[0].topic = String::new();
    message.responses[0].topic_id = TOPIC_ID;
    message.responses[0].partitions[0].diverging_epoch = EpochEndOffset {
        epoch: 1,
        end_offset: 2,
    };
    check_response(
        13,
        message,
        &format!(
            "00000007 00
             00000000 0000 00000009
             02 00112233445566778899aabbccddeeff
             02 00000003 0000 0000000000000032 0000000000000032 0000000000000000
             00                    ; no aborted transactions
             ffffffff
             d904 {ab}             ; 601 as a varint
             01 00 0d 00000001 0000000000000002 00 ; tag 0, 13 bytes: diverging epoch
             00
             00"
        ),
    );
}
