//! The root group's controller: wishes, heartbeats, sessions.

use std::time::Duration;

use uuid::Uuid;

use super::{
    super::{
        decide::{self, Answer, ConfigRules, Context, Wish},
        image::{ApplyError, Broker, RootImage},
        rules::Rules,
    },
    Input, Output, Timing,
    rounds::{Added, Draft, Rounds},
    sessions::Sessions,
};

/// What the controller may use besides its image: configs, fresh ids for topics, and room.
pub struct Environment<'a> {
    pub config_rules: &'a dyn ConfigRules,
    pub uuids: &'a mut dyn FnMut() -> Uuid,
    /// Not on a full disk: what is left there is for what others wait for, and for deletions.
    pub may_grow: bool,
}

pub struct RootController {
    rounds: Rounds<Wish, Answer>,
    sessions: Sessions,
    rules: Rules,
}

impl RootController {
    pub fn new(me: i32, timing: &Timing, rules: Rules) -> RootController {
        RootController {
            rounds: Rounds::new(me, timing.proposal_bytes_max, rules),
            sessions: Sessions::new(timing.session_timeout),
            rules,
        }
    }

    /// `root` is the committed image.
    ///
    /// # Errors
    /// A decision contradicts what it was made on: the process must end.
    pub fn step(
        &mut self,
        now: Duration,
        input: Input<Wish>,
        root: &RootImage,
        environment: &mut Environment<'_>,
        output: &mut Output<Answer>,
    ) -> Result<(), ApplyError> {
        match input {
            Input::Stand(standing) => {
                let was_ready = self.rounds.standing().is_ready;
                let other_term = self.rounds.standing().term != standing.term;
                self.rounds.stand(standing, output);
                if !standing.is_ready {
                    self.sessions.clear();
                } else if (!was_ready || other_term) && self.rules.sessions_restart {
                    self.sessions.restart(now, root);
                }
            }
            Input::Asked { id, wish } => {
                self.on_heartbeat(now, &wish, root);
                self.rounds.ask(id, wish, output);
            }
            Input::Applied { index, term } => self.rounds.applied(index, term, output),
            Input::Propose { index } if self.wants_round(now, root) => {
                self.propose(now, index, root, environment, output)?;
            }
            Input::Tick => self.sessions.forget_ended(now, root),
            Input::Propose { .. } => {}
        }
        Ok(())
    }

    /// Whether [`Input::Propose`] would decide anything.
    pub fn wants_round(&self, now: Duration, root: &RootImage) -> bool {
        self.rounds.is_free() && (self.rounds.has_asked() || self.expired(now, root).next().is_some())
    }

    /// When time alone gives something to decide.
    pub fn next_wake(&self) -> Option<Duration> {
        self.sessions.next_end().filter(|_| self.rounds.is_free())
    }

    /// That somebody is heard of counts at once, whatever is in flight.
    fn on_heartbeat(&mut self, now: Duration, wish: &Wish, root: &RootImage) {
        let (node, broker_epoch) = match wish {
            Wish::Heartbeat(heartbeat) => (heartbeat.node, heartbeat.broker_epoch),
            Wish::ChangeBroker(change) => (change.node, change.broker_epoch),
            _ => return,
        };
        if self.rounds.standing().is_ready
            && let Some(broker) = root.broker(node)
            && broker.broker_epoch == broker_epoch
        {
            self.sessions.touch(now, broker.node, broker.broker_epoch);
        }
    }

    /// Brokers that are not fenced and were not heard of for a session's time.
    fn expired<'a>(&'a self, now: Duration, root: &'a RootImage) -> impl Iterator<Item = &'a Broker> {
        let is_over = move |broker: &&Broker| !self.sessions.lives(now, broker.node, broker.broker_epoch);
        let brokers = root.brokers.values().map(|broker| &**broker);
        brokers.filter(|broker| !broker.fenced).filter(is_over)
    }

    fn propose(
        &mut self,
        now: Duration,
        index: u64,
        root: &RootImage,
        environment: &mut Environment<'_>,
        output: &mut Output<Answer>,
    ) -> Result<(), ApplyError> {
        let expired: Vec<(i32, u64)> = self
            .expired(now, root)
            .map(|broker| (broker.node, broker.broker_epoch))
            .collect();
        let fence = |draft: &mut Draft<RootImage>| {
            for (node, broker_epoch) in &expired {
                let added = draft.add(&[decide::fence(*node, *broker_epoch)])?;
                debug_assert_eq!(added, Added::Yes, "fencing is a small record");
            }
            Ok(())
        };
        let (sessions, rules) = (&mut self.sessions, &self.rules);
        let may_grow = environment.may_grow;
        let decide = |image: &RootImage, next_index: u64, wish: &Wish| {
            if !may_grow && wish.adds() {
                return Err(decide::disk_is_full());
            }
            let live = live_sessions(sessions, now, image);
            let mut context = Context {
                next_index,
                config_rules: environment.config_rules,
                uuids: environment.uuids,
                live_sessions: &live,
                rules,
            };
            let decided = decide::decide(image, wish, &mut context);
            if let (Wish::RegisterBroker(wish), Ok((_, Answer::Registered { broker_epoch }))) = (wish, &decided) {
                sessions.touch(now, wish.node, *broker_epoch);
            }
            decided
        };
        self.rounds.propose(index, (root.clone(), None), fence, decide, output)
    }
}

fn live_sessions(sessions: &Sessions, now: Duration, root: &RootImage) -> Vec<i32> {
    let brokers = root.brokers.values();
    let alive = brokers.filter(|broker| sessions.lives(now, broker.node, broker.broker_epoch));
    alive.map(|broker| broker.node).collect()
}
