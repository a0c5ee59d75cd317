//! From the words of a command to what is wished.

use std::collections::BTreeMap;

use uuid::Uuid;

use crate::metadata::{
    PartitionKey, RootImage,
    decide::{
        AddVoter, ChangeBroker, ConfigChange, ConfigOp, FormatCluster, Heartbeat, MorePartitions, NewTopic,
        Registration, Resource, TopicRef, UpdateFeatures, UpgradeType,
    },
    records::{Endpoint, Replica, SupportedFeature, TargetVoter},
    shard::{AlterReassignments, ElectLeaders, ElectionType, IsrChange},
};

/// First id of topics: far from the reserved ones.
pub const TOPIC_IDS: u128 = 1 << 64;

/// `key=value` words.
pub fn words(text: &str) -> BTreeMap<&str, &str> {
    text.split_whitespace()
        .filter_map(|word| word.split_once('='))
        .collect()
}

pub fn number<N: std::str::FromStr>(text: &str, key: &str, default: N) -> N {
    let word = words(text).get(key).copied();
    word.map_or(default, |word| word.parse().ok().expect("a number"))
}

pub fn flag(text: &str, key: &str) -> Option<bool> {
    words(text).get(key).map(|word| *word == "true")
}

pub fn disk(number: u128) -> Uuid {
    Uuid::from_u128(number)
}

pub fn format(text: &str) -> FormatCluster {
    FormatCluster {
        cluster_id: disk(number(text, "cluster", 77)),
        shards: 1,
        features: vec![("metadata.version".into(), 27)],
    }
}

pub fn registration(text: &str) -> Registration {
    let node = number(text, "node", 1);
    Registration {
        node,
        incarnation: number(text, "incarnation", 1),
        storage_id: disk(number(text, "disk", node as u128)),
        endpoints: vec![Endpoint {
            listener: "PLAINTEXT".into(),
            host: format!("host{node}"),
            port: 9092,
            security_protocol: 0,
        }],
        rack: words(text).get("rack").map(|rack| (*rack).to_string()),
        features: features(text),
    }
}

/// `feature:name=min..max`
fn features(text: &str) -> Vec<SupportedFeature> {
    let ranges = text.split_whitespace().filter_map(|word| word.strip_prefix("feature:"));
    let feature = |word: &str| {
        let (name, range) = word.split_once('=').unwrap();
        let (min, max) = range.split_once("..").unwrap();
        SupportedFeature {
            name: name.into(),
            min: min.parse().unwrap(),
            max: max.parse().unwrap(),
        }
    };
    ranges.map(feature).collect()
}

/// `node=1 epoch=5 applied=9 behind want-fence want-shutdown`; caught up unless it says otherwise.
pub fn heartbeat(text: &str, root: &RootImage) -> Heartbeat {
    let has = |word| text.split_whitespace().any(|one| one == word);
    let (node, broker_epoch) = broker(text, root);
    Heartbeat {
        node,
        broker_epoch,
        root_applied_end: number(text, "applied", root.applied_end),
        shards_ready: !has("behind"),
        want_fence: has("want-fence"),
        want_shutdown: has("want-shutdown"),
    }
}

/// `name-partition`
pub fn key(text: &str, root: &RootImage) -> PartitionKey {
    let (name, partition) = text.split_whitespace().next().unwrap().rsplit_once('-').unwrap();
    let unknown = || {
        name.strip_prefix('#')
            .map(|id| Uuid::from_u128(TOPIC_IDS + id.parse::<u128>().unwrap()))
    };
    PartitionKey {
        topic_id: root.topic_id(name).or_else(unknown).expect("a topic's name or #id"),
        partition: partition.parse().unwrap(),
    }
}

/// `t-0 leader_epoch=1 partition_epoch=2 isr=1,2:22 recovered`: node and disk, which is the node's number if not said.
pub fn isr_change(text: &str, root: &RootImage) -> IsrChange {
    let members = words(text).get("isr").copied().unwrap_or("");
    let member = |word: &str| {
        let (node, storage) = word.split_once(':').unwrap_or((word, word));
        (node.parse().unwrap(), disk(storage.parse().unwrap()))
    };
    IsrChange {
        key: key(text, root),
        leader_epoch: number(text, "leader_epoch", 0),
        partition_epoch: number(text, "partition_epoch", 0),
        new_isr: members.split(',').filter(|word| !word.is_empty()).map(member).collect(),
        recovered: text.contains(" recovered"),
    }
}

/// `preferred t-0 t-1`
pub fn election(text: &str, root: &RootImage) -> ElectLeaders {
    let (kind, partitions) = text.split_once(' ').unwrap();
    ElectLeaders {
        election: match kind {
            "preferred" => ElectionType::Preferred,
            "unclean" => ElectionType::Unclean,
            other => panic!("unknown election {other}"),
        },
        partitions: partitions.split_whitespace().map(|word| key(word, root)).collect(),
    }
}

/// `t-0 nodes=4,5 ; t-1` (cancels); `keep-factor` among the words
pub fn reassignments(text: &str, root: &RootImage) -> AlterReassignments {
    let item = |item: &str| (key(item, root), words(item).get("nodes").map(|nodes| node_list(nodes)));
    AlterReassignments {
        partitions: text.split(" ; ").map(item).collect(),
        allow_replication_factor_change: !text.contains("keep-factor"),
    }
}

