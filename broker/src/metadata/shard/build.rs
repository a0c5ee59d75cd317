//! A partition's next state: who is in the ISR, who leads. Kafka's `PartitionChangeBuilder` with KIP-966, on identities
//! of this design: a replica is a node with its disk, a leader is one incarnation of a broker.

use super::{
    super::{
        image::Partition,
        records::{Leader, NodeList, Replica, ReplicaList},
    },
    view::ShardView,
};

/// What a partition shall become, before leadership is worked out.
#[derive(Clone, Debug)]
pub struct Target {
    pub isr: NodeList,
    /// As configured; never more than there are replicas.
    pub min_isr: u16,
    /// Another assignment: preferred leader first.
    pub assignment: Option<Assignment>,
    pub election: Election,
    /// An unclean leader is done with its recovery.
    pub recovered: bool,
}

#[derive(Clone, Debug)]
pub struct Assignment {
    pub replicas: NodeList,
    pub adding: NodeList,
    pub removing: NodeList,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Election {
    /// Only if the leader cannot go on.
    Clean,
    /// The same, and if nobody is eligible, somebody who may lack records (`unclean.leader.election.enable`).
    UncleanIfNeeded,
    /// The preferred leader, if it is in the ISR.
    Preferred,
}

impl Target {
    /// Leaves the partition as it is, as far as its brokers allow.
    pub fn same(held: &Partition) -> Target {
        Target {
            isr: held.isr.clone(),
            min_isr: held.min_isr,
            assignment: None,
            election: Election::Clean,
            recovered: false,
        }
    }
}

/// The partition's next state, or None if it is as it should be.
pub fn build(view: &ShardView<'_>, held: &Partition, target: &Target) -> Option<Partition> {
    let mut next = held.clone();
    if let Some(assignment) = &target.assignment {
        next.replicas = slots(view, held, &assignment.replicas);
        next.adding = assignment.adding.clone();
        next.removing = assignment.removing.clone();
    }
    let wiped = reslot(view, &mut next);
    next.isr = sorted(target.isr.iter().copied().filter(|node| !wiped.contains(node)));
    complete_reassignment(view, &mut next);
    let min_isr = target.min_isr.min(replicas_for_certain(&next)).max(1);
    if view.rules.min_isr_of_partition {
        next.min_isr = min_isr;
    }
    let min_isr = usize::from(min_isr);
    next.elr = if next.isr.len() >= min_isr && view.rules.elr_cleared_at_min_isr {
        NodeList::new()
    } else {
        eligible_leaders(held, &next, &wiped)
    };
    if target.recovered {
        next.recovering = false;
    }
    next.last_known_elr.retain(|node| !wiped.contains(node));
    let is_unclean = elect(view, held, &mut next, target.election, min_isr);

    if next.leader != held.leader || is_unclean || slots_changed(view, held, &next) {
        next.leader_epoch += 1;
    }
    if is_unclean {
        next.unclean_epoch = next.leader_epoch;
    }
    if next == *held {
        return None;
    }
    next.partition_epoch += 1;
    Some(next)
}

/// Slots for these nodes: those that are there already keep their disk.
fn slots(view: &ShardView<'_>, held: &Partition, nodes: &[i32]) -> ReplicaList {
    let slot = |node: &i32| match held.replica(*node) {
        Some(replica) => Some(*replica),
        None => view.root.broker(*node).map(|broker| Replica {
            node: *node,
            storage_id: broker.storage_id,
        }),
    };
    nodes.iter().filter_map(slot).collect()
}

/// A replica whose broker came back with another disk holds nothing of what it held; the slot is the new disk's. But an
/// older root image names disks of before.
fn reslot(view: &ShardView<'_>, next: &mut Partition) -> NodeList {
    let mut wiped = NodeList::new();
    if view.is_root_older() && view.rules.older_root_wipes_nothing {
        return wiped;
    }
    for replica in &mut next.replicas {
        let Some(broker) = view.root.broker(replica.node) else {
            continue;
        };
        if broker.storage_id != replica.storage_id {
            replica.storage_id = broker.storage_id;
            if view.rules.wiped_replica_leaves {
                wiped.push(replica.node);
            }
        }
    }
    wiped
}

fn complete_reassignment(view: &ShardView<'_>, next: &mut Partition) {
    if !next.is_reassigning() {
        return;
    }
    let stays = |node: &i32| !next.removing.contains(node);
    let replicas: ReplicaList = next
        .replicas
        .iter()
        .copied()
        .filter(|replica| stays(&replica.node))
        .collect();
    let isr: NodeList = next.isr.iter().copied().filter(stays).collect();
    let is_complete = if view.rules.reassignment_waits_for_isr {
        replicas.iter().all(|replica| isr.contains(&replica.node))
    } else {
        !isr.is_empty()
    };
    if is_complete {
        next.replicas = replicas;
        next.isr = isr;
        next.adding.clear();
        next.removing.clear();
    }
}

/// How many replicas there are before a reassignment and after it: more than the fewer of them cannot be asked for.
fn replicas_for_certain(next: &Partition) -> u16 {
    let all = next.replicas.len();
    (all - next.adding.len()).min(all - next.removing.len()) as u16
}

/// Who left the ISR while it was too small to commit anything: they hold all that is committed (KIP-966).
fn eligible_leaders(held: &Partition, next: &Partition, wiped: &[i32]) -> NodeList {
    let left = held.elr.iter().chain(&held.isr).copied();
    sorted(left.filter(|node| {
        let is_replica = next.replica(*node).is_some();
        is_replica && !next.isr.contains(node) && !wiped.contains(node)
    }))
}

/// Whether records may be given up by it.
fn elect(view: &ShardView<'_>, held: &Partition, next: &mut Partition, election: Election, min_isr: usize) -> bool {
    let may_lead = |node: i32| {
        let by_elr = (next.isr.is_empty() || !view.rules.elr_after_isr) && next.elr.contains(&node);
        (next.isr.contains(&node) || by_elr) && view.active(next, node).is_some()
    };
    let keeps = held.leader.filter(|leader| may_lead(leader.node));
    let mut in_order = next.replicas.iter().map(|replica| replica.node);
    let preferred = in_order.clone().next().filter(|node| may_lead(*node));
    let elected = match (election, preferred, keeps) {
        (Election::Preferred, Some(node), _) => Some(node),
        (_, _, Some(leader)) => Some(leader.node),
        _ => in_order.find(|node| may_lead(*node)),
    };
    if let Some(node) = elected {
        next.leader = grant(view, held, node);
        next.last_known_elr.clear();
        if !next.isr.contains(&node) {
            next.elr.retain(|other| *other != node);
            next.isr = NodeList::from_slice(&[node]);
            if next.isr.len() >= min_isr && view.rules.elr_cleared_at_min_isr {
                next.elr.clear();
            }
        }
        return false;
    }
    // Who shuts down keeps to the end what nobody else can take.
    let stays = |leader: &Leader| next.isr.contains(&leader.node) && view.serving(next, leader.node).is_some();
    if let Some(leader) = held.leader.filter(stays) {
        next.leader = grant(view, held, leader.node);
        return false;
    }
    if election == Election::UncleanIfNeeded
        && let Some(node) = last_resort(view, next)
    {
        next.leader = grant(view, held, node);
        next.isr = NodeList::from_slice(&[node]);
        next.elr.clear();
        next.last_known_elr.clear();
        next.recovering = true;
        return true;
    }
    next.leader = None;
    if next.isr.is_empty()
        && let Some(last) = held.leader
        && next
            .replica(last.node)
            .is_some_and(|slot| held.replica(last.node) == Some(slot))
    {
        next.last_known_elr = NodeList::from_slice(&[last.node]);
    }
    false
}

/// The leader of this broker's incarnation.
fn grant(view: &ShardView<'_>, held: &Partition, node: i32) -> Option<Leader> {
    let goes_on = held.leader.filter(|leader| leader.node == node);
    if let Some(leader) = goes_on.filter(|_| !view.rules.leader_is_incarnation) {
        return Some(leader);
    }
    view.root.broker(node).map(|broker| Leader {
        node,
        broker_epoch: broker.broker_epoch,
    })
}

/// Who leads though it may lack records: the last known leader lacks least.
fn last_resort(view: &ShardView<'_>, next: &Partition) -> Option<i32> {
    let lives = |node: &i32| view.active(next, *node).is_some();
    let last = next.last_known_elr.first().copied();
    let last = last.filter(|node| !view.rules.last_known_leader_lives || lives(node));
    last.or_else(|| next.replicas.iter().map(|replica| replica.node).find(lives))
}

fn slots_changed(view: &ShardView<'_>, held: &Partition, next: &Partition) -> bool {
    view.rules.slot_change_bumps_epoch && next.replicas != held.replicas
}

fn sorted(nodes: impl Iterator<Item = i32>) -> NodeList {
    let mut nodes: NodeList = nodes.collect();
    nodes.sort_unstable();
    nodes.dedup();
    nodes
}
