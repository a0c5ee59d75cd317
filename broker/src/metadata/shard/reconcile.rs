//! Brings a partition in line with the brokers and configs that root knows: takes leadership from who is dead, grants it
//! to newer incarnations, takes a changed min ISR over. Idempotent: what fits already gives no record.

use super::{
    super::{
        decide::ConfigRules,
        image::{Partition, Topic},
        placement::PartitionKey,
        records::NodeList,
    },
    build::{Election, Target, build},
    view::ShardView,
};

/// The partition's next state, or None if it is as it should be.
pub fn reconcile(view: &ShardView<'_>, key: &PartitionKey, config_rules: &dyn ConfigRules) -> Option<Partition> {
    let topic = view.root.topic(key.topic_id)?;
    let held = view.partition(key)?;
    if view.is_root_behind(held) {
        return None;
    }
    let mut target = Target {
        isr: remaining_isr(view, held),
        min_isr: config_rules.min_insync_replicas(&topic.configs),
        ..Target::same(held)
    };
    if is_unclean_allowed(view, held, topic, config_rules) {
        target.election = Election::UncleanIfNeeded;
    }
    let next = build(view, held, &target)?;
    if next.leader.is_none() && is_back(view, held) {
        return None;
    }
    Some(next)
}

/// Without those who are dead or shut down; but who shuts down stays to the end if nobody else holds everything.
fn remaining_isr(view: &ShardView<'_>, held: &Partition) -> NodeList {
    let is_active = |node: &i32| view.active(held, *node).is_some();
    let active: NodeList = held.isr.iter().copied().filter(is_active).collect();
    if !active.is_empty() || held.elr.iter().any(is_active) {
        return active;
    }
    let serves = |leader: i32| held.isr.contains(&leader) && view.serving(held, leader).is_some();
    let leader = held.leader.map(|leader| leader.node);
    leader.filter(|node| serves(*node)).into_iter().collect()
}

/// Nobody is elected uncleanly while the leader serves: shutting down is no reason to lose records.
fn is_unclean_allowed(view: &ShardView<'_>, held: &Partition, topic: &Topic, config_rules: &dyn ConfigRules) -> bool {
    let serves = held
        .leader
        .is_some_and(|leader| view.serving(held, leader.node).is_some());
    !serves && config_rules.unclean_leader_election(&topic.configs)
}

/// The leader's next incarnation is here with the same disk, fenced for a moment, and nobody else could lead: it gets
/// its leadership in one step when it is unfenced, instead of losing and regaining it.
fn is_back(view: &ShardView<'_>, held: &Partition) -> bool {
    let Some(leader) = held.leader.filter(|leader| held.isr.contains(&leader.node)) else {
        return false;
    };
    let same_disk = |storage_id| {
        held.replica(leader.node)
            .is_some_and(|slot| slot.storage_id == storage_id)
    };
    view.root
        .broker(leader.node)
        .is_some_and(|broker| broker.broker_epoch != leader.broker_epoch && same_disk(broker.storage_id))
}
