//! Decisions as scripts: `scripts/*.txt` hold commands (`> …`) and below each what it decides. `UPDATE=1` rewrites them; the
//! diff is the review.
//!
//! Every command is decided on the image that the ones before made, at the next index of the log. Ids are small numbers:
//! the n-th topic has the id n, disk n is storage id n.

use std::{collections::BTreeMap, fmt::Write, fs, path::Path};

use uuid::Uuid;

use crate::{
    config,
    metadata::{
        Answer, Context, Image, Partition, Record, Wish, WishError, decide,
        decide::{
            AllocateProducerIds, AlterConfigs, ChangeBroker, ConfigChange, ConfigOp, CreatePartitions, CreateTopics,
            FormatCluster, MorePartitions, NewTopic, Registration, Resource, TableRules, TopicRef,
        },
        records::{ConfigOwner, Endpoint, ReplicaSlot, decode, encode},
    },
};

/// First id of topics: far from the reserved ones.
const TOPIC_IDS: u128 = 1 << 64;

struct Script {
    image: Image,
    rules: TableRules,
    ids: u128,
    live_sessions: Vec<i32>,
}

#[test]
fn scripts_decide_as_written() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/metadata/tests/scripts");
    let mut paths: Vec<_> = fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    paths.sort();
    assert!(paths.len() >= 5, "scripts are missing in {folder:?}");
    for path in paths {
        let written = fs::read_to_string(&path).unwrap();
        let happened = run(&written);
        if std::env::var_os("UPDATE").is_some() {
            fs::write(&path, happened).unwrap();
        } else if happened != written {
            let differs = happened.lines().zip(written.lines()).position(|(a, b)| a != b);
            let line = differs.unwrap_or(happened.lines().count().min(written.lines().count()));
            panic!(
                "{path:?} line {}: expected {:?}, happened {:?} (UPDATE=1 rewrites)",
                line + 1,
                written.lines().nth(line),
                happened.lines().nth(line)
            );
        }
    }
}

fn run(written: &str) -> String {
    let mut script = Script {
        image: Image::default(),
        rules: TableRules {
            broker: config::Broker::default(),
        },
        ids: TOPIC_IDS,
        live_sessions: Vec::new(),
    };
    let mut out = String::new();
    let mut after_command = false;
    for line in written.lines() {
        if let Some(command) = line.strip_prefix("> ") {
            writeln!(out, "{line}").unwrap();
            out.push_str(&script.command(command));
            after_command = true;
        } else if line.is_empty() || line.starts_with('#') {
            writeln!(out, "{line}").unwrap();
            after_command = false;
        } else {
            assert!(after_command, "a line that belongs to no command: {line}");
        }
    }
    out
}

impl Script {
    fn command(&mut self, command: &str) -> String {
        let (verb, rest) = command.split_once(' ').unwrap_or((command, ""));
        let items: Vec<&str> = rest.split(" ; ").collect();
        let wish = match verb {
            "sessions" => {
                self.live_sessions = rest.split_whitespace().map(|node| node.parse().unwrap()).collect();
                return String::new();
            }
            "show" => return self.show(rest),
            "format" => Wish::Format(format(rest)),
            "register" => Wish::RegisterBroker(registration(rest)),
            "change" => Wish::ChangeBroker(change(rest)),
            "reconcile" => Wish::Reconcile {
                changes_max: number(rest, "max", 1000),
            },
            "create" | "validate-create" => Wish::CreateTopics(CreateTopics {
                topics: items.into_iter().map(new_topic).collect(),
                validate_only: verb.starts_with("validate"),
            }),
            "delete" => Wish::DeleteTopics(rest.split_whitespace().map(topic_ref).collect()),
            "grow" | "validate-grow" => Wish::CreatePartitions(CreatePartitions {
                topics: items.into_iter().map(more_partitions).collect(),
                validate_only: verb.starts_with("validate"),
            }),
            "alter" | "validate-alter" => Wish::AlterConfigs(AlterConfigs {
                resources: items.into_iter().map(resource_changes).collect(),
                validate_only: verb.starts_with("validate"),
            }),
            "producer-ids" => Wish::AllocateProducerIds(AllocateProducerIds {
                node: number(rest, "node", 1),
                broker_epoch: number(rest, "epoch", 0),
            }),
            other => panic!("unknown command {other}"),
        };
        self.decide(&wish)
    }

