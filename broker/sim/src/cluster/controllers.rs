//! The controllers of root and shards: the real ones, each on a node. What they propose is committed at once, as the next
//! entry of a linear history; so groups are perfect here, and what is tried is everything that is built on them.
//!
//! A shard's controller sees root with a lag of its own. A controller may move to another node at any time; the new one
//! knows nothing but what is committed.

use std::{sync::Arc, time::Duration};

use corelane_broker::metadata::{
    Answer, RootImage, Wish, WishError,
    controller::{Environment, Input, Output, RootController, ShardController, Standing, Timing},
    records,
    shard::{ShardAnswer, ShardWish},
};
use corelane_protocol::error_code::ErrorCode;
use uuid::Uuid;

use super::{
    event_loop::{Cluster, Event},
    marks::Mark,
    packet::{Ask, Packet, Reply},
    timeline::{MILLISECOND, Micros},
};

/// One proposal takes what any wish here needs.
const PROPOSAL_BYTES_MAX: usize = 1 << 20;
/// A controller is woken no more often.
const TIMER: Micros = MILLISECOND;

pub struct Controller {
    pub node: usize,
    /// Of the node: what a controller knows dies with its process.
    life: u32,
    pub term: u32,
    kind: Kind,
    /// Whom to answer, by the id of the wish.
    asked: Vec<(u64, Asker)>,
    round_planned: bool,
    wake_at: Micros,
}

enum Kind {
    Root(Box<RootController>),
    Shard(Box<ShardController>),
}

/// Where an answer goes.
#[derive(Clone, Copy, Debug)]
enum Asker {
    /// Nobody waits: the operator looks at the cluster himself.
    Operator,
    Broker {
        node: usize,
        life: u32,
    },
    Leader {
        node: usize,
        life: u32,
        partition: usize,
        leader_epoch: i32,
        partition_epoch: i32,
    },
}

/// What a wish is for.
pub enum Wished {
    Root(Wish),
    Shard(ShardWish),
}

impl std::fmt::Debug for Controller {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "controller at n{} in term {}", self.node, self.term)
    }
}

impl Cluster {
    pub(super) fn new_controller(&mut self, log: usize, node: usize, term: u32) {
        let timing = Timing {
            session_timeout: Duration::from_micros(self.plan.broker.session),
            balance_interval: self.plan.broker.balance_every.map(Duration::from_micros),
            proposal_bytes_max: PROPOSAL_BYTES_MAX,
        };
        let rules = self.plan.rules.metadata;
        let kind = match log {
            0 => Kind::Root(Box::new(RootController::new(node as i32, &timing, rules))),
            _ => Kind::Shard(Box::new(ShardController::new(
                node as i32,
                log as u16 - 1,
                &timing,
                rules,
            ))),
        };
        let controller = Controller {
            node,
            life: self.nodes[node].life,
            term,
            kind,
            asked: Vec::new(),
            round_planned: false,
            wake_at: Micros::MAX,
        };
        if self.controllers.len() == log {
            self.controllers.push(controller);
        } else {
            self.controllers[log] = controller;
            self.marks.hit(Mark::ControllerMoved);
        }
        let standing = Standing {
            term,
            leader: Some(node as i32),
            is_leader: true,
            is_ready: true,
        };
        self.step_controller(log, Step::Stand(standing));
    }

    /// A controller on a node that does not run is replaced after a while; a healthy one now and then too.
    pub(super) fn on_controllers(&mut self) {
        let next = self.now() + self.random.between(100, 600) * MILLISECOND;
        self.timeline.plan(next, Event::Controllers);
        for log in 0..self.plan.logs() {
            let held = &self.controllers[log];
            let (gone, term) = (!self.runs(log), held.term);
            if gone || (!self.healed && self.random.chance(self.plan.broker.controller_moves, 100)) {
                let node = self.random.below(self.nodes.len() as u64) as usize;
                if self.is_running(node) {
                    self.new_controller(log, node, term + 1);
                }
            }
        }
    }

    /// A request arrived at a node.
    pub(super) fn on_ask(&mut self, n: usize, from: usize, life: u32, ask: Ask) {
        let (log, asker, wished) = match ask {
            Ask::Root(wish) => (0, Asker::Broker { node: from, life }, Wished::Root(wish)),
            Ask::AlterPartition { partition, wish } => {
                let change = &wish.partitions[0];
                let asker = Asker::Leader {
                    node: from,
                    life,
                    partition,
                    leader_epoch: change.leader_epoch,
                    partition_epoch: change.partition_epoch,
                };
                let log = 1 + self.topics.partitions[partition].shard;
                (log, asker, Wished::Shard(ShardWish::AlterPartition(wish)))
            }
        };
        self.steps += 1;
        let held = &self.controllers[log];
        if held.node != n || held.life != self.nodes[n].life {
            self.answer(n, asker, Err(ErrorCode::NOT_CONTROLLER));
            return;
        }
        self.wish(log, asker, wished);
    }

