//! A node as a broker: it registers each life anew, tells root that it lives, and shuts down in order if asked to.

use corelane_broker::{
    metadata::{
        Wish,
        decide::{Heartbeat, Registration},
    },
    partition::replica::Input,
};
use corelane_protocol::error_code::ErrorCode;
use uuid::Uuid;

use super::{
    event_loop::Cluster,
    events::Event,
    marks::Mark,
    packet::{Ask, Packet, Reply},
    replica_log::Batch,
    timeline::Micros,
};

#[derive(Clone, Debug, Default)]
pub struct Broker {
    /// Counts the lives of this disk.
    pub incarnation: u64,
    /// Of this life's own registration.
    pub epoch: Option<u64>,
    /// By shard: what was committed when this life began; older views are not to be led by.
    pub catch_up: Vec<usize>,
    /// Shuts down in order, at the latest then.
    pub leaves_by: Option<Micros>,
    /// How long it stays away then.
    pub down: Micros,
}

impl Cluster {
    pub(super) fn start_broker(&mut self, n: usize) {
        let logs = self.plan.logs();
        if self.plan.has_groups() {
            self.start_machines(n);
        } else {
            self.restart_views(n);
        }
        let ends = (1..logs).map(|log| self.history.end(log)).collect();
        let node = &mut self.nodes[n];
        node.broker.incarnation += 1;
        node.broker.epoch = None;
        node.broker.leaves_by = None;
        node.broker.catch_up = ends;
        let life = node.life;
        self.tell_all(n);
        if !self.plan.has_groups() {
            self.look_soon(n);
        }
        let at = self.now() + self.random.below(self.plan.broker.beat);
        self.timeline.plan(at, Event::Beat { node: n, life });
    }

    pub(super) fn on_beat(&mut self, n: usize) {
        let node = &self.nodes[n];
        let life = node.life;
        let next = self.now() + self.plan.broker.beat;
        let wish = match node.broker.epoch {
            None => Wish::RegisterBroker(Registration {
                node: n as i32,
                incarnation: node.broker.incarnation,
                storage_id: Uuid::from_u128(node.storage_id),
                endpoints: Vec::new(),
                rack: None,
                features: Vec::new(),
            }),
            Some(broker_epoch) => {
                let ready = |(shard, end): (usize, &usize)| node.views.applied(1 + shard) >= *end;
                Wish::Heartbeat(Heartbeat {
                    node: n as i32,
                    broker_epoch,
                    root_applied_end: node.views.root.applied_end,
                    shards_ready: node.broker.catch_up.iter().enumerate().all(ready),
                    want_fence: false,
                    want_shutdown: node.broker.leaves_by.is_some(),
                })
            }
        };
        self.timeline.plan(next, Event::Beat { node: n, life });
        let packet = Packet::Ask {
            from: n,
            life,
            ask: Box::new(Ask::Root(wish)),
        };
        let controller = self.controller_seen_by(n, 0);
        self.send(n, controller, packet);
        self.leave_if_done(n);
    }

    pub(super) fn on_reply(&mut self, n: usize, reply: Result<Reply, ErrorCode>) {
        self.steps += 1;
        match reply {
            Ok(Reply::Registered { broker_epoch }) if self.nodes[n].broker.epoch.is_none() => {
                self.nodes[n].broker.epoch = Some(broker_epoch);
                let ends = (1..self.plan.logs()).map(|log| self.history.end(log)).collect();
                self.nodes[n].broker.catch_up = ends;
                for p in 0..self.topics.len() {
                    if self.nodes[n].replicas[p].is_some() {
                        self.step_replica(n, p, Input::Registered { broker_epoch }, &Batch::default());
                    }
                }
            }
            Ok(Reply::Beat { is_fenced: true }) => self.marks.hit(Mark::BrokerFenced),
            Ok(_) => {}
            // A late registration of another disk took the id over: this one asks for it again.
            Err(ErrorCode::STALE_BROKER_EPOCH) => {
                self.nodes[n].broker.epoch = None;
                self.marks.hit(Mark::BrokerRefused);
            }
            Err(ErrorCode::NOT_CONTROLLER) => self.marks.hit(Mark::WrongController),
            Err(_) => self.marks.hit(Mark::BrokerRefused),
        }
    }

    /// Controlled shutdown: root is told, the shards take leadership away, and then the process ends.
    pub(super) fn shut_down(&mut self, n: usize, down: Micros) {
        if self.nodes[n].up && self.nodes[n].broker.leaves_by.is_none() {
            let by = self.now() + self.plan.broker.shutdown_max;
            self.nodes[n].broker.leaves_by = Some(by);
            self.nodes[n].broker.down = down;
        }
    }

    fn leave_if_done(&mut self, n: usize) {
        let Some(by) = self.nodes[n].broker.leaves_by else {
            return;
        };
        let leads = (0..self.topics.len()).any(|p| {
            let state = self.seen_state(n, p);
            state
                .and_then(|state| state.leader)
                .is_some_and(|leader| leader.node == n as i32)
        });
        let me = self.nodes[n].views.root.broker(n as i32);
        let in_shutdown = me.is_some_and(|me| me.in_controlled_shutdown);
        if (in_shutdown && !leads) || self.now() >= by {
            if in_shutdown && !leads {
                self.marks.hit(Mark::ShutDownInOrder);
            }
            let down = self.nodes[n].broker.down;
            self.kill(n, down);
        }
    }
}
