//! The controllers of root and shards: the real ones, at the nodes that run them. They decide on the images that they are
//! given, and propose one entry at a time; where images come from and proposals go is the affair of the logs.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use corelane_broker::metadata::{
    Answer, ConfigRules, RootImage, ShardImage, Wish,
    controller::{Environment, Input, Output, RootController, ShardController, Standing, Timing},
    image::ApplyError,
    shard::{ShardAnswer, ShardWish},
};
use corelane_protocol::error_code::ErrorCode;
use uuid::Uuid;

use super::{
    alarm::Alarm,
    asking::{Asker, Wished, root_reply, shard_reply},
    event_loop::Cluster,
    events::Event,
    packet::Reply,
    plan::Plan,
    timeline::MILLISECOND,
};

/// One proposal takes what any wish here needs.
const PROPOSAL_BYTES_MAX: usize = 1 << 20;
/// A controller is woken no more often.
const TIMER: u64 = MILLISECOND;

pub struct Controller {
    kind: Kind,
    /// As it was told last.
    pub standing: Standing,
    /// The entry that was proposed and is not applied yet.
    pub proposed: Option<u64>,
    /// Whom to answer, by the id of the wish.
    pub asked: Vec<(u64, Asker)>,
    round_planned: bool,
    alarm: Alarm,
}

enum Kind {
    Root(Box<RootController>),
    Shard(Box<ShardController>),
}

/// What a controller decides on.
pub struct Images {
    pub root: Arc<RootImage>,
    /// Of its own shard.
    pub shard: Option<Arc<ShardImage>>,
}

/// What a controller is stepped with; each kind has its own wishes.
pub enum Step {
    Stand(Standing),
    Asked(u64, Wished),
    Applied { index: u64, term: u32 },
    Propose { index: u64 },
    Tick,
}

struct Stepped {
    /// With its index.
    proposal: Option<(u64, Bytes)>,
    answers: Vec<(u64, Result<Reply, ErrorCode>)>,
    wants_round: bool,
    wake: Option<Duration>,
}

impl std::fmt::Debug for Controller {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "a controller that owes {} answers", self.asked.len())
    }
}

impl Controller {
    pub fn new(node: usize, log: usize, plan: &Plan) -> Controller {
        let timing = Timing {
            session_timeout: Duration::from_micros(plan.broker.session),
            balance_interval: plan.broker.balance_every.map(Duration::from_micros),
            proposal_bytes_max: PROPOSAL_BYTES_MAX,
        };
        let (me, rules) = (node as i32, plan.rules.metadata);
        let kind = match log.checked_sub(1) {
            None => Kind::Root(Box::new(RootController::new(me, &timing, rules))),
            Some(shard) => Kind::Shard(Box::new(ShardController::new(me, shard as u16, &timing, rules))),
        };
        Controller {
            kind,
            standing: Standing::default(),
            proposed: None,
            asked: Vec::new(),
            round_planned: false,
            alarm: Alarm::default(),
        }
    }

    fn step(
        &mut self,
        now: Duration,
        step: Step,
        images: &Images,
        config_rules: &dyn ConfigRules,
        uuids: &mut dyn FnMut() -> Uuid,
    ) -> Result<Stepped, ApplyError> {
        let index = match step {
            Step::Propose { index } => Some(index),
            _ => None,
        };
        match &mut self.kind {
            Kind::Root(root) => {
                let mut environment = Environment {
                    config_rules,
                    uuids,
                    may_grow: true,
                };
                let mut output = Output::<Answer>::default();
                root.step(now, step.root(), &images.root, &mut environment, &mut output)?;
                Ok(Stepped {
                    proposal: index.zip(output.proposal),
                    answers: replies(output.answers, root_reply),
                    wants_round: root.wants_round(now, &images.root),
                    wake: root.next_wake(),
                })
            }
            Kind::Shard(shard) => {
                let image = images.shard.as_ref().expect("a shard's controller has its image");
                let mut output = Output::<ShardAnswer>::default();
                shard.step(now, step.shard(), &images.root, image, config_rules, &mut output)?;
                Ok(Stepped {
                    proposal: index.zip(output.proposal),
                    answers: replies(output.answers, shard_reply),
                    wants_round: shard.wants_round(),
                    wake: shard.next_wake(),
                })
            }
        }
    }
}

