//! CreateTopics: `ReplicationControlManager.createTopics` and the checks that `ControllerApis` makes before it.

use std::collections::{BTreeMap, BTreeSet};

use corelane_protocol::error_code::ErrorCode;
use uuid::Uuid;

use super::{
    super::{
        image::RootImage,
        records::{Record, ReplicaSlot, TopicRecord},
    },
    Answer, Context, CreateTopics, CreatedTopic, Decision, NewTopic, RECORDS_PER_WISH_MAX, ResourceKind, WishError,
    assignment, excessively_large,
    topic_name::{CLUSTER_METADATA, validate_topic_name},
};

pub fn decide(image: &RootImage, wish: &CreateTopics, context: &mut Context<'_>) -> Decision {
    let (unique, duplicates) = split_duplicates(wish.topics.iter().map(|topic| topic.name.as_str()));
    // Topics of one request see each other: two names that collide are not both made.
    let mut overlay = image.clone();
    let (mut records, mut answers, mut weight) = (Vec::new(), Vec::new(), 0);
    for topic in wish.topics.iter().filter(|topic| unique.contains(topic.name.as_str())) {
        let decided = create_topic(&overlay, topic, context);
        let answer = decided.map(|record| {
            weight += 1 + record.partitions.len() + record.configs.len();
            let created = created(&record);
            let record = Record::from(record);
            overlay
                .apply(context.next_index, &record)
                .expect("a record that was just decided fits");
            records.push(record);
            created
        });
        answers.push((topic.name.clone(), answer));
        if weight > RECORDS_PER_WISH_MAX {
            return Err(excessively_large());
        }
    }
    for name in duplicates {
        let error = WishError::new(ErrorCode::INVALID_REQUEST, "Duplicate topic name.");
        answers.push((name.to_string(), Err(error)));
    }
    if wish.validate_only {
        records.clear();
    }
    Ok((records, Answer::TopicsCreated(answers)))
}

/// Names that occur once, and names that occur more often, each once and sorted.
pub fn split_duplicates<'a>(names: impl Iterator<Item = &'a str>) -> (BTreeSet<&'a str>, BTreeSet<&'a str>) {
    let (mut unique, mut duplicates) = (BTreeSet::new(), BTreeSet::new());
    for name in names {
        if duplicates.contains(name) || !unique.insert(name) {
            unique.remove(name);
            duplicates.insert(name);
        }
    }
    (unique, duplicates)
}

fn create_topic(image: &RootImage, topic: &NewTopic, context: &mut Context<'_>) -> Result<TopicRecord, WishError> {
    check_name(image, &topic.name)?;
    let configs = check_configs(topic, context)?;
    let partitions = place_partitions(image, topic, context)?;
    let replication_factor = partitions.iter().map(Vec::len).max().unwrap_or(0) as u16;
    Ok(TopicRecord {
        topic_id: fresh_topic_id(image, context),
        name: topic.name.clone(),
        min_isr: context
            .config_rules
            .min_insync_replicas(&configs)
            .min(replication_factor),
        configs: configs.into_iter().collect(),
        partitions,
    })
}

fn check_name(image: &RootImage, name: &str) -> Result<(), WishError> {
    if name == CLUSTER_METADATA {
        return Err(WishError::new(
            ErrorCode::INVALID_REQUEST,
            format!("Creation of internal topic {CLUSTER_METADATA} is prohibited."),
        ));
    }
    if image.topic_id(name).is_some() {
        return Err(WishError::new(
            ErrorCode::TOPIC_ALREADY_EXISTS,
            format!("Topic '{name}' already exists."),
        ));
    }
    validate_topic_name(name).map_err(|reason| WishError::new(ErrorCode::INVALID_TOPIC_EXCEPTION, reason))?;
    match image.colliding_topic(name) {
        Some(other) => Err(WishError::new(
            ErrorCode::INVALID_TOPIC_EXCEPTION,
            format!("Topic '{name}' collides with existing topic: {other}"),
        )),
        None => Ok(()),
    }
}

