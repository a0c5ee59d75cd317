//! IncrementalAlterConfigs: `ConfigurationControlManager.incrementalAlterConfigs`, and the checks that
//! `ConfigAdminManager` makes before it. A resource is changed in full or not at all.
//!
//! The high watermark and acks=all go by the partition's own `min_isr`, never by this: shards see the change and write it
//! into their partitions (KAFKA-16540).

use std::collections::{BTreeMap, BTreeSet};

use corelane_protocol::error_code::ErrorCode;

use super::{
    super::{
        image::RootImage,
        records::{ConfigOwner, ConfigRecord, NamedConfig, NamedKind, Record},
    },
    AlterConfigs, Answer, ConfigChange, ConfigOp, Context, Resource, ResourceKind, WishError,
    delete_topics::unknown_topic,
    topic_name::validate_topic_name,
};

pub fn decide(image: &RootImage, wish: &AlterConfigs, context: &Context<'_>) -> (Vec<Record>, Answer) {
    let mut seen = BTreeSet::new();
    let repeated: BTreeSet<&Resource> = wish
        .resources
        .iter()
        .map(|(resource, _)| resource)
        .filter(|resource| !seen.insert(*resource))
        .collect();
    let mut records = Vec::new();
    let mut answers = Vec::new();
    for (resource, changes) in &wish.resources {
        let answer = if repeated.contains(resource) {
            Err(invalid("Each resource must appear at most once."))
        } else {
            alter(image, resource, changes, context).map(|made| records.extend(made))
        };
        answers.push((resource.clone(), answer));
    }
    if wish.validate_only {
        records.clear();
    }
    (records, Answer::ConfigsAltered(answers))
}

fn alter(
    image: &RootImage,
    resource: &Resource,
    changes: &[ConfigChange],
    context: &Context<'_>,
) -> Result<Vec<Record>, WishError> {
    check_changes(changes)?;
    let (kind, owner, held) = held_values(image, resource)?;
    check_min_isr(kind, changes)?;
    let mut values = held.clone();
    let mut changed = Vec::new();
    for change in changes {
        let value = new_value(kind, change, held.get(&change.key), context)?;
        // A broker's record is made even if nothing changes: it is how keystores are read again (KAFKA-14136).
        let is_broker = matches!(kind, ResourceKind::Broker | ResourceKind::AllBrokers);
        if value.as_ref() != held.get(&change.key) || is_broker {
            changed.push((change.key.clone(), value.clone()));
        }
        match value {
            Some(value) => values.insert(change.key.clone(), value),
            None => values.remove(&change.key),
        };
    }
    context.config_rules.validate(kind, &values)?;
    let owner = owner.ok_or_else(|| missing(resource))?;
    Ok(changed
        .into_iter()
        .map(|(key, value)| owner.record(key, value))
        .collect())
}

/// Whose values change.
enum Owner {
    TopicOrBroker(ConfigOwner),
    Named(NamedKind, String),
}

impl Owner {
    fn record(&self, key: String, value: Option<String>) -> Record {
        match self {
            Owner::TopicOrBroker(owner) => Record::from(ConfigRecord {
                owner: *owner,
                key,
                value,
            }),
            Owner::Named(kind, name) => Record::from(NamedConfig {
                kind: *kind,
                name: name.clone(),
                key,
                value,
            }),
        }
    }
}

/// How many replicas must have a record is what eligible leaders (KIP-966) are counted by: one number for the whole cluster.
fn check_min_isr(kind: ResourceKind, changes: &[ConfigChange]) -> Result<(), WishError> {
    let Some(change) = changes.iter().find(|change| change.key == "min.insync.replicas") else {
        return Ok(());
    };
    let refuse = |message: &str| Err(WishError::new(ErrorCode::INVALID_CONFIG, message));
    match (kind, change.op) {
        (ResourceKind::Broker, _) => refuse("Broker-level min.insync.replicas cannot be altered while ELR is enabled."),
        (ResourceKind::AllBrokers, ConfigOp::Delete) => {
            refuse("Cluster-level min.insync.replicas cannot be removed while ELR is enabled.")
        }
        _ => Ok(()),
    }
}

fn check_changes(changes: &[ConfigChange]) -> Result<(), WishError> {
    let keys: BTreeSet<&str> = changes.iter().map(|change| change.key.as_str()).collect();
    if keys.len() < changes.len() {
        return Err(invalid("Error due to duplicate config keys"));
    }
    let without_value: Vec<&str> = changes
        .iter()
        .filter(|change| change.op != ConfigOp::Delete && change.value.is_none())
        .map(|change| change.key.as_str())
        .collect();
    if !without_value.is_empty() {
        return Err(invalid(&format!(
            "Null value not supported for : {}",
            without_value.join(", ")
        )));
    }
    Ok(())
}

