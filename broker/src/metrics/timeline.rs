//! The moments of one request. Whoever knows a moment notes it; the connection asks at the end where the time went.
//!
//! The clock is read where it is read anyway (a read's end, a send's begin and end, a frame's flush), and once more as the
//! request begins and once more where its batches are appended.

use std::{
    cell::{Cell, RefCell},
    time::Duration,
};

use corelane_protocol::{api_key::ApiKey, error_code::ErrorCode};

use super::Stage;
use crate::runtime::world::Instant;

/// One request's.
#[derive(Debug, Default)]
pub struct Timeline {
    api: Cell<Option<ApiKey>>,
    arrived: Cell<Instant>,
    began: Cell<Instant>,
    /// When the answer could have left, if that was before the connection took it up.
    ready: Cell<Option<Instant>>,
    noted: Cell<[Option<Duration>; Stage::COUNT]>,
    /// That its answer has.
    errors: RefCell<Vec<ErrorCode>>,
}

/// When what a request asks of a core happened there. All cores of a node have the same clock.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Marks {
    /// The owner took the call, and appended.
    pub taken: Instant,
    /// The last frame with something of it was sealed.
    pub sealed: Instant,
    /// That frame was durable, and the owner answered.
    pub durable: Instant,
}

impl Marks {
    /// Of a call that was taken then, and is answered after a frame that was sealed and durable then. Was that frame before the
    /// call, nothing was waited for.
    pub fn new(taken: Instant, sealed: Instant, durable: Instant) -> Marks {
        let sealed = sealed.max(taken);
        let durable = durable.max(sealed);
        Marks { taken, sealed, durable }
    }
}

impl Timeline {
    /// Of a request whose last byte arrived then, and that begins now.
    pub fn begin(arrived: Instant, now: Instant) -> Timeline {
        Timeline {
            arrived: Cell::new(arrived.min(now)),
            began: Cell::new(now),
            ..Timeline::default()
        }
    }

    pub fn set_api(&self, api: ApiKey) {
        self.api.set(Some(api));
    }

    /// None: it was none that this broker has.
    pub fn api(&self) -> Option<ApiKey> {
        self.api.get()
    }

    pub fn add_errors(&self, mut errors: Vec<ErrorCode>) {
        self.errors.borrow_mut().append(&mut errors);
    }

    pub fn take_errors(&self) -> Vec<ErrorCode> {
        self.errors.take()
    }

    pub fn began(&self) -> Instant {
        self.began.get()
    }

    /// So much of the time was for this stage.
    pub fn note(&self, stage: Stage, spent: Duration) {
        let mut noted = self.noted.get();
        noted[stage as usize] = Some(noted[stage as usize].unwrap_or_default() + spent);
        self.noted.set(noted);
    }

    /// Its batches were appended and flushed; `asked` and `answered` if that was on another core.
    pub fn note_journal(&self, marks: Marks, hop: Option<(Instant, Instant)>) {
        self.note(Stage::JournalWait, marks.sealed.since(marks.taken));
        self.note(Stage::Flush, marks.durable.since(marks.sealed));
        let ready = match hop {
            Some((asked, answered)) => {
                self.note(Stage::CoreHop, marks.taken.since(asked) + answered.since(marks.durable));
                answered
            }
            None => marks.durable,
        };
        self.ready.set(Some(ready));
    }

    /// The connection has the answer. The clock is asked unless it is known that the answer was ready before.
    pub fn note_ready(&self, now: impl FnOnce() -> Instant) {
        if self.ready.get().is_none() {
            self.ready.set(Some(now()));
        }
    }

    /// What each stage took, and all together, now that the kernel has all of the answer.
    pub fn end(&self, sent: Instant) -> Spent {
        let (arrived, began) = (self.arrived.get(), self.began.get());
        let total = sent.since(arrived);
        let ready = self.ready.get().unwrap_or(sent).min(sent);
        let mut stages = self.noted.get();
        stages[Stage::Queue as usize] = Some(began.since(arrived));
        stages[Stage::Respond as usize] = Some(sent.since(ready));
        let elsewhere: Duration = stages.iter().flatten().sum();
        stages[Stage::Handle as usize] = Some(total.saturating_sub(elsewhere));
        Spent { stages, total }
    }
}

/// Where the time of a request went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spent {
    stages: [Option<Duration>; Stage::COUNT],
    pub total: Duration,
}

impl Spent {
    /// The stages that it went through.
    pub fn stages(&self) -> impl Iterator<Item = (Stage, Duration)> {
        let pairs = Stage::ALL.into_iter().zip(self.stages);
        pairs.filter_map(|(stage, spent)| Some((stage, spent?)))
    }

    /// Without the time for which its client asked it to wait.
    pub fn unasked(&self) -> Duration {
        self.total
            .saturating_sub(self.stages[Stage::Wait as usize].unwrap_or_default())
    }

    /// Where most of that went.
    pub fn longest(&self) -> (Stage, Duration) {
        let stages = self.stages().filter(|(stage, _)| *stage != Stage::Wait);
        stages
            .max_by_key(|(_, spent)| *spent)
            .unwrap_or((Stage::Handle, self.total))
    }
}
