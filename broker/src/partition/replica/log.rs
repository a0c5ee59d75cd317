//! What the replica knows of its own log: epochs, what is durable of it, high watermark, and the epoch floor.
//!
//! What must stay true: the durable end never counts what a truncation took away, even if the write of that completes
//! later; the high watermark goes back only where an unclean leader's history replaces this one (rule D3).

use std::collections::VecDeque;

use super::{
    Epochs,
    message::{ALL_DURABLE, Output, Recovered},
};

#[derive(Clone, Debug)]
pub(super) struct Log {
    pub epochs: Epochs,
    pub durable_end: i64,
    pub high_watermark: i64,
    /// The newest leader epoch that this disk took part in, asked to persist (rule D1).
    pub floor: i32,
    /// What is written of the high watermark is [`ALL_DURABLE`].
    all_durable_committed: bool,
    /// The persist that carries the floor.
    floor_persist: u64,
    /// (number, end of the log then) of what is being persisted, oldest first.
    persisting: VecDeque<(u64, i64)>,
    next_persist: u64,
    persisted: u64,
}

impl Log {
    pub fn new(recovered: Recovered) -> Log {
        let end = recovered.epochs.end();
        Log {
            durable_end: end,
            high_watermark: recovered.high_watermark.min(end),
            floor: recovered.epoch_floor.max(recovered.epochs.last_epoch()),
            epochs: recovered.epochs,
            all_durable_committed: recovered.high_watermark == ALL_DURABLE,
            floor_persist: 0,
            persisting: VecDeque::new(),
            next_persist: 1,
            persisted: 0,
        }
    }

    pub fn end(&self) -> i64 {
        self.epochs.end()
    }

    /// Takes part in an epoch from now on; `alone` if it leads it and there is no other replica.
    pub fn adopt(&mut self, leader_epoch: i32, alone: bool, output: &mut Output) {
        if leader_epoch > self.floor {
            self.floor = leader_epoch;
            self.floor_persist = self.next_persist;
            output.persist.adopt_epoch = Some(leader_epoch);
            if alone != self.all_durable_committed {
                self.all_durable_committed = alone;
                let written = if alone { ALL_DURABLE } else { self.high_watermark };
                output.persist.high_watermark = Some(written);
            }
        }
    }

    /// Would a restart still know of the newest epoch?
    pub fn floor_is_durable(&self) -> bool {
        self.persisted >= self.floor_persist
    }

    /// Adds records up to `end`; false if the log ends with a newer epoch.
    #[must_use]
    pub fn append(&mut self, leader_epoch: i32, end: i64, output: &mut Output) -> bool {
        let from = self.end();
        if !self.epochs.push(leader_epoch, end) {
            return false;
        }
        let from = output.persist.append.map_or(from, |(first, _)| first);
        output.persist.append = Some((from, end));
        true
    }

    pub fn truncate(&mut self, to: i64, output: &mut Output) {
        self.epochs.truncate(to);
        self.forget_from(to, output);
        output.persist.truncate_to = Some(to);
    }

    pub fn restart(&mut self, at: i64, output: &mut Output) {
        self.epochs.restart(at);
        self.durable_end = at;
        self.forget_from(at, output);
        output.persist.restart_at = Some(at);
    }

    fn forget_from(&mut self, end: i64, output: &mut Output) {
        self.durable_end = self.durable_end.min(end);
        for (_, persisting_end) in &mut self.persisting {
            *persisting_end = (*persisting_end).min(end);
        }
        self.lower_high_watermark(end, output);
    }

    /// Back to `to`, for an unclean leader's history. What was written down would, after a restart, call records committed
    /// that were never.
    pub fn lower_high_watermark(&mut self, to: i64, output: &mut Output) {
        if self.high_watermark > to {
            self.high_watermark = to;
            self.all_durable_committed = false;
            output.persist.high_watermark = Some(to);
            output.high_watermark = Some(to);
        }
    }

    pub fn raise_high_watermark(&mut self, to: i64, output: &mut Output) {
        if to > self.high_watermark {
            self.high_watermark = to;
            output.high_watermark = Some(to);
            output.effective = true;
        }
    }

    pub fn on_persisted(&mut self, number: u64, output: &mut Output) {
        if number <= self.persisted {
            return;
        }
        self.persisted = number;
        output.effective = true;
        let before = self.durable_end;
        while let Some(&(first, end)) = self.persisting.front() {
            if first > number {
                break;
            }
            self.persisting.pop_front();
            self.durable_end = self.durable_end.max(end);
        }
        if self.durable_end > before {
            output.durable_end = Some(self.durable_end);
        }
    }

    /// Numbers what the step wants to persist.
    pub fn seal(&mut self, output: &mut Output) {
        if !output.persist.is_empty() {
            output.persist.number = self.next_persist;
            self.persisting.push_back((self.next_persist, self.end()));
            self.next_persist += 1;
            output.effective = true;
        }
    }
}