fn check_configs(topic: &NewTopic, context: &Context<'_>) -> Result<BTreeMap<String, String>, WishError> {
    let refuse = |message: String| WishError::new(ErrorCode::INVALID_CONFIG, message);
    let without_value: Vec<&str> = topic
        .configs
        .iter()
        .filter(|(_, value)| value.is_none())
        .map(|(key, _)| key.as_str())
        .collect();
    if !without_value.is_empty() {
        return Err(refuse(format!(
            "Null value not supported for topic configs: {}",
            without_value.join(",")
        )));
    }
    let configs: BTreeMap<String, String> = topic
        .configs
        .iter()
        .filter_map(|(key, value)| Some((key.clone(), value.clone()?)))
        .collect();
    context.config_rules.validate(ResourceKind::Topic, &configs)?;
    Ok(configs)
}

fn place_partitions(
    image: &RootImage,
    topic: &NewTopic,
    context: &mut Context<'_>,
) -> Result<Vec<Vec<ReplicaSlot>>, WishError> {
    if !topic.assignments.is_empty() {
        return place_manually(image, topic);
    }
    if topic.replication_factor < -1 || topic.replication_factor == 0 {
        return Err(WishError::new(
            ErrorCode::INVALID_REPLICATION_FACTOR,
            "Replication factor must be larger than 0, or -1 to use the default value.",
        ));
    }
    if topic.num_partitions < -1 || topic.num_partitions == 0 {
        return Err(WishError::new(
            ErrorCode::INVALID_PARTITIONS,
            "Number of partitions was set to an invalid non-positive value.",
        ));
    }
    let count = match topic.num_partitions {
        -1 => context.config_rules.num_partitions(),
        count => count,
    };
    let replication_factor = match topic.replication_factor {
        -1 => context.config_rules.default_replication_factor(),
        replication_factor => replication_factor,
    };
    // Before anything of that size is made.
    if count as usize > RECORDS_PER_WISH_MAX {
        return Err(excessively_large());
    }
    let start = (context.uuids)().as_u64_pair().1;
    assignment::place(image, 0, count, replication_factor, start).map_err(|reason| {
        WishError::new(
            ErrorCode::INVALID_REPLICATION_FACTOR,
            format!("Unable to replicate the partition {replication_factor} time(s): {reason}"),
        )
    })
}

fn place_manually(image: &RootImage, topic: &NewTopic) -> Result<Vec<Vec<ReplicaSlot>>, WishError> {
    let refuse = |field: &str| {
        WishError::new(
            ErrorCode::INVALID_REQUEST,
            format!("A manual partition assignment was specified, but {field} was not set to -1."),
        )
    };
    if topic.replication_factor != -1 {
        return Err(refuse("replication factor"));
    }
    if topic.num_partitions != -1 {
        return Err(refuse("numPartitions"));
    }
    let mut placed: BTreeMap<i32, Vec<ReplicaSlot>> = BTreeMap::new();
    let mut replication_factor = None;
    for (partition, nodes) in &topic.assignments {
        if placed.contains_key(partition) {
            return Err(WishError::new(
                ErrorCode::INVALID_REPLICA_ASSIGNMENT,
                format!("Found multiple manual partition assignments for partition {partition}"),
            ));
        }
        let slots = assignment::manual_with_leader(image, *partition, nodes, replication_factor)?;
        replication_factor = Some(nodes.len());
        placed.insert(*partition, slots);
    }
    if !placed.keys().copied().eq(0..placed.len() as i32) {
        return Err(WishError::new(
            ErrorCode::INVALID_REPLICA_ASSIGNMENT,
            "partitions should be a consecutive 0-based integer sequence",
        ));
    }
    Ok(placed.into_values().collect())
}

/// As Kafka's `Uuid.randomUuid`: none that is reserved, and none whose base64 begins with a dash, since tools would take
/// it for an option.
fn fresh_topic_id(image: &RootImage, context: &mut Context<'_>) -> Uuid {
    const BASE64_DASH: u8 = 62;
    loop {
        let topic_id = (context.uuids)();
        let reserved = topic_id.as_u128() < 100;
        let dash = topic_id.as_bytes()[0] >> 2 == BASE64_DASH;
        if !reserved && !dash && image.topic(topic_id).is_none() {
            return topic_id;
        }
    }
}

fn created(record: &TopicRecord) -> CreatedTopic {
    CreatedTopic {
        topic_id: record.topic_id,
        num_partitions: record.partitions.len() as i32,
        replication_factor: record.partitions.iter().map(Vec::len).max().unwrap_or(0) as i16,
        configs: record.configs.clone(),
    }
}
