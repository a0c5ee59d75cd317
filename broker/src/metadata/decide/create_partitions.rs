//! CreatePartitions: `ReplicationControlManager.createPartitions`.

use corelane_protocol::error_code::ErrorCode;

use super::{
    super::{
        image::RootImage,
        records::{PartitionsAdded, Record},
    },
    Answer, Context, CreatePartitions, Decision, MorePartitions, RECORDS_PER_WISH_MAX, WishError, assignment,
    create_topics::split_duplicates,
    delete_topics::unknown_topic,
    excessively_large, is_internal,
};

pub fn decide(image: &RootImage, wish: &CreatePartitions, context: &mut Context<'_>) -> Decision {
    let (unique, duplicates) = split_duplicates(wish.topics.iter().map(|topic| topic.name.as_str()));
    let (mut records, mut answers, mut weight) = (Vec::new(), Vec::new(), 0);
    for topic in wish.topics.iter().filter(|topic| unique.contains(topic.name.as_str())) {
        let answer = add_partitions(image, topic, context).map(|record| {
            weight += record.partitions.len();
            records.push(Record::from(record));
        });
        if weight > RECORDS_PER_WISH_MAX {
            return Err(excessively_large());
        }
        answers.push((topic.name.clone(), answer));
    }
    for name in duplicates {
        let error = WishError::new(ErrorCode::INVALID_REQUEST, "Duplicate topic name.");
        answers.push((name.to_string(), Err(error)));
    }
    if wish.validate_only {
        records.clear();
    }
    Ok((records, Answer::PartitionsCreated(answers)))
}

fn add_partitions(
    image: &RootImage,
    wish: &MorePartitions,
    context: &mut Context<'_>,
) -> Result<PartitionsAdded, WishError> {
    let topic = image.topic_named(&wish.name).ok_or_else(unknown_topic)?;
    let held = topic.partition_count();
    // A group's coordinator is found by its name modulo the count: another count would lose every group's offsets. Kafka leaves
    // this to its tools, which refuse it; we do not rely on them.
    if is_internal(&wish.name) {
        return Err(WishError::new(
            ErrorCode::INVALID_PARTITIONS,
            format!(
                "The number of partitions of the internal topic {} cannot be changed.",
                wish.name
            ),
        ));
    }
    if wish.count == held {
        return Err(WishError::new(
            ErrorCode::INVALID_PARTITIONS,
            format!("Topic already has {held} partition(s)."),
        ));
    }
    if wish.count < held {
        return Err(WishError::new(
            ErrorCode::INVALID_PARTITIONS,
            format!(
                "The topic {} currently has {held} partition(s); {} would not be an increase.",
                wish.name, wish.count
            ),
        ));
    }
    let additional = wish.count - held;
    if let Some(assignments) = wish
        .assignments
        .as_ref()
        .filter(|given| given.len() as i32 != additional)
    {
        return Err(WishError::new(
            ErrorCode::INVALID_REPLICA_ASSIGNMENT,
            format!(
                "Attempted to add {additional} additional partition(s), but only {} assignment(s) were specified.",
                assignments.len()
            ),
        ));
    }
    // Before anything of that size is made.
    if additional as usize > RECORDS_PER_WISH_MAX {
        return Err(excessively_large());
    }
    let replication_factor = topic.initial[0].replicas.len();
    let partitions = match &wish.assignments {
        Some(assignments) => assignments
            .iter()
            .zip(held..)
            .map(|(nodes, number)| assignment::manual_with_leader(image, number, nodes, Some(replication_factor)))
            .collect::<Result<Vec<_>, WishError>>()?,
        None => assignment::place(
            image,
            held,
            additional,
            replication_factor as i16,
            (context.uuids)().as_u64_pair().1,
        )
        .map_err(|reason| WishError::new(ErrorCode::INVALID_REPLICATION_FACTOR, reason))?,
    };
    Ok(PartitionsAdded {
        topic_id: topic.topic_id,
        first: held,
        min_isr: context
            .config_rules
            .min_insync_replicas(&topic.configs)
            .min(replication_factor as u16),
        partitions,
    })
}
