//! Writes of a node's journals: each takes its time, and is reported when it is durable.

use corelane_broker::partition::replica;

use super::{
    event_loop::{Cluster, JOURNALS},
    events::Event,
    node::{Held, Write},
    replica_log::Batch,
    spread,
};

impl Cluster {
    pub(super) fn submit(&mut self, node: usize, journal: usize, write: Write) {
        self.nodes[node].journals[journal].submit(write);
        self.plan_completion(node, journal);
    }

    fn plan_completion(&mut self, node: usize, journal: usize) {
        let now = self.now();
        let place = &mut self.nodes[node];
        if place.journals[journal].busy || place.journals[journal].pending() == 0 {
            return;
        }
        place.journals[journal].busy = true;
        let disk = &self.plan.disk;
        let mut takes = spread(&mut self.random, disk.write_min, disk.write_max);
        if !self.healed && disk.slow > 0 && self.random.chance(disk.slow, 1000) {
            takes *= 100;
        }
        let (at, life) = ((now + takes).max(place.stalled_until), place.life);
        self.timeline.plan(at, Event::Written { node, life, journal });
    }

    /// One flush may take one write or all that came meanwhile.
    pub(super) fn on_written(&mut self, node: usize, journal: usize) {
        let pending = self.nodes[node].journals[journal].pending() as u64;
        self.nodes[node].journals[journal].busy = false;
        for _ in 0..=self.random.below(pending.max(1)) {
            if self.crashes_at_write(node) {
                return;
            }
            let place = &mut self.nodes[node];
            let Some(write) = place.journals[journal].complete() else {
                break;
            };
            place.disk.apply(&write);
            while let Some(Held { to, packet }) = self.nodes[node].journals[journal].release() {
                self.send(node, to, packet);
            }
            match write {
                Write::Group { group, persist, .. } => self.on_group_persisted(node, group, persist.number),
                Write::Replica {
                    partition,
                    made,
                    persist,
                    ..
                } => {
                    let host = self.nodes[node].replicas[partition].as_ref();
                    if host.is_some_and(|host| host.log.made == made) {
                        let input = replica::Input::Persisted(persist.number);
                        self.step_replica(node, partition, input, &Batch::default());
                    }
                }
            }
        }
        self.plan_completion(node, journal);
    }

    /// A disk that stalled goes on.
    pub(super) fn finish_writes(&mut self, n: usize) {
        let (now, life) = (self.now(), self.nodes[n].life);
        for journal in 0..JOURNALS {
            self.timeline.plan(now, Event::Written { node: n, life, journal });
        }
    }
}