    /// The operator's wish, at the controller itself.
    pub(super) fn operate(&mut self, log: usize, wished: Wished) {
        if self.runs(log) {
            self.steps += 1;
            self.wish(log, Asker::Operator, wished);
        }
    }

    fn wish(&mut self, log: usize, asker: Asker, wished: Wished) {
        let id = self.fresh_id();
        self.controllers[log].asked.push((id, asker));
        self.step_controller(log, Step::Asked(id, wished));
    }

    pub(super) fn on_controller_wake(&mut self, log: usize) {
        let now = self.now();
        if self.controllers[log].wake_at > now || self.waits_for_node(log, Event::ControllerWake { log }) {
            return;
        }
        self.controllers[log].wake_at = Micros::MAX;
        self.step_controller(log, Step::Tick);
    }

    pub(super) fn on_round(&mut self, log: usize) {
        if self.waits_for_node(log, Event::Round { log }) {
            return;
        }
        self.controllers[log].round_planned = false;
        self.step_controller(log, Step::Propose);
    }

    /// Is the controller's process alive, and not paused?
    fn runs(&self, log: usize) -> bool {
        let held = &self.controllers[log];
        held.life == self.nodes[held.node].life && self.is_running(held.node)
    }

    /// A controller that does not run: what happens to it waits until its node goes on, and ends with its process.
    fn waits_for_node(&mut self, log: usize, event: Event) -> bool {
        if self.runs(log) {
            return false;
        }
        let held = &self.controllers[log];
        let node = &mut self.nodes[held.node];
        if node.up && node.life == held.life {
            node.waiting.push_back(event);
        }
        true
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
        let log = 1 + shard;
        self.controllers[log].wake_at = self.now();
        self.on_controller_wake(log);
    }

    pub(super) fn plan_controller_look(&mut self, shard: usize) {
        let at = self.now() + self.draw_lag();
        self.timeline.plan(at, Event::ControllerLook { shard });
    }

