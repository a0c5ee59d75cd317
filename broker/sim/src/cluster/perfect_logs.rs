//! Logs without raft below: what a controller proposes is committed at once, as the next entry of a linear history. So
//! groups are perfect here, and what is tried is everything that is built on them.
//!
//! Every node sees each log with a lag of its own, and so does a shard's controller see root. A controller may move to
//! another node at any time; the new one knows nothing but what is committed.

use std::sync::Arc;

use corelane_broker::metadata::{RootImage, controller::Standing, records};

use super::{
    controllers::{Controller, Images, Step},
    event_loop::Cluster,
    events::Event,
    marks::Mark,
    spread,
    timeline::{MILLISECOND, Micros},
};

/// Whose controller decides a log's next entry.
#[derive(Clone, Copy, Debug)]
pub struct Seat {
    pub node: usize,
    /// Of the node: what a controller knows dies with its process.
    life: u32,
    term: u32,
}

/// How much of each log a node sees.
#[derive(Clone, Debug)]
pub struct Lags {
    /// By log: a restart may show anything from here to what was applied; commits are learnt anew.
    floor: Vec<usize>,
    /// A look is planned.
    planned: Vec<bool>,
    /// Nothing is applied before.
    pub blind_until: Micros,
}

impl Lags {
    pub fn new(logs: usize) -> Lags {
        Lags {
            floor: vec![0; logs],
            planned: vec![false; logs],
            blind_until: 0,
        }
    }
}

impl Cluster {
    pub(super) fn new_seat(&mut self, log: usize, node: usize, term: u32) {
        let life = self.nodes[node].life;
        let seat = Seat { node, life, term };
        if self.seats.len() == log {
            self.seats.push(seat);
        } else {
            let before = std::mem::replace(&mut self.seats[log], seat);
            self.nodes[before.node].controllers[log] = None;
            self.marks.hit(Mark::ControllerMoved);
        }
        self.nodes[node].controllers[log] = Some(Controller::new(node, log, &self.plan));
        let standing = Standing {
            term,
            leader: Some(node as i32),
            is_leader: true,
            is_ready: true,
        };
        self.step_controller(node, log, Step::Stand(standing));
    }

    /// A controller on a node that does not run is replaced after a while; a healthy one now and then too.
    pub(super) fn on_seats(&mut self) {
        let next = self.now() + self.random.between(100, 600) * MILLISECOND;
        self.timeline.plan(next, Event::Seats);
        for log in 0..self.plan.logs() {
            let Seat { node, life, term } = self.seats[log];
            let gone = self.nodes[node].life != life || !self.is_running(node);
            if gone || (!self.healed && self.random.chance(self.plan.broker.controller_moves, 100)) {
                let node = self.random.below(self.nodes.len() as u64) as usize;
                if self.is_running(node) {
                    self.new_seat(log, node, term + 1);
                }
            }
        }
    }

    /// The newest of its own log; root as far as it was seen.
    pub(super) fn perfect_images(&self, log: usize) -> Images {
        match log.checked_sub(1) {
            None => Images {
                root: self.history.root().clone(),
                shard: None,
            },
            Some(shard) => Images {
                root: self.seen_root(shard).clone(),
                shard: Some(self.history.shard(shard).clone()),
            },
        }
    }

    fn seen_root(&self, shard: usize) -> &Arc<RootImage> {
        &self.history.roots[self.history.shards[shard].root_seen]
    }

    /// A shard's controller takes in a newer root image.
    pub(super) fn on_controller_look(&mut self, shard: usize) {
        let end = self.history.end(0);
        let seen = self.history.shards[shard].root_seen;
        if seen >= end {
            return;
        }
        let seen = seen + 1 + self.random.below((end - seen) as u64) as usize;
        self.history.shards[shard].root_seen = seen;
        self.steps += 1;
        if seen < end {
            self.plan_controller_look(shard);
        }
        self.wake_controller(self.seats[1 + shard].node, 1 + shard);
    }

