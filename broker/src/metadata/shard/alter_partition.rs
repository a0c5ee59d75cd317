//! AlterPartition: `ReplicationControlManager.alterPartition`. A partition's wish is granted in full or not at all.

use std::sync::Arc;

use corelane_protocol::error_code::ErrorCode;

use super::{
    super::{
        decide::{ConfigRules, WishError},
        image::Partition,
        placement::PartitionKey,
        records::Record,
    },
    build::{Target, build},
    record,
    view::ShardView,
    wish::{AlterPartition, IsrChange},
};

pub type Altered = Result<Arc<Partition>, WishError>;

/// The sender is known, and this incarnation of it is the newest.
pub fn check_sender(view: &ShardView<'_>, wish: &AlterPartition) -> Result<(), WishError> {
    if wish.broker_epoch >= view.root.applied_end {
        return Err(refuse(ErrorCode::NOT_CONTROLLER));
    }
    let is_newest = |epoch: u64| epoch == wish.broker_epoch || !view.rules.sender_is_leader;
    match view.root.broker(wish.node) {
        Some(broker) if is_newest(broker.broker_epoch) => Ok(()),
        _ => Err(refuse(ErrorCode::STALE_BROKER_EPOCH)),
    }
}

pub fn alter(
    view: &ShardView<'_>,
    wish: &AlterPartition,
    change: &IsrChange,
    config_rules: &dyn ConfigRules,
) -> (Option<Record>, Altered) {
    let held = match check(view, wish, change) {
        Ok(held) => held,
        Err(code) => return (None, Err(refuse(code))),
    };
    let mut target = Target {
        isr: change.new_isr.iter().map(|(node, _)| *node).collect(),
        recovered: change.recovered,
        ..Target::same(held)
    };
    // The end of a reassignment may change how many replicas there are, and so what can be asked of them.
    if held.is_reassigning()
        && let Some(topic) = view.root.topic(change.key.topic_id)
    {
        target.min_isr = config_rules.min_insync_replicas(&topic.configs);
    }
    let next = build(view, held, &target).unwrap_or_else(|| renewed(held));
    // The change may complete a reassignment that the leader is not part of.
    let leads_on = next.leader.is_some_and(|leader| leader.node == wish.node);
    let next = Arc::new(next);
    let record = record(&change.key, &next);
    let answer = if leads_on {
        Ok(next)
    } else {
        Err(refuse(ErrorCode::NEW_LEADER_ELECTED))
    };
    (Some(record), answer)
}

/// The same state with the next partition epoch: the leader takes back what it proposed before and was refused, of which
/// a copy may still be under way. From here on that copy is of an older epoch.
fn renewed(held: &Partition) -> Partition {
    Partition {
        partition_epoch: held.partition_epoch + 1,
        ..held.clone()
    }
}

/// In Kafka's order; the codes are Kafka's.
fn check<'a>(view: &ShardView<'a>, wish: &AlterPartition, change: &IsrChange) -> Result<&'a Arc<Partition>, ErrorCode> {
    let rules = view.rules;
    let held = find(view, &change.key)?;
    let of_future = change.leader_epoch > held.leader_epoch || change.partition_epoch > held.partition_epoch;
    if of_future {
        return Err(if rules.future_is_not_fenced {
            ErrorCode::NOT_CONTROLLER
        } else {
            ErrorCode::FENCED_LEADER_EPOCH
        });
    }
    if rules.sender_is_leader {
        if change.leader_epoch < held.leader_epoch {
            return Err(ErrorCode::FENCED_LEADER_EPOCH);
        }
        let leads = held
            .leader
            .is_some_and(|leader| (leader.node, leader.broker_epoch) == (wish.node, wish.broker_epoch));
        if !leads {
            return Err(ErrorCode::INVALID_REQUEST);
        }
    }
    if rules.partition_epoch_checked && change.partition_epoch < held.partition_epoch {
        return Err(ErrorCode::INVALID_UPDATE_VERSION);
    }
    check_members(view, wish.node, change, held)?;
    Ok(held)
}

fn check_members(view: &ShardView<'_>, leader: i32, change: &IsrChange, held: &Partition) -> Result<(), ErrorCode> {
    let rules = view.rules;
    let mut nodes: Vec<i32> = change.new_isr.iter().map(|(node, _)| *node).collect();
    nodes.sort_unstable();
    let is_repeated = nodes.windows(2).any(|pair| pair[0] == pair[1]);
    let is_valid = nodes.iter().all(|node| held.replica(*node).is_some()) && nodes.contains(&leader);
    if is_repeated || !is_valid {
        return Err(ErrorCode::INVALID_REQUEST);
    }
    if held.recovering && rules.recovering_alone && nodes.len() > 1 {
        return Err(ErrorCode::INVALID_REQUEST);
    }
    let is_slot = |node: i32, storage_id| held.replica(node).is_some_and(|slot| slot.storage_id == storage_id);
    let has_slots = change
        .new_isr
        .iter()
        .all(|(node, storage_id)| is_slot(*node, *storage_id));
    let may_join = |node: &i32| held.isr.contains(node) || view.active(held, *node).is_some();
    let refused = (rules.storage_checked && !has_slots)
        || (rules.fenced_member_refused && !nodes.iter().all(may_join))
        || (rules.fenced_member_refused && view.serving(held, leader).is_none());
    if refused {
        return Err(ErrorCode::INELIGIBLE_REPLICA);
    }
    Ok(())
}

/// A partition of another shard, or of a topic that is not here: gone, or not heard of yet.
fn find<'a>(view: &ShardView<'a>, key: &PartitionKey) -> Result<&'a Arc<Partition>, ErrorCode> {
    view.partition(key).ok_or_else(|| match view.root.topic(key.topic_id) {
        Some(_) => ErrorCode::UNKNOWN_TOPIC_OR_PARTITION,
        None => ErrorCode::UNKNOWN_TOPIC_ID,
    })
}

pub fn refuse(code: ErrorCode) -> WishError {
    WishError::new(code, code.to_string())
}
