//! What happens to brokers and their disks, and what operators wish.

use super::{
    Met,
    cluster::{Cluster, KEY, NODES},
};
use crate::metadata::{
    Wish,
    decide::{AlterConfigs, ChangeBroker, ConfigChange, ConfigOp, Registration, Resource},
    shard::{AlterReassignments, ShardWish},
};

impl Cluster {
    /// A new process on the disk of before; what it has seen of the shard's log may be less than its predecessor had.
    pub(super) fn start(&mut self, node: i32) {
        let process = &mut self.processes[node as usize - 1];
        process.incarnation += 1;
        process.leads = None;
        process.seen = self.random.below(process.seen + 1);
        let registration = Registration {
            node,
            incarnation: process.incarnation,
            storage_id: process.storage_id(),
            endpoints: vec![],
            rack: None,
            features: vec![],
        };
        self.ask_root(Wish::RegisterBroker(registration));
        let epoch = self.root().broker(node).map(|broker| broker.broker_epoch);
        self.processes[node as usize - 1].broker_epoch = epoch;
    }

    pub(super) fn restart(&mut self, node: i32, met: &mut Met) {
        met.restarts += 1;
        self.start(node);
    }

    /// A disk is lost, but never the last one that is known to hold everything. The shard's leader hears of it at once: until
    /// then it might let the last one go, as it would with any two failures at a time.
    pub(super) fn wipe(&mut self, node: i32, met: &mut Met) {
        let state = self.state();
        let holds = |member: &&i32| {
            let process = &self.processes[**member as usize - 1];
            **member != node
                && state
                    .replica(**member)
                    .is_some_and(|slot| slot.storage_id == process.storage_id())
        };
        if !state.isr.iter().chain(&state.elr).any(|member| holds(&member)) {
            return;
        }
        met.wipes += 1;
        // Its predecessor is no more: nobody needs to wait for its session.
        self.set_broker(node, None, Some(true));
        let storage = self.new_disk();
        let process = &mut self.processes[node as usize - 1];
        process.storage = storage;
        process.seen = 0;
        self.start(node);
        self.shard_leaders[self.shard_leader].1 = self.roots.len() - 1;
        self.run_shard(met);
    }

    pub(super) fn set_broker(&mut self, node: i32, fenced: Option<bool>, in_controlled_shutdown: Option<bool>) {
        let broker_epoch = self.root().broker(node).map_or(0, |broker| broker.broker_epoch);
        self.ask_root(Wish::ChangeBroker(ChangeBroker {
            node,
            broker_epoch,
            fenced,
            in_controlled_shutdown,
        }));
    }

    pub(super) fn change_min_isr(&mut self, met: &mut Met) {
        met.min_isr_changes += 1;
        let change = ConfigChange {
            key: "min.insync.replicas".into(),
            op: ConfigOp::Set,
            value: Some((1 + self.random.below(3)).to_string()),
        };
        self.ask_root(Wish::AlterConfigs(AlterConfigs {
            resources: vec![(Resource::Topic("t".into()), vec![change])],
            validate_only: false,
        }));
    }

    pub(super) fn reassign(&mut self, met: &mut Met) {
        let first = self.random.below(NODES as usize) as i32;
        let count = 1 + self.random.below(4) as i32;
        let nodes = (0..count).map(|at| 1 + (first + at) % NODES).collect();
        let cancels = self.random.below(3) == 0;
        let was_reassigning = self.state().is_reassigning();
        let wish = ShardWish::AlterReassignments(AlterReassignments {
            partitions: vec![(KEY, (!cancels).then_some(nodes))],
            allow_replication_factor_change: true,
        });
        self.ask_shard(wish, met);
        if cancels && was_reassigning && !self.state().is_reassigning() {
            met.cancelled += 1;
        }
    }
}
