//! Records, answers and states in words.

use std::fmt::Write;

use uuid::Uuid;

use super::parse::TOPIC_IDS;
use crate::metadata::{
    Answer, Partition, Record, WishError,
    records::{ConfigOwner, ReplicaSlot},
    shard::ShardAnswer,
};

pub fn short(id: Uuid) -> String {
    let number = id.as_u128();
    if number > TOPIC_IDS {
        format!("#{}", number - TOPIC_IDS)
    } else {
        format!("disk{number}")
    }
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

pub fn show_partition(state: &Partition) -> String {
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
    for (name, nodes) in [("adding", &state.adding), ("removing", &state.removing)] {
        if !nodes.is_empty() {
            write!(out, " {name}={nodes:?}").unwrap();
        }
    }
    if state.unclean_epoch >= 0 {
        write!(out, " unclean_epoch={}", state.unclean_epoch).unwrap();
    }
    if state.recovering {
        out.push_str(" recovering");
    }
    out
}

pub fn show_record(record: &Record) -> String {
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
        Record::RootSeen(seen) => format!("root seen to {}", seen.end),
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
        Record::NamedConfig(config) => {
            format!(
                "Config {:?} {} {}={:?}",
                config.kind, config.name, config.key, config.value
            )
        }
        Record::RegisterBroker(broker) => {
            let epoch = broker
                .broker_epoch
                .map_or(String::new(), |epoch| format!(" epoch={epoch}"));
            let fenced = if broker.fenced { "" } else { " not fenced" };
            format!(
                "RegisterBroker {} incarnation={} {}{epoch}{fenced}",
                broker.node,
                broker.incarnation,
                short(broker.storage_id)
            )
        }
        Record::VotersTarget(target) => {
            let voter = |node: i32, storage_id| format!("{node} {}", short(storage_id));
            let voters: Vec<String> = target.voters.iter().map(|it| voter(it.node, it.storage_id)).collect();
            let retired: Vec<String> = target.retired.iter().map(|it| voter(it.node, it.storage_id)).collect();
            format!("Voters [{}] retired [{}]", voters.join(", "), retired.join(", "))
        }
        Record::BrokerChange(change) => {
            let mut out = format!("BrokerChange {}@{}", change.node, change.broker_epoch);
            for (name, value) in [("fenced", change.fenced), ("shutdown", change.in_controlled_shutdown)] {
                if let Some(value) = value {
                    write!(out, " {name}={value}").unwrap();
                }
            }
            out
        }
        other => format!("{other:?}"),
    }
}

pub fn show_answer(answer: &Answer, out: &mut String) {
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

pub fn show_shard_answer(answer: &ShardAnswer, out: &mut String) {
    let mut line = |partition: i32, text: String| writeln!(out, "{partition}: {text}").unwrap();
    match answer {
        ShardAnswer::PartitionsAltered(partitions) => {
            for (key, answer) in partitions {
                let answer = answer.as_ref().map(|state| show_partition(state));
                line(key.partition, answer.unwrap_or_else(|error| format!("refused {error}")));
            }
        }
        ShardAnswer::LeadersElected(partitions) | ShardAnswer::ReassignmentsAltered(partitions) => {
            for (key, answer) in partitions {
                let answer = answer.as_ref().map(|()| "ok".to_string());
                line(key.partition, answer.unwrap_or_else(|error| format!("refused {error}")));
            }
        }
    }
}

fn shorten(name: &str) -> &str {
    &name[..name.len().min(40)]
}
