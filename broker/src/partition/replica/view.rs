//! What the replica keeps of the partition's state, in a form that costs nothing to ask: nodes are numbered by their
//! slot in the replica list, and sets of them are bits.

use uuid::Uuid;

use crate::metadata::records::{Leader, PartitionState};

/// A set of slots.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Slots(u64);

/// Slots are bits of one word.
pub const REPLICAS_MAX: usize = u64::BITS as usize;

impl Slots {
    pub fn one(slot: usize) -> Slots {
        Slots(1 << slot)
    }

    pub fn contains(self, slot: usize) -> bool {
        self.0 & (1 << slot) != 0
    }

    pub fn union(self, other: Slots) -> Slots {
        Slots(self.0 | other.0)
    }

    pub fn without(self, other: Slots) -> Slots {
        Slots(self.0 & !other.0)
    }

    pub fn len(self) -> usize {
        self.0.count_ones() as usize
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Slot {
    pub node: i32,
    pub storage_id: Uuid,
}

/// The newest state of the partition that this replica was told.
#[derive(Clone, Debug)]
pub(super) struct View {
    /// −1: none yet.
    pub partition_epoch: i32,
    pub leader_epoch: i32,
    pub leader: Option<Leader>,
    pub slots: Vec<Slot>,
    pub isr: Slots,
    pub min_isr: usize,
    pub recovering: bool,
    /// −1: no election was unclean.
    pub unclean_epoch: i32,
}

impl View {
    pub fn none() -> View {
        View {
            partition_epoch: -1,
            leader_epoch: -1,
            leader: None,
            slots: Vec::new(),
            isr: Slots::default(),
            min_isr: 1,
            recovering: false,
            unclean_epoch: -1,
        }
    }

    /// Takes a newer state in.
    ///
    /// # Panics
    /// For more than [`REPLICAS_MAX`] replicas, which no decision makes.
    pub fn take(&mut self, state: &PartitionState) {
        assert!(state.replicas.len() <= REPLICAS_MAX, "too many replicas");
        self.slots.clear();
        self.slots.extend(state.replicas.iter().map(|replica| Slot {
            node: replica.node,
            storage_id: replica.storage_id,
        }));
        self.partition_epoch = state.partition_epoch;
        self.leader_epoch = state.leader_epoch;
        self.leader = state.leader;
        self.isr = self.slots_of(&state.isr);
        self.min_isr = usize::from(state.min_isr);
        self.recovering = state.recovering;
        self.unclean_epoch = state.unclean_epoch;
    }

    pub fn slot_of(&self, node: i32) -> Option<usize> {
        self.slots.iter().position(|slot| slot.node == node)
    }

    fn slots_of(&self, nodes: &[i32]) -> Slots {
        nodes
            .iter()
            .filter_map(|node| self.slot_of(*node))
            .fold(Slots::default(), |slots, slot| slots.union(Slots::one(slot)))
    }
}