    fn decide(&mut self, wish: &Wish) -> String {
        let index = self.image.applied_end;
        let ids = &mut self.ids;
        let mut uuids = || {
            *ids += 1;
            Uuid::from_u128(*ids)
        };
        let mut context = Context {
            next_index: index,
            config_rules: &self.rules,
            uuids: &mut uuids,
            live_sessions: &self.live_sessions,
        };
        let decided = decide(&self.image, wish, &mut context);
        let mut out = String::new();
        match decided {
            Err(error) => writeln!(out, "refused {error}").unwrap(),
            Ok((records, answer)) => {
                assert_eq!(
                    decode(&encode(&records)).as_ref(),
                    Ok(&records),
                    "records survive their bytes"
                );
                for record in &records {
                    writeln!(out, "{index}: {}", show_record(record)).unwrap();
                }
                show_answer(&answer, &mut out);
                if !records.is_empty() {
                    let image = self.image.clone();
                    self.image = image.after_entry(index, 1, &records).expect("a decision fits");
                }
            }
        }
        out
    }

    fn show(&self, name: &str) -> String {
        let mut out = String::new();
        let topic = self.image.topic_named(name).expect("a topic");
        writeln!(out, "{} id={} {:?}", topic.name, short(topic.topic_id), topic.configs).unwrap();
        for (number, partition) in self.image.partitions(topic) {
            writeln!(out, "  {number} {}", show_partition(partition)).unwrap();
        }
        out
    }
}

/// `key=value` words.
fn words(text: &str) -> BTreeMap<&str, &str> {
    text.split_whitespace()
        .filter_map(|word| word.split_once('='))
        .collect()
}

fn number<N: std::str::FromStr>(text: &str, key: &str, default: N) -> N {
    let word = words(text).get(key).copied();
    word.map_or(default, |word| word.parse().ok().expect("a number"))
}

fn flag(text: &str, key: &str) -> Option<bool> {
    words(text).get(key).map(|word| *word == "true")
}

fn disk(number: u128) -> Uuid {
    Uuid::from_u128(number)
}

fn short(id: Uuid) -> String {
    let number = id.as_u128();
    if number > TOPIC_IDS {
        format!("#{}", number - TOPIC_IDS)
    } else {
        format!("disk{number}")
    }
}

fn format(text: &str) -> FormatCluster {
    FormatCluster {
        cluster_id: disk(number(text, "cluster", 77)),
        shards: 120,
        features: vec![("metadata.version".into(), 27)],
    }
}

fn registration(text: &str) -> Registration {
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
        rack: None,
    }
}

fn change(text: &str) -> ChangeBroker {
    ChangeBroker {
        node: number(text, "node", 1),
        broker_epoch: number(text, "epoch", 0),
        fenced: flag(text, "fenced"),
        in_controlled_shutdown: flag(text, "shutdown"),
    }
}

