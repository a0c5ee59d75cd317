//! Goal: bytes written today are read for ever, and what this release does not know is refused by name.

use smallvec::smallvec;
use uuid::Uuid;

use crate::metadata::records::{
    Acl, AclRecord, BrokerChange, ConfigOwner, ConfigRecord, Endpoint, FeatureLevel, Format, Leader, NamedConfig,
    NamedKind, NodeList, PartitionRecord, PartitionRecordV0, PartitionState, PartitionStateV0, PartitionsAdded,
    ProducerIds, QuotaRecord, Record, RecordError, RegisterBroker, RemoveAcl, RemoveScram, RemoveToken, RemoveTopic,
    Replica, ReplicaSlot, RootSeen, ScramRecord, SupportedFeature, TargetVoter, TokenRecord, TopicRecord,
    UnregisterBroker, VotersTarget, decode, encode, encode_leader_start, is_leader_start,
};

fn id(number: u128) -> Uuid {
    Uuid::from_u128(0x1111_2222_3333_4444_5555_6666_7777_0000 + number)
}

fn slot(node: i32) -> ReplicaSlot {
    ReplicaSlot {
        node,
        storage_id: id(node as u128),
        broker_epoch: 70 + node as u64,
        in_isr: node != 3,
    }
}

/// One of each kind, all fields in use.
fn one_of_each() -> Vec<Record> {
    vec![
        Format {
            cluster_id: id(9),
            shards: 120,
        }
        .into(),
        FeatureLevel {
            name: "metadata.version".into(),
            level: 27,
        }
        .into(),
        RegisterBroker {
            node: 2,
            incarnation: 5,
            storage_id: id(2),
            endpoints: vec![Endpoint {
                listener: "PLAINTEXT".into(),
                host: "localhost".into(),
                port: 9092,
                security_protocol: 0,
            }],
            rack: Some("r1".into()),
            features: vec![SupportedFeature {
                name: "metadata.version".into(),
                min: 7,
                max: 27,
            }],
            broker_epoch: Some(3),
            fenced: false,
        }
        .into(),
        BrokerChange {
            node: 2,
            broker_epoch: 3,
            fenced: Some(false),
            in_controlled_shutdown: None,
        }
        .into(),
        UnregisterBroker {
            node: 2,
            broker_epoch: 3,
        }
        .into(),
        VotersTarget {
            voters: vec![TargetVoter {
                node: 1,
                storage_id: id(1),
                endpoints: vec![],
            }],
            retired: vec![Replica {
                node: 7,
                storage_id: id(7),
            }],
        }
        .into(),
        AclRecord {
            id: id(20),
            acl: Acl {
                resource_type: 2,
                resource_name: "orders".into(),
                pattern_type: 4,
                principal: "User:alice".into(),
                host: "*".into(),
                operation: 3,
                permission: 3,
            },
        }
        .into(),
        RemoveAcl { id: id(20) }.into(),
        ScramRecord {
            user: "alice".into(),
            mechanism: 2,
            salt: vec![1, 2],
            stored_key: vec![3],
            server_key: vec![4],
            iterations: 4096,
        }
        .into(),
        RemoveScram {
            user: "alice".into(),
            mechanism: 2,
        }
        .into(),
        QuotaRecord {
            entity: vec![("client-id".into(), None), ("user".into(), Some("alice".into()))],
            key: "producer_byte_rate".into(),
            value: Some(1024.0),
        }
        .into(),
        TokenRecord {
            token_id: "t".into(),
            owner: "User:alice".into(),
            requester: "User:bob".into(),
            renewers: vec!["User:carol".into()],
            issue_ms: 1,
            expiry_ms: 2,
            max_ms: 3,
        }
        .into(),
        RemoveToken { token_id: "t".into() }.into(),
        RootSeen { end: 9 }.into(),
        TopicRecord {
            topic_id: id(1),
            name: "orders".into(),
            min_isr: 2,
            configs: vec![("retention.ms".into(), "5".into())],
            partitions: vec![vec![slot(2), slot(3)], vec![slot(3), slot(2)]],
        }
        .into(),
        PartitionsAdded {
            topic_id: id(1),
            first: 2,
            min_isr: 1,
            partitions: vec![vec![slot(2)]],
        }
        .into(),
        RemoveTopic { topic_id: id(1) }.into(),
        ConfigRecord {
            owner: ConfigOwner::Broker(Some(2)),
            key: "log.retention.ms".into(),
            value: None,
        }
        .into(),
        NamedConfig {
            kind: NamedKind::Group,
            name: "billing".into(),
            key: "consumer.session.timeout.ms".into(),
            value: Some("50000".into()),
        }
        .into(),
        ProducerIds { next: 1000 }.into(),
        PartitionRecord {
            topic_id: id(1),
            partition: 1,
            state: PartitionState {
                create_index: 4,
                partition_epoch: 7,
                leader_epoch: 6,
                leader: Some(Leader {
                    node: 2,
                    broker_epoch: 72,
                }),
                isr: [2].into_iter().collect(),
                elr: [3].into_iter().collect(),
                last_known_elr: NodeList::new(),
                min_isr: 2,
                recovering: false,
                unclean_epoch: 5,
                replicas: smallvec![Replica {
                    node: 2,
                    storage_id: id(2),
                }],
                adding: NodeList::new(),
                removing: [5].into_iter().collect(),
            },
        }
        .into(),
    ]
}

