//! The root group's machine: what exists in the cluster. Decisions are [`RootController`]'s.

use std::{cell::RefCell, rc::Rc, sync::Arc, time::Duration};

use bytes::Bytes;
use corelane_raft::Entry;
use uuid::Uuid;

use super::{
    asking::Askers,
    controller::SharedRules,
    machine::{Machine, News, records_of},
    publication::Change,
    snapshots::State,
};
use crate::metadata::{
    Answer, RootImage, Rules, Wish,
    controller::{Environment, Input, Output, RootController, Standing, Timing},
    snapshot::Snapshot,
};

pub(super) struct Root {
    controller: RootController,
    /// The newest that was published; handles read it.
    published: Rc<RefCell<Arc<RootImage>>>,
    image: RootImage,
    /// The leader that is known, and was published.
    leader: Option<i32>,
    is_news: bool,
    askers: Askers<Wish, Answer>,
    output: Output<Answer>,
    config_rules: SharedRules,
    /// Of the world: ids of new topics come from it.
    random: Box<dyn Fn() -> u64>,
    /// Of the journal: whether there is room for more than what is there.
    may_grow: Box<dyn Fn() -> bool>,
}

impl Root {
    pub fn new(
        me: i32,
        timing: &Timing,
        published: Rc<RefCell<Arc<RootImage>>>,
        askers: Askers<Wish, Answer>,
        config_rules: SharedRules,
        random: impl Fn() -> u64 + 'static,
        may_grow: impl Fn() -> bool + 'static,
    ) -> Root {
        Root {
            controller: RootController::new(me, timing, Rules::production()),
            published,
            image: RootImage::default(),
            leader: None,
            is_news: false,
            askers,
            output: Output::default(),
            config_rules,
            random: Box::new(random),
            may_grow: Box::new(may_grow),
        }
    }

    fn step(&mut self, now: Duration, input: Input<Wish>) -> Result<(), String> {
        let config_rules = self.config_rules.borrow().clone();
        let random = &self.random;
        let mut uuids = || {
            let bits = Uuid::from_u64_pair(random(), random());
            uuid::Builder::from_random_bytes(bits.into_bytes()).into_uuid()
        };
        let mut environment = Environment {
            config_rules: &*config_rules,
            uuids: &mut uuids,
            may_grow: (self.may_grow)(),
        };
        let stepped = self
            .controller
            .step(now, input, &self.image, &mut environment, &mut self.output);
        stepped.map_err(|error| format!("a decision does not fit: {error}"))
    }
}

impl Machine for Root {
    fn restore(&mut self, state: Snapshot) -> Result<(), String> {
        let Snapshot::Root(image) = state else {
            return Err(format!("root's snapshot is of group {}", state.group()));
        };
        self.image = image;
        self.is_news = true;
        Ok(())
    }

    fn state(&self) -> State {
        State {
            state: Snapshot::Root(self.image.clone()),
            root: Arc::default(),
        }
    }

    fn applied_end(&self) -> u64 {
        self.image.applied_end
    }

    fn apply(&mut self, now: Duration, index: u64, entry: &Entry) -> Result<(), String> {
        let records = records_of(entry).map_err(|error| format!("entry {index}: {error}"))?;
        let image = std::mem::take(&mut self.image).after_entry(index, entry.term, &records);
        self.image = image.map_err(|error| error.to_string())?;
        self.is_news = true;
        let term = entry.term;
        self.step(now, Input::Applied { index, term })
    }

    fn stand(&mut self, now: Duration, standing: Standing) -> Result<(), String> {
        self.is_news |= self.leader != standing.leader;
        self.leader = standing.leader;
        self.step(now, Input::Stand(standing))
    }

    fn look(&mut self, now: Duration) -> Result<bool, String> {
        while let Some((id, wish)) = self.askers.next() {
            self.step(now, Input::Asked { id, wish })?;
        }
        Ok(self.controller.wants_round(now, &self.image))
    }

    fn propose(&mut self, now: Duration, index: u64) -> Result<Option<Bytes>, String> {
        self.step(now, Input::Propose { index })?;
        Ok(self.output.proposal.take())
    }

    fn next_wake(&self) -> Option<Duration> {
        self.controller.next_wake()
    }

    fn news(&mut self, news: &mut News) {
        // Without any entry the image says nothing that the cores do not know.
        if std::mem::take(&mut self.is_news) && self.image.applied_end > 0 {
            let image = Arc::new(self.image.clone());
            self.published.replace(image.clone());
            news.changes.push(Change::Root {
                image,
                controller: self.leader,
            });
        }
        for (id, answer) in self.output.answers.drain(..) {
            news.answers.push(self.askers.answer(id, answer));
        }
    }
}
