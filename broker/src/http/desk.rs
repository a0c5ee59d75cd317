//! Where the side thread leaves questions, and the cores take them.
//!
//! Each core looks here ten times a second: as often as it looks for work in the background, so that a core that rests rests on,
//! and no core is ever interrupted. A scrape can wait that long. Nothing that cores do for clients touches this.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, MutexGuard, OnceLock},
    time::Duration,
};

use futures_channel::oneshot;

use crate::{
    core::{Core, Message},
    limits::SCRAPE_WAIT_MAX,
    metadata::PartitionKey,
    metrics::{CoreSnapshot, NodeSnapshot, Readiness, lags},
    runtime::{GlommioWorld, Pulse, world::World},
};

const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Between the side thread and the cores of one node.
#[derive(Default)]
pub struct Desk {
    /// Known as soon as cores run.
    pulse: OnceLock<Pulse>,
    questions: Mutex<BTreeMap<usize, Vec<Question>>>,
}

enum Question {
    Snapshot(oneshot::Sender<CoreSnapshot>),
    HighWatermarks(Arc<[PartitionKey]>, oneshot::Sender<HashMap<PartitionKey, i64>>),
    Readiness(oneshot::Sender<Readiness>),
}

impl Desk {
    /// None: no core runs yet.
    pub(super) fn pulse(&self) -> Option<&Pulse> {
        self.pulse.get()
    }

    fn questions(&self) -> MutexGuard<'_, BTreeMap<usize, Vec<Question>>> {
        self.questions
            .lock()
            .expect("nothing panics while it holds the questions")
    }

    /// Asks every core at once; None for one that does not answer in time.
    async fn ask<A>(&self, question: impl Fn(oneshot::Sender<A>) -> Question) -> Vec<Option<A>> {
        let Some(pulse) = self.pulse() else {
            return Vec::new();
        };
        let mut answers = Vec::new();
        for core in 0..pulse.cores() {
            let (sender, receiver) = oneshot::channel();
            self.questions().entry(core).or_default().push(question(sender));
            answers.push(receiver);
        }
        let deadline = tokio::time::Instant::now() + SCRAPE_WAIT_MAX;
        let mut answered = Vec::new();
        for answer in answers {
            let answer = tokio::time::timeout_at(deadline, answer).await;
            answered.push(answer.ok().and_then(Result::ok));
        }
        // Who did not answer has nothing to answer any more.
        for questions in self.questions().values_mut() {
            questions.retain(|question| !question.is_void());
        }
        answered
    }

    /// Everything that metrics tell, of cores that answer in time.
    pub(super) async fn observe(&self) -> NodeSnapshot {
        let mut cores = self.ask(Question::Snapshot).await;
        let mut offsets = Vec::new();
        for core in cores.iter_mut().flatten() {
            offsets.extend(core.groups.offsets.iter().cloned());
        }
        let keys: Arc<[PartitionKey]> = offsets.iter().map(|committed| committed.partition).collect();
        let mut high_watermarks = HashMap::new();
        if !keys.is_empty() {
            let ask = |sender| Question::HighWatermarks(keys.clone(), sender);
            high_watermarks.extend(self.ask(ask).await.into_iter().flatten().flatten());
        }
        NodeSnapshot {
            readiness: self.judge(cores.iter().map(|core| Some(core.as_ref()?.readiness))),
            cores,
            lags: lags(offsets, &high_watermarks),
            ..NodeSnapshot::default()
        }
    }

    /// The least ready of all cores; one that does not answer is not ready.
    pub(super) async fn readiness(&self) -> (Readiness, Vec<Option<Readiness>>) {
        let cores = self.ask(Question::Readiness).await;
        (self.judge(cores.iter().copied()), cores)
    }

    fn judge(&self, cores: impl Iterator<Item = Option<Readiness>>) -> Readiness {
        if self.pulse().is_some_and(Pulse::is_stopping) {
            return Readiness::Stopping;
        }
        let each = cores.map(|core| core.unwrap_or(Readiness::Starting));
        each.max().unwrap_or(Readiness::Starting)
    }

    /// Cores whose heartbeat does not move; one that looks here moves.
    pub(super) async fn still_cores(&self) -> Vec<usize> {
        let Some(pulse) = self.pulse() else {
            return Vec::new();
        };
        let before: Vec<u64> = (0..pulse.cores()).map(|core| pulse.heartbeat(core)).collect();
        let mut still: Vec<usize> = (0..pulse.cores()).collect();
        let deadline = tokio::time::Instant::now() + SCRAPE_WAIT_MAX;
        loop {
            still.retain(|core| pulse.heartbeat(*core) == before[*core]);
            if still.is_empty() || tokio::time::Instant::now() >= deadline {
                return still;
            }
            tokio::time::sleep(LOOK_EVERY / 10).await;
        }
    }
}

impl Question {
    /// Nobody waits for the answer any more.
    fn is_void(&self) -> bool {
        match self {
            Question::Snapshot(sender) => sender.is_canceled(),
            Question::HighWatermarks(_, sender) => sender.is_canceled(),
            Question::Readiness(sender) => sender.is_canceled(),
        }
    }
}

/// On a core: answers what is asked of it, for as long as it lives.
pub async fn answer(core: Core<GlommioWorld<Message>>, desk: Arc<Desk>) {
    let world = core.world.clone();
    let _ = desk.pulse.set(world.pulse());
    loop {
        let questions = desk.questions().remove(&world.core()).unwrap_or_default();
        if questions.is_empty() {
            world.sleep(LOOK_EVERY).await;
        }
        // Whoever is asked the same twice says it twice; scrapers are few.
        for question in questions.into_iter().filter(|question| !question.is_void()) {
            match question {
                Question::Snapshot(sender) => drop(sender.send(core.snapshot().await)),
                Question::HighWatermarks(keys, sender) => drop(sender.send(core.high_watermarks(&keys))),
                Question::Readiness(sender) => drop(sender.send(core.readiness())),
            }
        }
    }
}