    pub(super) fn plan_controller_look(&mut self, shard: usize) {
        let at = self.now() + self.draw_lag();
        self.timeline.plan(at, Event::ControllerLook { shard });
    }

    /// The next entry of a log: committed, and seen by everybody sooner or later.
    pub(super) fn commit_at_once(&mut self, n: usize, log: usize, value: &[u8]) {
        let (index, term) = (self.history.end(log) as u64, self.seats[log].term);
        self.steps += 1;
        let made = match records::decode(value) {
            Ok(made) => made,
            Err(error) => return self.judge("records", Err(error.to_string())),
        };
        let now = self.now();
        self.trace
            .event(now, self.steps, n, 7 << 40 | (log as u64) << 32 | index, || {
                format!("log {log} entry {index} of term {term}: {made:?}")
            });
        if let Err(what) = self.commit(log, index, term, &made) {
            return self.judge("I8/I9", Err(what));
        }
        for n in 0..self.nodes.len() {
            self.plan_look(n, log);
        }
        if log == 0 {
            for shard in 0..self.plan.shards {
                self.plan_controller_look(shard);
            }
        }
        self.step_controller(n, log, Step::Applied { index, term });
    }

    pub(super) fn draw_lag(&mut self) -> Micros {
        let broker = &self.plan.broker;
        let (most, long) = (broker.lag_max, broker.long_lag);
        let lag = spread(&mut self.random, 50, most);
        if !self.healed && long > 0 && self.random.chance(long, 1000) {
            lag * 30
        } else {
            lag
        }
    }

    pub(super) fn plan_look(&mut self, n: usize, log: usize) {
        let node = &self.nodes[n];
        if !node.up || node.lags.planned[log] {
            return;
        }
        let (life, blind_until) = (node.life, node.lags.blind_until);
        let at = (self.now() + self.draw_lag()).max(blind_until);
        self.nodes[n].lags.planned[log] = true;
        self.timeline.plan(at, Event::Look { node: n, life, log });
    }

    /// The node applies some more entries of a log.
    pub(super) fn on_look(&mut self, n: usize, log: usize) {
        let (now, end) = (self.now(), self.history.end(log));
        self.nodes[n].lags.planned[log] = false;
        if now < self.nodes[n].lags.blind_until {
            return self.plan_look(n, log);
        }
        let from = self.nodes[n].views.applied(log);
        if from >= end {
            return;
        }
        let to = from + 1 + self.random.below((end - from) as u64) as usize;
        let keeps = self.random.chance(1, 4);
        self.show(n, log, to);
        if keeps {
            self.nodes[n].lags.floor[log] = to;
        }
        self.steps += 1;
        let now = self.now();
        self.trace
            .event(now, self.steps, n, 6 << 40 | (log as u64) << 32 | to as u64, || {
                format!("applies log {log} up to {to} of {end}")
            });
        self.tell_changes(n, log, from, to);
        if to < end {
            self.plan_look(n, log);
        }
    }

    /// Views begin anew somewhere between what is kept for sure and what was applied before.
    pub(super) fn restart_views(&mut self, n: usize) {
        for log in 0..self.plan.logs() {
            let node = &self.nodes[n];
            let (floor, applied) = (node.lags.floor[log], node.views.applied(log));
            let kept = floor + self.random.below((applied - floor) as u64 + 1) as usize;
            if kept < applied {
                self.marks.hit(Mark::RestartedWithOlderView);
            }
            self.show(n, log, kept);
            self.nodes[n].lags.planned[log] = false;
        }
    }

    /// What the log was after so many entries is what the node sees now.
    fn show(&mut self, n: usize, log: usize, end: usize) {
        let views = &mut self.nodes[n].views;
        match log.checked_sub(1) {
            None => views.root = self.history.roots[end].clone(),
            Some(shard) => views.shards[shard] = self.history.shards[shard].images[end].clone(),
        }
    }

    /// After the heal, whoever was far behind looks now.
    pub(super) fn look_soon(&mut self, n: usize) {
        for log in 0..self.plan.logs() {
            self.nodes[n].lags.planned[log] = false;
            self.plan_look(n, log);
        }
    }
}
