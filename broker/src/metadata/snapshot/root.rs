//! Root's image as records: for each thing the one that would make it as it is.

use std::collections::BTreeMap;

use super::{
    super::{
        image::{Broker, Partition, QuotaEntity, RootImage, Topic},
        records::{
            AclRecord, BrokerChange, ConfigOwner, ConfigRecord, FeatureLevel, Format, NamedConfig, PartitionsAdded,
            ProducerIds, QuotaRecord, Record, RegisterBroker, ReplicaSlot, TopicRecord,
        },
    },
    write::Entry,
};

pub fn entries(image: &RootImage) -> impl Iterator<Item = Entry> {
    let at_zero = |record: Record| (0, record);
    let format = image.cluster_id.map(|cluster_id| {
        Record::from(Format {
            cluster_id,
            shards: image.shard_count,
        })
    });
    let features = image.features.iter().map(|(name, level)| {
        Record::from(FeatureLevel {
            name: name.clone(),
            level: *level,
        })
    });
    let configs = image
        .broker_configs
        .iter()
        .flat_map(|(node, configs)| broker_configs(*node, configs));
    let named_configs = image.named_configs.iter().flat_map(|((kind, name), configs)| {
        configs.iter().map(move |(key, value)| {
            Record::from(NamedConfig {
                kind: *kind,
                name: name.clone(),
                key: key.clone(),
                value: Some(value.clone()),
            })
        })
    });
    let ids = (image.next_producer_id > 0).then(|| {
        Record::from(ProducerIds {
            next: image.next_producer_id,
        })
    });
    let voters = (image.voters != Default::default()).then(|| Record::from((*image.voters).clone()));
    let acls = image
        .acls()
        .map(|(id, acl)| Record::from(AclRecord { id, acl: acl.clone() }));
    let scram = image
        .scram_credentials()
        .map(|credential| Record::from((**credential).clone()));
    let quotas = image
        .quotas
        .iter()
        .flat_map(|(entity, keys)| quota_records(entity, keys));
    let tokens = image.tokens.values().map(|token| Record::from((**token).clone()));
    format
        .into_iter()
        .chain(voters)
        .chain(features)
        .chain(image.brokers.values().flat_map(|broker| broker_records(broker)))
        .chain(configs)
        .chain(named_configs)
        .chain(ids)
        .chain(acls)
        .chain(scram)
        .chain(quotas)
        .chain(tokens)
        .map(at_zero)
        .chain(image.topics().flat_map(|topic| topic_entries(topic)))
}

fn broker_records(broker: &Broker) -> impl Iterator<Item = Record> {
    let registered = RegisterBroker {
        node: broker.node,
        incarnation: broker.incarnation,
        storage_id: broker.storage_id,
        endpoints: broker.endpoints.clone(),
        rack: broker.rack.clone(),
        features: broker.features.clone(),
        broker_epoch: Some(broker.broker_epoch),
        fenced: broker.fenced,
    };
    let shutdown = broker.in_controlled_shutdown.then(|| {
        Record::from(BrokerChange {
            node: broker.node,
            broker_epoch: broker.broker_epoch,
            fenced: None,
            in_controlled_shutdown: Some(true),
        })
    });
    std::iter::once(Record::from(registered)).chain(shutdown)
}

fn broker_configs(node: Option<i32>, configs: &BTreeMap<String, String>) -> impl Iterator<Item = Record> {
    configs.iter().map(move |(key, value)| {
        Record::from(ConfigRecord {
            owner: ConfigOwner::Broker(node),
            key: key.clone(),
            value: Some(value.clone()),
        })
    })
}

fn quota_records(entity: &QuotaEntity, keys: &BTreeMap<String, f64>) -> impl Iterator<Item = Record> {
    keys.iter().map(move |(key, value)| {
        Record::from(QuotaRecord {
            entity: entity.clone(),
            key: key.clone(),
            value: Some(*value),
        })
    })
}

/// The topic as it was made, with its configs of now; and each time that partitions were added.
fn topic_entries(topic: &Topic) -> impl Iterator<Item = Entry> {
    let alike =
        |one: &Partition, other: &Partition| (one.create_index, one.min_isr) == (other.create_index, other.min_isr);
    let groups = topic.initial.chunk_by(move |one, other| alike(one, other));
    let mut first = 0;
    groups.map(move |group| {
        let (create_index, min_isr) = (group[0].create_index, group[0].min_isr);
        let partitions = group.iter().map(|state| slots(state)).collect();
        let record = if first == 0 {
            Record::from(TopicRecord {
                topic_id: topic.topic_id,
                name: topic.name.to_string(),
                min_isr,
                configs: topic.configs.clone().into_iter().collect(),
                partitions,
            })
        } else {
            Record::from(PartitionsAdded {
                topic_id: topic.topic_id,
                first,
                min_isr,
                partitions,
            })
        };
        first += group.len() as i32;
        (create_index, record)
    })
}

/// Of the incarnations only the first leader's is part of the initial state.
fn slots(state: &Partition) -> Vec<ReplicaSlot> {
    let slot = |replica: &super::super::records::Replica| ReplicaSlot {
        node: replica.node,
        storage_id: replica.storage_id,
        broker_epoch: state
            .leader
            .filter(|leader| leader.node == replica.node)
            .map_or(0, |leader| leader.broker_epoch),
        in_isr: state.isr.contains(&replica.node),
    };
    state.replicas.iter().map(slot).collect()
}