/// `name partitions=3 replication=1 assign=0:1,2/1:2,1 set:key=value null:key`
fn new_topic(text: &str) -> NewTopic {
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

fn node_list(text: &str) -> Vec<i32> {
    text.split(',')
        .filter(|node| !node.is_empty())
        .map(|node| node.parse().unwrap())
        .collect()
}

/// The first word; `''` is the empty name, `x*250` is 250 times x.
fn name_of(text: &str) -> String {
    let word = text.split_whitespace().next().unwrap();
    match word.split_once('*') {
        _ if word == "''" => String::new(),
        Some((part, times)) => part.repeat(times.parse().unwrap()),
        None => word.to_string(),
    }
}

fn topic_ref(word: &str) -> TopicRef {
    match word.strip_prefix('#') {
        Some("nil") => TopicRef::Id(Uuid::nil()),
        Some(number) => TopicRef::Id(Uuid::from_u128(TOPIC_IDS + number.parse::<u128>().unwrap())),
        None => TopicRef::Name(word.to_string()),
    }
}

fn more_partitions(text: &str) -> MorePartitions {
    let assignments = words(text).get("assign").copied();
    MorePartitions {
        name: name_of(text),
        count: number(text, "count", 0),
        assignments: assignments.map(|text| text.split('/').map(node_list).collect()),
    }
}

/// `topic:name set:key=value delete:key append:key=value subtract:key=value null:key`
fn resource_changes(text: &str) -> (Resource, Vec<ConfigChange>) {
    let mut words = text.split_whitespace();
    let (kind, name) = words.next().unwrap().split_once(':').unwrap();
    let resource = match kind {
        "topic" => Resource::Topic(name.into()),
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

fn show_slots(slots: &[ReplicaSlot]) -> String {
    let slots: Vec<String> = slots
        .iter()
        .map(|slot| {
            let out_of_isr = if slot.in_isr { "" } else { " not in ISR" };
            format!(
                "{}@{} {}{out_of_isr}",
                slot.node,
                slot.broker_epoch,
                short(slot.storage_id)
            )
        })
        .collect();
    format!("[{}]", slots.join(", "))
}

fn show_partition(state: &Partition) -> String {
    let leader = state.leader.map_or("none".into(), |leader| {
        format!("{}@{}", leader.node, leader.broker_epoch)
    });
    let replicas: Vec<String> = state
        .replicas
        .iter()
        .map(|replica| format!("{} {}", replica.node, short(replica.storage_id)))
        .collect();
    let mut out = format!(
        "leader={leader} leader_epoch={} partition_epoch={} isr={:?} min_isr={} replicas=[{}]",
        state.leader_epoch,
        state.partition_epoch,
        state.isr,
        state.min_isr,
        replicas.join(", ")
    );
    for (name, nodes) in [("elr", &state.elr), ("last_known_elr", &state.last_known_elr)] {
        if !nodes.is_empty() {
            write!(out, " {name}={nodes:?}").unwrap();
        }
    }
    if state.recovering {
        out.push_str(" recovering");
    }
    out
}

fn show_record(record: &Record) -> String {
    match record {
        Record::TopicRecord(topic) => {
            let slots: Vec<String> = topic.partitions.iter().map(|slots| show_slots(slots)).collect();
            format!(
                "Topic {} id={} min_isr={} {:?} {}",
                topic.name,
                short(topic.topic_id),
                topic.min_isr,
                topic.configs,
                slots.join(" ")
            )
        }
        Record::PartitionsAdded(added) => {
            let slots: Vec<String> = added.partitions.iter().map(|slots| show_slots(slots)).collect();
            format!(
                "PartitionsAdded id={} first={} min_isr={} {}",
                short(added.topic_id),
                added.first,
                added.min_isr,
                slots.join(" ")
            )
        }
        Record::RemoveTopic(removed) => format!("RemoveTopic id={}", short(removed.topic_id)),
        Record::PartitionRecord(record) => format!(
            "Partition id={} {} {}",
            short(record.topic_id),
            record.partition,
            show_partition(&record.state)
        ),
        Record::ConfigRecord(config) => {
            let owner = match config.owner {
                ConfigOwner::Topic(topic_id) => format!("topic id={}", short(topic_id)),
                ConfigOwner::Broker(None) => "all brokers".into(),
                ConfigOwner::Broker(Some(node)) => format!("broker {node}"),
            };
            format!("Config {owner} {}={:?}", config.key, config.value)
        }
        Record::RegisterBroker(broker) => format!(
            "RegisterBroker {} incarnation={} {}",
            broker.node,
            broker.incarnation,
            short(broker.storage_id)
        ),
        other => format!("{other:?}"),
    }
}

fn show_answer(answer: &Answer, out: &mut String) {
    let result = |result: &Result<String, WishError>| match result {
        Ok(text) => format!("ok{text}"),
        Err(error) => error.to_string(),
    };
    match answer {
        Answer::TopicsCreated(topics) => {
            for (name, answer) in topics {
                let answer = answer.clone().map(|topic| {
                    let (partitions, replication) = (topic.num_partitions, topic.replication_factor);
                    format!(
                        " id={} partitions={partitions} replication={replication}",
                        short(topic.topic_id)
                    )
                });
                writeln!(out, "{}: {}", shorten(name), result(&answer)).unwrap();
            }
        }
        Answer::TopicsDeleted(topics) => {
            for topic in topics {
                let answer = topic.result.clone().map(|()| String::new());
                let name = topic.name.as_deref().unwrap_or("(no name)");
                writeln!(out, "{name} {}: {}", short(topic.topic_id), result(&answer)).unwrap();
            }
        }
        Answer::PartitionsCreated(topics) => {
            for (name, answer) in topics {
                writeln!(out, "{name}: {}", result(&answer.clone().map(|()| String::new()))).unwrap();
            }
        }
        Answer::ConfigsAltered(resources) => {
            for (resource, answer) in resources {
                writeln!(out, "{resource:?}: {}", result(&answer.clone().map(|()| String::new()))).unwrap();
            }
        }
        other => writeln!(out, "{other:?}").unwrap(),
    }
}

fn shorten(name: &str) -> &str {
    &name[..name.len().min(40)]
}
