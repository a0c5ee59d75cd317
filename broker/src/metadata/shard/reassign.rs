//! AlterPartitionReassignments: `ReplicationControlManager.alterPartitionReassignments`.
//!
//! New replicas are added first and become members of the ISR; only when all of the target are, the others leave
//! (`build` sees to that whenever the ISR changes).

use corelane_protocol::error_code::ErrorCode;

use super::{
    super::{
        decide::{self, ConfigRules, WishError},
        image::Partition,
        placement::PartitionKey,
        records::{NodeList, Record},
    },
    alter_partition::refuse,
    build::{Assignment, Election, Target, build},
    record,
    view::ShardView,
};

/// The record, if anything changes.
pub fn reassign(
    view: &ShardView<'_>,
    key: &PartitionKey,
    nodes: Option<&[i32]>,
    allow_replication_factor_change: bool,
    config_rules: &dyn ConfigRules,
) -> Result<Option<Record>, WishError> {
    let topic = view.root.topic(key.topic_id);
    let (Some(topic), Some(held)) = (topic, view.partition(key)) else {
        return Err(WishError::new(
            ErrorCode::UNKNOWN_TOPIC_OR_PARTITION,
            format!("Unable to find partition {}:{}.", key.topic_id, key.partition),
        ));
    };
    if view.is_root_behind(held) {
        return Err(refuse(ErrorCode::NOT_CONTROLLER));
    }
    let unclean = config_rules.unclean_leader_election(&topic.configs);
    let mut target = match nodes {
        None => cancel(held, &topic.name, key.partition, unclean)?,
        Some(nodes) => {
            decide::check_manual_assignment(view.root, nodes)?;
            check_replication_factor(held, nodes, allow_replication_factor_change)?;
            change(held, nodes)
        }
    };
    target.min_isr = config_rules.min_insync_replicas(&topic.configs);
    Ok(build(view, held, &target).map(|next| record(key, &next)))
}

fn check_replication_factor(held: &Partition, nodes: &[i32], allowed: bool) -> Result<(), WishError> {
    let settled = held.replicas.len() - held.adding.len();
    if allowed || nodes.len() == settled {
        return Ok(());
    }
    Err(WishError::new(
        ErrorCode::INVALID_REPLICATION_FACTOR,
        format!("The replication factor is changed from {settled} to {}", nodes.len()),
    ))
}

/// The target in the operator's order, then those who leave; adding and removing are the differences to what is held.
fn change(held: &Partition, nodes: &[i32]) -> Target {
    let is_held = |node: &i32| held.replica(*node).is_some();
    // Who was being added and is still wanted goes on being added.
    let is_new = |node: &i32| !is_held(node) || held.adding.contains(node);
    let leaves = held.replicas.iter().map(|replica| replica.node);
    let mut removing: NodeList = leaves.filter(|node| !nodes.contains(node)).collect();
    removing.sort_unstable();
    let mut adding: NodeList = nodes.iter().copied().filter(is_new).collect();
    adding.sort_unstable();
    let assignment = Assignment {
        replicas: nodes.iter().chain(&removing).copied().collect(),
        adding,
        removing,
    };
    Target {
        assignment: Some(assignment),
        ..Target::same(held)
    }
}

/// Back to what was before: without those that were being added.
fn cancel(held: &Partition, topic: &str, partition: i32, unclean: bool) -> Result<Target, WishError> {
    if !held.is_reassigning() {
        return Err(refuse(ErrorCode::NO_REASSIGNMENT_IN_PROGRESS));
    }
    let stays = |node: &i32| !held.adding.contains(node);
    let nodes = held.replicas.iter().map(|replica| replica.node);
    let isr: NodeList = held.isr.iter().copied().filter(stays).collect();
    let is_complete = |node: &&i32| stays(node);
    if held.isr.iter().chain(&held.elr).find(is_complete).is_none() && !unclean {
        return Err(WishError::new(
            ErrorCode::INVALID_REPLICA_ASSIGNMENT,
            format!(
                "Unable to revert partition assignment for {topic}:{partition} because it would require an unclean \
                 leader election."
            ),
        ));
    }
    Ok(Target {
        isr,
        assignment: Some(Assignment {
            replicas: nodes.filter(stays).collect(),
            adding: NodeList::new(),
            removing: NodeList::new(),
        }),
        election: if unclean {
            Election::UncleanIfNeeded
        } else {
            Election::Clean
        },
        ..Target::same(held)
    })
}
