//! The end of a walk: no faults any more, and in time all replicas must be in sync and equal.

use super::{walk::Walk, world::Body, *};

impl Walk {
    /// No faults any more: in time all replicas are in sync and equal.
    pub(super) fn heal(&mut self) {
        self.world.window = 10;
        for node in 0..self.world.nodes.len() {
            self.restart(node);
            let broker_epoch = self.world.nodes[node].broker_epoch;
            self.controller.change_root(|root| {
                let broker = &mut root.brokers[node];
                broker.fenced = broker.broker_epoch != broker_epoch;
            });
        }
        for round in 0..60 {
            // What no leader has stays in a follower's log until something else stands there.
            if round == 50 {
                (0..self.world.nodes.len()).for_each(|node| self.produce(node));
            }
            self.controller.seen = self.controller.roots.len() - 1;
            self.controller.reconcile(&mut self.world, None, 0);
            self.world.now += ms(100);
            for node in 0..self.world.nodes.len() {
                let newest = self.world.states.len() - 1;
                if self.world.nodes[node].view < newest {
                    self.world.tell(node, newest);
                }
                self.world.input(node, Input::Tick, &[]);
            }
            self.settle();
        }
        self.check_healed();
    }

    fn settle(&mut self) {
        for _ in 0..1_000 {
            for node in 0..self.world.nodes.len() {
                while self.world.nodes[node].writes() > 0 {
                    self.world.flush(node);
                }
            }
            if self.world.net.is_empty() || self.world.failure.is_some() {
                return;
            }
            let packet = self.world.net.remove(0);
            match packet.body {
                Body::Alter(_) => self.alter(packet),
                _ => self.world.receive(packet),
            }
        }
        self.world.fail("messages go on for ever");
    }

    fn check_healed(&mut self) {
        let newest = self.world.states.last().expect("there is a first").clone();
        let Some(leader) = newest.leader else {
            return self.world.fail(format!("nobody leads after healing: {newest:?}"));
        };
        let log = self.world.nodes[leader.node as usize].log.clone();
        let end = log.end();
        if newest.isr.len() != self.world.nodes.len() {
            return self
                .world
                .fail(format!("not all are in sync after healing: {newest:?}"));
        }
        for node in 0..self.world.nodes.len() {
            let replica = self.world.nodes[node].replica.as_ref().expect("all are up");
            let (own_end, high_watermark) = (replica.end(), replica.high_watermark());
            let start = log.start.max(self.world.nodes[node].log.start);
            let same = own_end == end && self.world.nodes[node].log.slice(start, end) == log.slice(start, end);
            if !same || high_watermark != end {
                self.world.fail(format!(
                    "node {node} ends at {own_end} with high watermark {high_watermark}, the leader at {end}"
                ));
            }
        }
    }
}
