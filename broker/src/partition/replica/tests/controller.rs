//! A controller for the tests: brokers register and are fenced in one history, the partition's states are another, and
//! the controller acts on an older view of the first. The rules are those of the design's shard controller, short.

use super::{world::World, *};

#[derive(Clone, Debug)]
pub struct Broker {
    pub broker_epoch: u64,
    pub storage_id: Uuid,
    pub fenced: bool,
}

/// The brokers as the root log has them at one index, and the topic's min ISR.
#[derive(Clone, Debug)]
pub struct Root {
    pub brokers: Vec<Broker>,
    pub min_isr: u16,
}

pub struct Controller {
    pub roots: Vec<Root>,
    /// How far it has read.
    pub seen: usize,
    /// Off: disks are not looked at, as by a replica without that rule.
    pub storage_checked: bool,
}

impl Controller {
    pub fn new(world: &World) -> Controller {
        let brokers = world.nodes.iter().map(|node| Broker {
            broker_epoch: node.broker_epoch,
            storage_id: node.disk.storage_id,
            fenced: false,
        });
        Controller {
            roots: vec![Root {
                brokers: brokers.collect(),
                min_isr: world.states[0].min_isr,
            }],
            seen: 0,
            storage_checked: true,
        }
    }

    pub fn newest(&self) -> &Root {
        self.roots.last().expect("there is a first")
    }

    pub fn change_root(&mut self, change: impl FnOnce(&mut Root)) {
        let mut root = self.newest().clone();
        change(&mut root);
        self.roots.push(root);
    }

    /// Looks at everything again: who is fenced leaves the ISR, whose disk was wiped holds nothing any more. `force` is
    /// to lead if it may; `first` is tried first otherwise.
    pub fn reconcile(&self, world: &mut World, force: Option<i32>, first: usize) {
        let held = world.states.last().expect("there is a first");
        let root = &self.roots[self.seen];
        let wiped: Vec<i32> = held
            .replicas
            .iter()
            .filter(|slot| self.storage_checked && root.brokers[slot.node as usize].storage_id != slot.storage_id)
            .map(|slot| slot.node)
            .collect();
        let isr = held.isr.iter().copied();
        let isr = isr.filter(|node| !root.brokers[*node as usize].fenced).collect();
        self.change(world, isr, &wiped, force, first, root.min_isr);
    }

    /// Answers a proposal: the number of the state that came of it, or None for a refusal.
    pub fn alter(&self, world: &mut World, from: usize, alter: &AlterPartition) -> Option<usize> {
        let held = world.states.last().expect("there is a first");
        let root = &self.roots[self.seen];
        let asked = Led {
            node: from as i32,
            broker_epoch: alter.broker_epoch,
        };
        let joins = |node: i32, storage_id: Uuid| {
            let broker = &root.brokers[node as usize];
            let slot = held.replica(node).expect("every node is a replica");
            let same_disk = broker.storage_id == storage_id && slot.storage_id == storage_id;
            held.isr.contains(&node) || (!broker.fenced && (same_disk || !self.storage_checked))
        };
        let same_isr = alter.new_isr.iter().map(|(node, _)| node).eq(&held.isr);
        let valid = held.leader_epoch == alter.leader_epoch
            && held.partition_epoch == alter.partition_epoch
            && held.leader == Some(asked)
            && alter.new_isr.iter().any(|(node, _)| *node == from as i32)
            && alter.new_isr.iter().all(|(node, storage_id)| joins(*node, *storage_id))
            && (!held.recovering || alter.new_isr.len() == 1);
        if !valid {
            return None;
        }
        if alter.recovered || same_isr {
            let mut next = held.clone();
            next.recovering &= !alter.recovered;
            next.partition_epoch += 1;
            world.states.push(next);
        } else {
            let isr = alter.new_isr.iter().map(|(node, _)| *node).collect();
            let min_isr = held.min_isr;
            self.change(world, isr, &[], None, from, min_isr);
        }
        Some(world.states.len() - 1)
    }

    fn change(
        &self,
        world: &mut World,
        mut isr: Vec<i32>,
        wiped: &[i32],
        force: Option<i32>,
        first: usize,
        min_isr: u16,
    ) {
        let held = world.states.last().expect("there is a first");
        let brokers = &self.roots[self.seen].brokers;
        isr.retain(|node| !wiped.contains(node));
        isr.sort_unstable();
        let mut next = held.clone();
        next.min_isr = min_isr;
        next.elr = if isr.len() >= usize::from(min_isr) {
            NodeList::new()
        } else {
            let mut elr: NodeList = held.elr.iter().chain(&held.isr).copied().collect();
            elr.retain(|node| !isr.contains(node) && !wiped.contains(node));
            elr.sort_unstable();
            elr.dedup();
            elr
        };
        for slot in &mut next.replicas {
            if self.storage_checked {
                slot.storage_id = brokers[slot.node as usize].storage_id;
            }
        }
        let may_lead = |node: i32| {
            let candidate = isr.contains(&node) || isr.is_empty() && next.elr.contains(&node);
            candidate && !brokers[node as usize].fenced
        };
        let stays = held.leader.is_some_and(|leader| {
            let broker_epoch = brokers[leader.node as usize].broker_epoch;
            force.is_none() && may_lead(leader.node) && broker_epoch == leader.broker_epoch
        });
        if !stays {
            let count = brokers.len();
            let others = (0..count).map(|node| ((first + node) % count) as i32);
            let elected = force.into_iter().chain(others).find(|node| may_lead(*node));
            next.leader = elected.map(|node| Led {
                node,
                broker_epoch: brokers[node as usize].broker_epoch,
            });
            if elected.is_some() || held.leader.is_some() {
                next.leader_epoch += 1;
            }
            if let Some(node) = elected
                && !isr.contains(&node)
            {
                isr = vec![node];
                next.elr.retain(|member| *member != node);
                if min_isr <= 1 {
                    next.elr.clear();
                }
            }
        }
        next.isr = isr.into();
        // A changed disk alone does not begin a new epoch here, as it would in the design (REPLICATION §4): what keeps
        // the data then is that the leader forgets the follower's progress, and the walk is to show that it does.
        if next != *held {
            next.partition_epoch += 1;
            world.states.push(next);
        }
    }
}

/// A state in a line.
pub fn describe(state: &PartitionState) -> String {
    let leader = state.leader.map_or("nobody".into(), |leader| leader.node.to_string());
    let unclean = match state.unclean_epoch {
        -1 => String::new(),
        epoch => format!(", unclean since {epoch}"),
    };
    let recovering = if state.recovering { ", recovering" } else { "" };
    format!(
        "state {}: epoch {}, leader {leader}, isr {:?}, elr {:?}, min {}{unclean}{recovering}",
        state.partition_epoch, state.leader_epoch, state.isr, state.elr, state.min_isr
    )
}