#[test]
fn every_kind_survives_its_bytes_at_any_alignment() {
    let records = one_of_each();
    assert_eq!(records.len(), Record::TABLE.len(), "one of each");
    let value = encode(&records);
    for shift in 0..8 {
        let mut moved = vec![0; shift];
        moved.extend_from_slice(&value);
        assert_eq!(decode(&moved[shift..]).unwrap(), records);
    }
}

/// Golden bytes: a change here is a change of the format, and needs a new version instead.
#[test]
fn the_bytes_are_what_they_were() {
    let hex = |record: &Record| -> String {
        let value = encode(std::slice::from_ref(record));
        value.iter().map(|byte| format!("{byte:02x}")).collect()
    };
    let happened: String = one_of_each().iter().map(|record| hex(record) + "\n").collect();
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/src/metadata/tests/golden_records.hex");
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(path, &happened).unwrap();
    }
    assert_eq!(happened, std::fs::read_to_string(path).unwrap());
}

#[test]
fn what_is_newer_or_unknown_is_refused_by_name() {
    let good = encode(&one_of_each()[..1]);
    let mut newer = good.to_vec();
    newer[2] = 1;
    let error = decode(&newer).unwrap_err();
    assert!(
        error
            .to_string()
            .contains("Format has version 1, this release reads up to 0"),
        "{error}"
    );
    let mut unknown = good.to_vec();
    unknown[0] = 99;
    assert_eq!(decode(&unknown), Err(RecordError::UnknownType(99)));
}

#[test]
fn damaged_bytes_are_errors_and_never_panics() {
    for record in one_of_each() {
        let value = encode(&[record]).to_vec();
        for cut in 1..value.len() {
            assert!(decode(&value[..cut]).is_err(), "cut at {cut}");
        }
        for at in 0..value.len() {
            for flip in [0x01, 0x80, 0xff] {
                let mut damaged = value.clone();
                damaged[at] ^= flip;
                let _ = decode(&damaged);
            }
        }
    }
}

#[test]
fn a_leader_start_holds_nothing() {
    let value = encode_leader_start();
    assert!(is_leader_start(&value));
    assert_eq!(decode(&value), Ok(vec![]));
    assert!(!is_leader_start(&encode(&one_of_each()[..1])));
}

/// The bytes of older versions, one record a line.
fn older_versions() -> Vec<Vec<u8>> {
    let bytes = |line: &str| {
        (0..line.len() / 2)
            .map(|at| u8::from_str_radix(&line[2 * at..2 * at + 2], 16).unwrap())
            .collect()
    };
    include_str!("golden_records_v0.hex").lines().map(bytes).collect()
}

/// A broker that the first release registered is still registered, as a new incarnation of a release without features.
/// A partition without an unclean leader in recovery had none.
#[test]
fn an_older_version_is_read_as_what_it_meant() {
    let (mut meant, mut names) = (Vec::new(), Vec::new());
    for record in one_of_each() {
        match record {
            Record::RegisterBroker(newest) => {
                names.push("RegisterBrokerV0");
                meant.push(Record::from(RegisterBroker {
                    features: vec![],
                    broker_epoch: None,
                    fenced: true,
                    ..newest
                }));
            }
            Record::PartitionRecord(mut newest) => {
                names.push("PartitionRecordV0");
                newest.state.unclean_epoch = -1;
                meant.push(newest.into());
            }
            _ => {}
        }
    }
    let written = older_versions();
    assert_eq!(written.len(), meant.len());
    for ((bytes, meant), name) in written.into_iter().zip(meant).zip(names) {
        assert_eq!(decode(&bytes), Ok(vec![meant]));
        let mut damaged = bytes.clone();
        damaged.pop();
        damaged[4] -= 1;
        assert!(matches!(decode(&damaged), Err(RecordError::Corrupt(found, _)) if found == name));
    }
}

/// While an unclean leader recovers, its epoch is the unclean one, as far as version 0 tells.
#[test]
fn an_unclean_leader_of_an_older_version_still_recovers() {
    let records = one_of_each();
    let newest = records.into_iter().find_map(|record| match record {
        Record::PartitionRecord(record) => Some(record),
        _ => None,
    });
    let PartitionRecord {
        topic_id,
        partition,
        state,
    } = newest.expect("one of each");
    let older = PartitionRecordV0 {
        topic_id,
        partition,
        state: PartitionStateV0 {
            create_index: state.create_index,
            partition_epoch: state.partition_epoch,
            leader_epoch: state.leader_epoch,
            leader: state.leader,
            isr: state.isr,
            elr: state.elr,
            last_known_elr: state.last_known_elr,
            min_isr: state.min_isr,
            recovering: true,
            replicas: state.replicas,
            adding: state.adding,
            removing: state.removing,
        },
    };
    assert_eq!(PartitionRecord::from(older).state.unclean_epoch, state.leader_epoch);
}