type Held = (ResourceKind, Option<Owner>, BTreeMap<String, String>);

/// The resource's own values; the owner is None if there is no such thing, which is told only after the values were
/// checked, as Kafka does.
fn held_values(image: &RootImage, resource: &Resource) -> Result<Held, WishError> {
    match resource {
        Resource::Topic(name) => {
            if name.is_empty() {
                return Err(invalid("Default topic resources are not allowed."));
            }
            validate_topic_name(name).map_err(|reason| WishError::new(ErrorCode::INVALID_TOPIC_EXCEPTION, reason))?;
            let topic = image.topic_named(name);
            let owner = topic.map(|topic| Owner::TopicOrBroker(ConfigOwner::Topic(topic.topic_id)));
            let values = topic.map(|topic| topic.configs.clone()).unwrap_or_default();
            Ok((ResourceKind::Topic, owner, values))
        }
        Resource::Broker(name) => {
            let node = match name.as_str() {
                "" => None,
                digits => Some(
                    digits
                        .parse::<i32>()
                        .map_err(|_| invalid("Unable to parse broker name as a base 10 number."))?,
                ),
            };
            if node.is_some_and(|node| node < 0) {
                return Err(invalid("Invalid negative broker ID."));
            }
            let known = node.is_none_or(|node| image.broker(node).is_some());
            let values = image.broker_configs.get(&node).cloned().unwrap_or_default();
            let kind = match node {
                Some(_) => ResourceKind::Broker,
                None => ResourceKind::AllBrokers,
            };
            let owner = known.then_some(Owner::TopicOrBroker(ConfigOwner::Broker(node)));
            Ok((kind, owner, values))
        }
        // Both may be told something before they are there.
        Resource::Group(name) => {
            if name.is_empty() {
                return Err(invalid("Default group resources are not allowed."));
            }
            Ok(named(image, ResourceKind::Group, NamedKind::Group, name))
        }
        Resource::ClientMetrics(name) => {
            if name.is_empty() {
                return Err(invalid("Subscription name can't be empty"));
            }
            Ok(named(
                image,
                ResourceKind::ClientMetrics,
                NamedKind::ClientMetrics,
                name,
            ))
        }
    }
}

fn named(image: &RootImage, kind: ResourceKind, named: NamedKind, name: &str) -> Held {
    let values = image.named_config(named, name).cloned().unwrap_or_default();
    (kind, Some(Owner::Named(named, name.to_owned())), values)
}

fn new_value(
    kind: ResourceKind,
    change: &ConfigChange,
    held: Option<&String>,
    context: &Context<'_>,
) -> Result<Option<String>, WishError> {
    match change.op {
        ConfigOp::Set => return Ok(change.value.clone()),
        ConfigOp::Delete => return Ok(None),
        ConfigOp::Append | ConfigOp::Subtract => {}
    }
    let rules = context.config_rules;
    if !rules.is_list(kind, &change.key) {
        let (op, key) = (change.op.name(), &change.key);
        let message = match kind {
            ResourceKind::Broker | ResourceKind::AllBrokers => format!(
                "Config value {} is not allowed for config key: {key}",
                op.to_ascii_lowercase()
            ),
            _ => format!("Can't {op} to key {key} because its type is not LIST."),
        };
        return Err(WishError::new(ErrorCode::INVALID_CONFIG, message));
    }
    let current = held.cloned().or_else(|| rules.default_value(kind, &change.key));
    let mut parts = split(&current.unwrap_or_default());
    for part in change.value.iter().flat_map(|value| split(value)) {
        let at = parts.iter().position(|held| *held == part);
        match (change.op, at) {
            (ConfigOp::Append, None) => parts.push(part),
            (ConfigOp::Subtract, Some(at)) => {
                parts.remove(at);
            }
            _ => {}
        }
    }
    Ok(Some(parts.join(",")))
}

fn split(list: &str) -> Vec<String> {
    list.split(',')
        .filter(|part| !part.is_empty())
        .map(str::to_string)
        .collect()
}

fn missing(resource: &Resource) -> WishError {
    match resource {
        Resource::Topic(name) => WishError {
            message: format!("The topic '{name}' does not exist."),
            ..unknown_topic()
        },
        Resource::Broker(name) => WishError::new(
            ErrorCode::BROKER_ID_NOT_REGISTERED,
            format!("No node with id {name} found."),
        ),
        Resource::Group(_) | Resource::ClientMetrics(_) => unreachable!("they need not be there"),
    }
}

fn invalid(message: &str) -> WishError {
    WishError::new(ErrorCode::INVALID_REQUEST, message)
}
