//! A shard group's machine: the leadership of the shard's partitions. Decisions are [`ShardController`]'s.

use std::{cell::RefCell, rc::Rc, sync::Arc, time::Duration};

use bytes::Bytes;
use corelane_raft::Entry;

use super::{
    asking::Askers,
    controller::SharedRules,
    machine::{self, Machine, News, records_of},
    publication::Change,
    snapshots::State,
};
use crate::metadata::{
    RootImage, Rules, ShardImage, WishError,
    controller::{Input, Output, ShardController, Standing, Timing, not_controller},
    shard::{ShardAnswer, ShardWish},
    snapshot::Snapshot,
};

/// What can be asked of a shard.
pub(super) enum Asked {
    Wish(ShardWish),
    /// Say when all partitions are as root wants them.
    Settled,
}

pub(super) enum Answer {
    Wish(ShardAnswer),
    Settled,
}

pub(super) struct Shard {
    number: u16,
    controller: ShardController,
    /// As this core knows it.
    root: Rc<RefCell<Arc<RootImage>>>,
    image: ShardImage,
    is_news: bool,
    standing: Standing,
    /// The proposal in flight.
    proposed: Option<u64>,
    askers: Askers<Asked, Answer>,
    /// Who waits for [`Asked::Settled`].
    waiting: Vec<u64>,
    settled: Vec<machine::Answer>,
    output: Output<ShardAnswer>,
    config_rules: SharedRules,
}

impl Shard {
    pub fn new(
        me: i32,
        number: u16,
        timing: &Timing,
        root: Rc<RefCell<Arc<RootImage>>>,
        askers: Askers<Asked, Answer>,
        config_rules: SharedRules,
    ) -> Shard {
        Shard {
            number,
            controller: ShardController::new(me, number, timing, Rules::production()),
            root,
            image: ShardImage::default(),
            is_news: false,
            standing: Standing::default(),
            proposed: None,
            askers,
            waiting: Vec::new(),
            settled: Vec::new(),
            output: Output::default(),
            config_rules,
        }
    }

    fn step(&mut self, now: Duration, input: Input<ShardWish>) -> Result<(), String> {
        let root = self.root.borrow().clone();
        let config_rules = self.config_rules.borrow().clone();
        let stepped = self
            .controller
            .step(now, input, &root, &self.image, &*config_rules, &mut self.output);
        stepped.map_err(|error| format!("shard {}: a decision does not fit: {error}", self.number))
    }

    fn settle(&mut self, answer: impl Fn() -> Result<Answer, WishError>) {
        for id in std::mem::take(&mut self.waiting) {
            self.settled.push(self.askers.answer(id, answer()));
        }
    }
}

impl Machine for Shard {
    fn restore(&mut self, state: Snapshot) -> Result<(), String> {
        let group = state.group();
        let Snapshot::Shard(number, image) = state else {
            return Err(format!("shard {}: its snapshot is of group {group}", self.number));
        };
        if number != self.number {
            return Err(format!("shard {}: its snapshot is of group {group}", self.number));
        }
        self.image = image;
        self.is_news = true;
        Ok(())
    }

    fn state(&self) -> State {
        State {
            state: Snapshot::Shard(self.number, self.image.clone()),
            root: self.root.borrow().clone(),
        }
    }

    fn applied_end(&self) -> u64 {
        self.image.applied_end
    }

    fn apply(&mut self, now: Duration, index: u64, entry: &Entry) -> Result<(), String> {
        let place = |error: String| format!("shard {}, entry {index}: {error}", self.number);
        let records = records_of(entry).map_err(|error| place(error.to_string()))?;
        let image = std::mem::take(&mut self.image).after_entry(index, entry.term, &records);
        self.image = image.map_err(|error| place(error.to_string()))?;
        self.is_news = true;
        self.proposed = self.proposed.filter(|proposed| *proposed != index);
        let term = entry.term;
        self.step(now, Input::Applied { index, term })
    }

    fn stand(&mut self, now: Duration, standing: Standing) -> Result<(), String> {
        if !standing.is_leader || standing.term != self.standing.term {
            self.proposed = None;
        }
        self.standing = standing;
        self.step(now, Input::Stand(standing))
    }

    fn look(&mut self, now: Duration) -> Result<bool, String> {
        while let Some((id, asked)) = self.askers.next() {
            match asked {
                Asked::Wish(wish) => self.step(now, Input::Asked { id, wish })?,
                Asked::Settled => self.waiting.push(id),
            }
        }
        // Root may be another.
        self.step(now, Input::Tick)?;
        let wants_round = self.controller.wants_round();
        if self.standing.is_ready && self.proposed.is_none() && !wants_round {
            self.settle(|| Ok(Answer::Settled));
        } else if self.standing.leader.is_some() && !self.standing.is_leader {
            self.settle(|| Err(not_controller()));
        }
        Ok(wants_round)
    }

    fn propose(&mut self, now: Duration, index: u64) -> Result<Option<Bytes>, String> {
        self.step(now, Input::Propose { index })?;
        let proposal = self.output.proposal.take();
        self.proposed = proposal.as_ref().map(|_| index);
        Ok(proposal)
    }

    fn next_wake(&self) -> Option<Duration> {
        self.controller.next_wake()
    }

    fn news(&mut self, news: &mut News) {
        if std::mem::take(&mut self.is_news) {
            news.changes.push(Change::Shard {
                shard: self.number,
                image: Arc::new(self.image.clone()),
            });
        }
        for (id, answer) in self.output.answers.drain(..) {
            news.answers.push(self.askers.answer(id, answer.map(Answer::Wish)));
        }
        news.answers.append(&mut self.settled);
    }
}
