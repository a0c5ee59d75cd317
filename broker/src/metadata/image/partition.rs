//! One partition's state: how it begins, what may follow what.

use super::super::records::{Leader, NodeList, PartitionState, Replica, ReplicaSlot};

impl PartitionState {
    /// The first state of a partition, from nothing but the record that made it: every node computes the same.
    pub fn initial(slots: &[ReplicaSlot], min_isr: u16, create_index: u64) -> PartitionState {
        let leader = slots.iter().find(|slot| slot.in_isr).map(|slot| Leader {
            node: slot.node,
            broker_epoch: slot.broker_epoch,
        });
        let mut isr: NodeList = slots.iter().filter(|slot| slot.in_isr).map(|slot| slot.node).collect();
        isr.sort_unstable();
        PartitionState {
            create_index,
            partition_epoch: 0,
            leader_epoch: 0,
            leader,
            isr,
            elr: NodeList::new(),
            last_known_elr: NodeList::new(),
            min_isr,
            recovering: false,
            unclean_epoch: -1,
            replicas: slots
                .iter()
                .map(|slot| Replica {
                    node: slot.node,
                    storage_id: slot.storage_id,
                })
                .collect(),
            adding: NodeList::new(),
            removing: NodeList::new(),
        }
    }

    pub fn replica(&self, node: i32) -> Option<&Replica> {
        self.replicas.iter().find(|replica| replica.node == node)
    }

    /// Node ids, preferred leader first.
    pub fn replica_nodes(&self) -> Vec<i32> {
        self.replicas.iter().map(|replica| replica.node).collect()
    }

    pub fn is_reassigning(&self) -> bool {
        !self.adding.is_empty() || !self.removing.is_empty()
    }
}

/// What holds of every state that a shard's record may bring, whatever was before (invariant I9 of the replication
/// design).
pub(super) fn check_state(state: &PartitionState) -> Result<(), String> {
    let is_replica = |node: &i32| state.replica(*node).is_some();
    let leader_node = state.leader.map(|leader| leader.node);
    let rules = [
        (state.partition_epoch > 0, "epoch 0 is the initial state's"),
        (state.leader_epoch >= 0, "leader epochs count from 0"),
        (
            state.isr.iter().chain(&state.elr).all(is_replica),
            "ISR and ELR are replicas",
        ),
        (
            !state.elr.iter().any(|node| state.isr.contains(node)),
            "ISR and ELR are disjoint",
        ),
        (
            state.isr.len() < usize::from(state.min_isr) || state.elr.is_empty(),
            "a full ISR leaves no ELR",
        ),
        (
            leader_node.is_none_or(|node| state.isr.contains(&node)),
            "the leader is in the ISR",
        ),
        (
            state.unclean_epoch <= state.leader_epoch,
            "an unclean election begins a leader epoch",
        ),
    ];
    match rules.iter().find(|(holds, _)| !holds) {
        Some((_, broken)) => Err(format!("{broken}: {state:?}")),
        None => Ok(()),
    }
}

/// What may follow what (invariant I8).
pub(super) fn check_successor(before: &PartitionState, after: &PartitionState) -> Result<(), String> {
    let slots_changed = before.replicas != after.replicas;
    let new_epoch = after.leader_epoch > before.leader_epoch;
    let unclean_now = after.unclean_epoch != before.unclean_epoch;
    let rules = [
        (after.create_index == before.create_index, "it is another partition"),
        (
            after.partition_epoch == before.partition_epoch + 1,
            "partition epochs are dense",
        ),
        (
            after.leader_epoch >= before.leader_epoch,
            "leader epochs never decrease",
        ),
        (
            new_epoch || (before.leader == after.leader && !slots_changed),
            "another leader or replica has a new leader epoch",
        ),
        (
            !unclean_now || (new_epoch && after.unclean_epoch == after.leader_epoch),
            "only the epoch that begins can be unclean",
        ),
        (
            !after.recovering || before.recovering || unclean_now,
            "only an unclean leader recovers",
        ),
    ];
    match rules.iter().find(|(holds, _)| !holds) {
        Some((_, broken)) => Err(format!("{broken}: {before:?} then {after:?}")),
        None => check_state(after),
    }
}