fn replies<A>(
    answers: Vec<(u64, A)>,
    reply: impl Fn(A) -> Result<Reply, ErrorCode>,
) -> Vec<(u64, Result<Reply, ErrorCode>)> {
    let answers = answers.into_iter();
    answers.map(|(id, answer)| (id, reply(answer))).collect()
}

impl Cluster {
    pub(super) fn on_controller_wake(&mut self, n: usize, log: usize) {
        let now = self.now();
        let controller = self.nodes[n].controllers[log].as_mut();
        if controller.is_some_and(|controller| controller.alarm.ring(now)) {
            self.step_controller(n, log, Step::Tick);
        }
    }

    /// At once, or when its node goes on.
    pub(super) fn wake_controller(&mut self, n: usize, log: usize) {
        let now = self.now();
        let node = &mut self.nodes[n];
        let life = node.life;
        if let Some(controller) = &mut node.controllers[log] {
            controller.alarm.set_at(now);
            self.timeline.plan(now, Event::ControllerWake { node: n, life, log });
        }
    }

    pub(super) fn on_round(&mut self, n: usize, log: usize) {
        let next = self.next_entry(n, log);
        let Some(controller) = &mut self.nodes[n].controllers[log] else {
            return;
        };
        controller.round_planned = false;
        match next {
            Some(index) => self.step_controller(n, log, Step::Propose { index }),
            // Not now: other entries are under way, or leadership is.
            None => self.step_controller(n, log, Step::Tick),
        }
    }

    pub(super) fn step_controller(&mut self, n: usize, log: usize, step: Step) {
        let now = self.nodes[n].clock.read(self.now());
        let images = self.images_for(n, log);
        let next_id = &mut self.next_id;
        let mut uuids = || {
            *next_id += 1;
            Uuid::from_u128(u128::from(*next_id).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835))
        };
        let Some(controller) = &mut self.nodes[n].controllers[log] else {
            return;
        };
        if let Step::Applied { index, .. } = step {
            controller.proposed.take_if(|proposed| *proposed == index);
        }
        let stepped = match controller.step(now, step, &images, &*self.config_rules, &mut uuids) {
            Ok(stepped) => stepped,
            Err(error) => return self.judge("a controller's decision", Err(error.to_string())),
        };
        if let Some((index, _)) = stepped.proposal {
            controller.proposed = Some(index);
        }
        for (id, reply) in stepped.answers {
            self.answer_id(n, log, id, reply);
        }
        match stepped.proposal {
            Some((index, value)) => self.propose(n, log, index, value),
            None => self.plan_controller(n, log, stepped.wants_round, stepped.wake),
        }
    }

    fn plan_controller(&mut self, n: usize, log: usize, wants_round: bool, wake: Option<Duration>) {
        let now = self.now();
        // Rounds that cannot be now are tried again.
        let not_before = if self.next_entry(n, log).is_some() {
            now
        } else {
            now + TIMER
        };
        let node = &mut self.nodes[n];
        let life = node.life;
        let Some(controller) = &mut node.controllers[log] else {
            return;
        };
        if wants_round && !controller.round_planned {
            controller.round_planned = true;
            let at = not_before + self.random.below(self.plan.broker.round_delay_max);
            self.timeline.plan(at, Event::Round { node: n, life, log });
        }
        // With a round to come, time has nothing to add.
        let wake = wake.filter(|_| !controller.round_planned);
        let at = wake.map(|due| node.clock.when(now, due).max(now + TIMER));
        if let Some(at) = at.and_then(|at| controller.alarm.set_at(at)) {
            self.timeline.plan(at, Event::ControllerWake { node: n, life, log });
        }
    }
}

impl Step {
    fn root(self) -> Input<Wish> {
        self.input(|wished| match wished {
            Wished::Root(wish) => wish,
            Wished::Shard(_) => unreachable!("a shard's wish at root"),
        })
    }

    fn shard(self) -> Input<ShardWish> {
        self.input(|wished| match wished {
            Wished::Shard(wish) => wish,
            Wished::Root(_) => unreachable!("root's wish at a shard"),
        })
    }

    fn input<W>(self, wish: impl FnOnce(Wished) -> W) -> Input<W> {
        match self {
            Step::Stand(standing) => Input::Stand(standing),
            Step::Asked(id, wished) => Input::Asked { id, wish: wish(wished) },
            Step::Applied { index, term } => Input::Applied { index, term },
            Step::Propose { index } => Input::Propose { index },
            Step::Tick => Input::Tick,
        }
    }
}