/// The node and its newest incarnation, if `epoch=` names no other.
pub fn broker(text: &str, root: &RootImage) -> (i32, u64) {
    let node = number(text, "node", 1);
    let newest = root.broker(node).map_or(0, |broker| broker.broker_epoch);
    (node, number(text, "epoch", newest))
}

pub fn change(text: &str, root: &RootImage) -> ChangeBroker {
    let (node, broker_epoch) = broker(text, root);
    ChangeBroker {
        node,
        broker_epoch,
        fenced: flag(text, "fenced"),
        in_controlled_shutdown: flag(text, "shutdown"),
    }
}

/// `name partitions=3 replication=1 assign=0:1,2/1:2,1 set:key=value null:key`
pub fn new_topic(text: &str) -> NewTopic {
    let assignments = words(text).get("assign").copied().unwrap_or("");
    let configs = text.split_whitespace().filter_map(|word| {
        let set = word.strip_prefix("set:").and_then(|pair| pair.split_once('='));
        let set = set.map(|(key, value)| (key.to_string(), Some(value.to_string())));
        set.or_else(|| word.strip_prefix("null:").map(|key| (key.to_string(), None)))
    });
    NewTopic {
        name: name_of(text),
        num_partitions: number(text, "partitions", -1),
        replication_factor: number(text, "replication", -1),
        assignments: assignments
            .split('/')
            .filter_map(|part| part.split_once(':'))
            .map(|(partition, nodes)| (partition.parse().unwrap(), node_list(nodes)))
            .collect(),
        configs: configs.collect(),
    }
}

pub fn node_list(text: &str) -> Vec<i32> {
    text.split(',')
        .filter(|node| !node.is_empty())
        .map(|node| node.parse().unwrap())
        .collect()
}

/// The first word; `''` is the empty name, `x*250` is 250 times x.
pub fn name_of(text: &str) -> String {
    let word = text.split_whitespace().next().unwrap();
    match word.split_once('*') {
        _ if word == "''" => String::new(),
        Some((part, times)) => part.repeat(times.parse().unwrap()),
        None => word.to_string(),
    }
}

pub fn topic_ref(word: &str) -> TopicRef {
    match word.strip_prefix('#') {
        Some("nil") => TopicRef::Id(Uuid::nil()),
        Some(number) => TopicRef::Id(Uuid::from_u128(TOPIC_IDS + number.parse::<u128>().unwrap())),
        None => TopicRef::Name(word.to_string()),
    }
}

pub fn more_partitions(text: &str) -> MorePartitions {
    let assignments = words(text).get("assign").copied();
    MorePartitions {
        name: name_of(text),
        count: number(text, "count", 0),
        assignments: assignments.map(|text| text.split('/').map(node_list).collect()),
    }
}

/// `topic:name set:key=value delete:key append:key=value subtract:key=value null:key`
pub fn resource_changes(text: &str) -> (Resource, Vec<ConfigChange>) {
    let mut words = text.split_whitespace();
    let (kind, name) = words.next().unwrap().split_once(':').unwrap();
    let resource = match kind {
        "topic" => Resource::Topic(name.into()),
        "group" => Resource::Group(name.into()),
        "client-metrics" => Resource::ClientMetrics(name.into()),
        _ => Resource::Broker(name.into()),
    };
    let changes = words.map(|word| {
        let (op, pair) = word.split_once(':').unwrap();
        let (key, value) = pair
            .split_once('=')
            .map_or((pair, None), |(key, value)| (key, Some(value)));
        ConfigChange {
            key: key.into(),
            op: match op {
                "set" | "null" => ConfigOp::Set,
                "delete" => ConfigOp::Delete,
                "append" => ConfigOp::Append,
                "subtract" => ConfigOp::Subtract,
                other => panic!("unknown operation {other}"),
            },
            value: value.map(str::to_string),
        }
    });
    (resource, changes.collect())
}

/// `node=2 disk=22`
pub fn voter(text: &str) -> Replica {
    let node = number(text, "node", 1);
    Replica {
        node,
        storage_id: disk(number(text, "disk", node as u128)),
    }
}

/// The same, and `by-itself`.
pub fn new_voter(text: &str) -> AddVoter {
    let Replica { node, storage_id } = voter(text);
    AddVoter {
        voter: TargetVoter {
            node,
            storage_id,
            endpoints: vec![],
        },
        joins_by_itself: text.contains("by-itself"),
    }
}

/// `metadata.version=9 downgrade` or `unsafe`
pub fn feature_updates(text: &str, validate_only: bool) -> UpdateFeatures {
    let upgrade = match text {
        text if text.contains("downgrade") => UpgradeType::SafeDowngrade,
        text if text.contains("unsafe") => UpgradeType::UnsafeDowngrade,
        _ => UpgradeType::Upgrade,
    };
    let update = |(name, level): (&str, &str)| (name.to_string(), level.parse().unwrap(), upgrade);
    UpdateFeatures {
        updates: words(text).into_iter().map(update).collect(),
        validate_only,
    }
}
