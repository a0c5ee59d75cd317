//! Which brokers keep a new partition: as the client says, or spread evenly.

use corelane_protocol::error_code::ErrorCode;

use super::{
    super::{image::RootImage, records::ReplicaSlot},
    WishError,
};

/// Slots for brokers that are all registered; those that are active are the first ISR.
pub fn slots(image: &RootImage, nodes: &[i32]) -> Vec<ReplicaSlot> {
    nodes
        .iter()
        .map(|node| {
            let broker = image.broker(*node).expect("checked to be registered");
            ReplicaSlot {
                node: *node,
                storage_id: broker.storage_id,
                broker_epoch: broker.broker_epoch,
                in_isr: broker.is_active(),
            }
        })
        .collect()
}

/// Checks one partition of a manual assignment (`validateManualPartitionAssignment`).
pub fn manual(
    image: &RootImage,
    nodes: &[i32],
    replication_factor: Option<usize>,
) -> Result<Vec<ReplicaSlot>, WishError> {
    check_manual(image, nodes)?;
    if let Some(expected) = replication_factor.filter(|expected| *expected != nodes.len()) {
        return Err(WishError::new(
            ErrorCode::INVALID_REPLICA_ASSIGNMENT,
            format!(
                "The manual partition assignment includes a partition with {} replica(s), but this is not consistent with \
                 previous partitions, which have {expected} replica(s).",
                nodes.len()
            ),
        ));
    }
    Ok(slots(image, nodes))
}

/// Brokers that are registered, each once.
pub fn check_manual(image: &RootImage, nodes: &[i32]) -> Result<(), WishError> {
    let refuse = |message: String| Err(WishError::new(ErrorCode::INVALID_REPLICA_ASSIGNMENT, message));
    if nodes.is_empty() {
        return refuse("The manual partition assignment includes an empty replica list.".into());
    }
    let mut sorted = nodes.to_vec();
    sorted.sort_unstable();
    for (at, node) in sorted.iter().enumerate() {
        if image.broker(*node).is_none() {
            return refuse(format!(
                "The manual partition assignment includes broker {node}, but no such broker is registered."
            ));
        }
        if at > 0 && sorted[at - 1] == *node {
            return refuse(format!(
                "The manual partition assignment includes the broker {node} more than once."
            ));
        }
    }
    Ok(())
}

/// The same checks for a partition that is made: somebody must be able to lead it.
pub fn manual_with_leader(
    image: &RootImage,
    partition: i32,
    nodes: &[i32],
    replication_factor: Option<usize>,
) -> Result<Vec<ReplicaSlot>, WishError> {
    let slots = manual(image, nodes, replication_factor)?;
    if slots.iter().any(|slot| slot.in_isr) {
        return Ok(slots);
    }
    Err(WishError::new(
        ErrorCode::INVALID_REPLICA_ASSIGNMENT,
        format!(
            "All brokers specified in the manual partition assignment for partition {partition} are fenced or in \
             controlled shutdown."
        ),
    ))
}

/// Places partitions `first .. first + count`. Leaders go round the active brokers from `start` on, and so do the other
/// replicas, one further each round, so that a broker's followers are not all on its neighbour. Racks are not looked at.
/// The error is Kafka's text (`StripedReplicaPlacer`).
pub fn place(
    image: &RootImage,
    first: i32,
    count: i32,
    replication_factor: i16,
    start: u64,
) -> Result<Vec<Vec<ReplicaSlot>>, String> {
    let (active, others): (Vec<i32>, Vec<i32>) = image
        .brokers
        .keys()
        .partition(|node| image.broker(**node).is_some_and(|broker| broker.is_active()));
    let wanted = usize::try_from(replication_factor).unwrap_or(0);
    if wanted == 0 {
        return Err(format!(
            "Invalid replication factor {replication_factor}: the replication factor must be positive."
        ));
    }
    if active.is_empty() {
        return Err("All brokers are currently fenced.".into());
    }
    if wanted > active.len() + others.len() {
        return Err(format!(
            "The target replication factor of {replication_factor} cannot be reached because only {} broker(s) are \
             registered.",
            active.len() + others.len()
        ));
    }
    let width = active.len();
    let start = (start % width as u64) as usize;
    let partitions = (first..first + count).map(|partition| {
        let partition = partition as usize;
        let leader = (start + partition) % width;
        let round = partition / width;
        let mut nodes = vec![active[leader]];
        for follower in 0..wanted.min(width) - 1 {
            let step = 1 + (round + follower) % (width - 1);
            nodes.push(active[(leader + step) % width]);
        }
        nodes.extend(others.iter().take(wanted - nodes.len()));
        slots(image, &nodes)
    });
    Ok(partitions.collect())
}