    fn step_controller(&mut self, log: usize, step: Step) {
        let now = self.nodes[self.controllers[log].node].clock.read(self.now());
        let index = self.history.end(log) as u64;
        let config_rules = self.config_rules.clone();
        let controller = &mut self.controllers[log];
        let term = controller.term;
        let (proposal, answers, wants_round, wake) = match &mut controller.kind {
            Kind::Root(root) => {
                let next_id = &mut self.next_id;
                let mut uuids = || {
                    *next_id += 1;
                    Uuid::from_u128(u128::from(*next_id).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835))
                };
                let mut environment = Environment {
                    config_rules: &*config_rules,
                    uuids: &mut uuids,
                };
                let mut output = Output::<Answer>::default();
                let image = self.history.root().clone();
                let result = root.step(now, step.root(index), &image, &mut environment, &mut output);
                let result = result.map_err(|error| error.to_string());
                let wants = root.wants_round(now, &image);
                let wake = root.next_wake();
                let answers = output.answers.into_iter();
                let answers = answers.map(|(id, answer)| (id, root_reply(answer))).collect::<Vec<_>>();
                (result.map(|()| output.proposal), answers, wants, wake)
            }
            Kind::Shard(shard) => {
                let mut output = Output::<ShardAnswer>::default();
                let seen = self.history.shards[log - 1].root_seen;
                let root: Arc<RootImage> = self.history.roots[seen].clone();
                let image = self.history.shard(log - 1).clone();
                let result = shard.step(now, step.shard(index), &root, &image, &*config_rules, &mut output);
                let result = result.map_err(|error| error.to_string());
                let wants = shard.wants_round();
                let wake = shard.next_wake();
                let answers = output.answers.into_iter();
                let answers = answers
                    .map(|(id, answer)| (id, shard_reply(answer)))
                    .collect::<Vec<_>>();
                (result.map(|()| output.proposal), answers, wants, wake)
            }
        };
        let proposal = match proposal {
            Ok(proposal) => proposal,
            Err(what) => return self.judge("a controller's decision", Err(what)),
        };
        for (id, reply) in answers {
            self.answer_id(log, id, reply);
        }
        if let Some(value) = proposal {
            self.commit(log, term, &value);
            self.step_controller(log, Step::Applied { index, term });
            return;
        }
        self.plan_controller(log, wants_round, wake);
    }

    fn plan_controller(&mut self, log: usize, wants_round: bool, wake: Option<Duration>) {
        let now = self.now();
        let controller = &mut self.controllers[log];
        if wants_round && !controller.round_planned {
            controller.round_planned = true;
            let at = now + self.random.below(self.plan.broker.round_delay_max);
            self.timeline.plan(at, Event::Round { log });
        }
        let controller = &mut self.controllers[log];
        // With a round to come, time has nothing to add.
        if let Some(due) = wake.filter(|_| !controller.round_planned) {
            let at = self.nodes[controller.node].clock.when(now, due).max(now + TIMER);
            if at < controller.wake_at {
                controller.wake_at = at;
                self.timeline.plan(at, Event::ControllerWake { log });
            }
        }
    }

    /// The next entry of a log: committed, and seen by everybody sooner or later.
    fn commit(&mut self, log: usize, term: u32, value: &[u8]) {
        let index = self.history.end(log) as u64;
        self.steps += 1;
        let made = match records::decode(value) {
            Ok(made) => made,
            Err(error) => return self.judge("records", Err(error.to_string())),
        };
        let now = self.now();
        let node = self.controllers[log].node;
        self.trace
            .event(now, self.steps, node, 7 << 40 | (log as u64) << 32 | index, || {
                format!("log {log} entry {index} of term {term}: {made:?}")
            });
        let applied = match log {
            0 => self.commit_root(index, term, &made),
            _ => self.commit_shard(log - 1, index, term, &made),
        };
        if let Err(what) = applied {
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
    }

    fn answer_id(&mut self, log: usize, id: u64, reply: Result<Reply, ErrorCode>) {
        let controller = &mut self.controllers[log];
        let node = controller.node;
        if let Some(place) = controller.asked.iter().position(|(asked, _)| *asked == id) {
            let (_, asker) = controller.asked.swap_remove(place);
            self.answer(node, asker, reply);
        }
    }

    fn answer(&mut self, from: usize, asker: Asker, reply: Result<Reply, ErrorCode>) {
        match asker {
            Asker::Operator => {}
            Asker::Broker { node, life } => {
                let packet = Packet::Reply { life, reply };
                self.send(from, node, packet);
            }
            Asker::Leader {
                node,
                life,
                partition,
                leader_epoch,
                partition_epoch,
            } => {
                let altered = match reply {
                    Ok(Reply::Altered(state)) => Ok(state),
                    Ok(_) => return self.judge("a controller's answer", Err("it names no state".into())),
                    Err(code) => Err(code),
                };
                let packet = Packet::AlterPartitionReply {
                    life,
                    partition,
                    leader_epoch,
                    partition_epoch,
                    altered,
                };
                self.send(from, node, packet);
            }
        }
    }
}

/// What a controller is stepped with; each kind has its own wishes.
enum Step {
    Stand(Standing),
    Asked(u64, Wished),
    Applied { index: u64, term: u32 },
    Propose,
    Tick,
}

impl Step {
    fn root(self, index: u64) -> Input<Wish> {
        self.input(index, |wished| match wished {
            Wished::Root(wish) => wish,
            Wished::Shard(_) => unreachable!("a shard's wish at root"),
        })
    }

    fn shard(self, index: u64) -> Input<ShardWish> {
        self.input(index, |wished| match wished {
            Wished::Shard(wish) => wish,
            Wished::Root(_) => unreachable!("root's wish at a shard"),
        })
    }

    fn input<W>(self, next: u64, wish: impl FnOnce(Wished) -> W) -> Input<W> {
        match self {
            Step::Stand(standing) => Input::Stand(standing),
            Step::Asked(id, wished) => Input::Asked { id, wish: wish(wished) },
            Step::Applied { index, term } => Input::Applied { index, term },
            Step::Propose => Input::Propose { index: next },
            Step::Tick => Input::Tick,
        }
    }
}

fn root_reply(answer: Result<Answer, WishError>) -> Result<Reply, ErrorCode> {
    match answer {
        Ok(Answer::Registered { broker_epoch }) => Ok(Reply::Registered { broker_epoch }),
        Ok(Answer::Heartbeat { is_fenced, .. }) => Ok(Reply::Beat { is_fenced }),
        Ok(_) => Ok(Reply::Done),
        Err(error) => Err(error.code),
    }
}

/// One partition is asked for at a time.
fn shard_reply(answer: Result<ShardAnswer, WishError>) -> Result<Reply, ErrorCode> {
    match answer {
        Ok(ShardAnswer::PartitionsAltered(altered)) => match altered.into_iter().next() {
            Some((_, Err(error))) => Err(error.code),
            Some((_, Ok(state))) => Ok(Reply::Altered(state)),
            None => Ok(Reply::Done),
        },
        Ok(_) => Ok(Reply::Done),
        Err(error) => Err(error.code),
    }
}
