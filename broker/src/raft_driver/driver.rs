//! The group's one task: events in, [`Raft::step`], effects out; and the rounds of wishes on top.
//!
//! A second small task waits for the journal, so that time and messages are served while a write is under way. It
//! reports writes in order, which is what makes [`Output::send_after_persist`] right.

use std::{
    collections::{BTreeSet, VecDeque},
    rc::Rc,
    sync::Arc,
    time::Duration,
};

use bytes::{Bytes, BytesMut};
use corelane_raft::{Config, Entry, Input, Output, Payload, Raft, Recovered, VoterId};
use futures_channel::{
    mpsc::{UnboundedReceiver, UnboundedSender, unbounded},
    oneshot,
};
use futures_util::{
    StreamExt,
    future::{Either, select},
    pin_mut,
};
use uuid::Uuid;

use super::{
    controller::{Publish, Shared, Status, not_controller},
    entry_log::{EntryLog, RecoveredLog},
};
use crate::{
    metadata::{
        Answer, Context, Image, Wish, WishError,
        decide::{self, Decision},
        records,
    },
    runtime::world::World,
};

/// A round takes no further wish beyond this.
const ROUND_BYTES: usize = 1 << 20;
/// How long to wait before asking the journal for room again.
const ROOM_RETRY: Duration = Duration::from_millis(1);

type Reply = oneshot::Sender<Result<Answer, WishError>>;
type Answered = (Reply, Result<Answer, WishError>);

pub(super) enum Event {
    Asked(Asked),
    /// A persist with this number is durable.
    Persisted(u64),
}

pub(super) struct Asked {
    pub wish: Wish,
    pub reply: Reply,
}

/// The entry under way and whom it answers.
struct Round {
    index: u64,
    term: u32,
    answers: Vec<Answered>,
}

pub(super) struct Driver<W, L: EntryLog> {
    world: W,
    log: L,
    me: VoterId,
    raft: Raft,
    shared: Rc<Shared>,
    publish: Publish,
    events: UnboundedReceiver<Event>,
    writes: UnboundedSender<(u64, L::Ticket)>,
    asked: VecDeque<Asked>,
    round: Option<Round>,
    /// Entries from the image's end to the log's.
    unapplied: VecDeque<Entry>,
}

impl<W: World, L: EntryLog> Driver<W, L> {
    pub fn new(
        world: &W,
        log: L,
        recovered: RecoveredLog,
        me: VoterId,
        voters: BTreeSet<VoterId>,
        shared: Rc<Shared>,
        publish: Publish,
    ) -> (Driver<W, L>, UnboundedSender<Event>) {
        let mut start = Recovered {
            hard_state: recovered.hard_state,
            ..Recovered::default()
        };
        recovered.entries.iter().for_each(|entry| start.push(entry));
        let raft = Raft::new(Config::new(me, voters), start, now(world), world.random());
        let (sender, events) = unbounded();
        let (writes, queue) = unbounded();
        world.spawn(
            "metadata writes",
            report_writes(world.clone(), log.clone(), queue, sender.clone()),
        );
        let driver = Driver {
            world: world.clone(),
            log,
            me,
            raft,
            shared,
            publish,
            events,
            writes,
            asked: VecDeque::new(),
            round: None,
            unapplied: recovered.entries.into(),
        };
        (driver, sender)
    }

    pub async fn run(mut self) {
        self.step(Input::Tick);
        loop {
            self.start_round();
            match self.next_event().await {
                Wake::Event(Event::Asked(asked)) => self.asked.push_back(asked),
                Wake::Event(Event::Persisted(number)) => {
                    self.step(Input::Persisted(number));
                }
                Wake::Timer => {
                    self.step(Input::Tick);
                }
                Wake::Stopped => return,
            }
        }
    }

    async fn next_event(&mut self) -> Wake {
        let mut wake = self.raft.next_wake();
        if self.may_start_round() {
            // The journal had no room.
            let retry = now(&self.world) + ROOM_RETRY;
            wake = Some(wake.map_or(retry, |wake| wake.min(retry)));
        }
        let event = self.events.next();
        let Some(at) = wake else {
            return event.await.map_or(Wake::Stopped, Wake::Event);
        };
        let timer = self.world.sleep(at.saturating_sub(now(&self.world)));
        pin_mut!(timer);
        match select(event, timer).await {
            Either::Left((event, _)) => event.map_or(Wake::Stopped, Wake::Event),
            Either::Right(_) => Wake::Timer,
        }
    }

    fn step(&mut self, input: Input) -> Option<u64> {
        let output = self.raft.step(now(&self.world), input, &self.log);
        assert!(
            output.send_now.is_empty() && output.send_after_persist.is_empty(),
            "a sole voter has nobody to talk to"
        );
        self.persist(&output);
        self.apply_committed(output.commit);
        self.answer_round();
        self.shared.status.set(Status {
            term: self.raft.term(),
            leader: self.raft.leader().map(|leader| leader.node),
            high_watermark: self.raft.commit(),
            log_end: self.raft.last().end,
            durable_end: self.raft.durable_end(),
        });
        output.proposed
    }

    fn persist(&mut self, output: &Output) {
        let persist = &output.persist;
        if persist.is_empty() {
            return;
        }
        if let Some(end) = persist.truncate_to {
            let applied = self.shared.image.borrow().applied_end;
            self.unapplied.truncate((end - applied) as usize);
        }
        self.unapplied.extend(persist.append.iter().cloned());
        match self.log.persist(persist, self.world.wall_ms()) {
            Ok(ticket) => {
                // The receiver is gone only when the whole group is being dropped.
                let _ = self.writes.unbounded_send((persist.number, ticket));
            }
            Err(error) => self.world.fail_stop(&error.to_string()),
        }
    }

    fn apply_committed(&mut self, commit: u64) {
        let held = self.shared.image.borrow().clone();
        let controller = self.raft.leader().map(|leader| leader.node);
        if held.applied_end == commit && held.controller == controller {
            return;
        }
        let mut image = Image::clone(&held);
        drop(held);
        image.controller = controller;
        while image.applied_end < commit {
            let entry = self.unapplied.pop_front().expect("committed entries are in the log");
            let index = image.applied_end;
            image = self.applied(image, index, &entry);
        }
        let image = Arc::new(image);
        self.shared.image.replace(image.clone());
        // An image without any entry says nothing that the cores do not know.
        if image.applied_end > 0 {
            let published = (self.publish)(image);
            self.answer_after(published);
        }
    }

    /// A record that cannot be read or does not fit ends the process: skipping it would make this node's image another
    /// than everybody else's.
    fn applied(&self, image: Image, index: u64, entry: &Entry) -> Image {
        let records = match &entry.payload {
            Payload::LeaderStart | Payload::Voters(_) => Ok(Vec::new()),
            Payload::Proposal(value) => records::decode(value),
        };
        let records = records.unwrap_or_else(|error| self.world.fail_stop(&format!("entry {index}: {error}")));
        image
            .after_entry(index, entry.term, &records)
            .unwrap_or_else(|error| self.world.fail_stop(&error.to_string()))
    }

    /// Answers the round, if its entry is among what was just published, once every core has that.
    fn answer_after(&mut self, published: impl Future<Output = ()> + 'static) {
        let applied_end = self.shared.image.borrow().applied_end;
        let term = self.raft.term();
        let done = self
            .round
            .take_if(|round| round.index < applied_end && round.term == term && self.raft.is_leader());
        self.world.spawn("metadata answers", async move {
            published.await;
            for (reply, answer) in done.map(|round| round.answers).unwrap_or_default() {
                // Whoever asked may have gone.
                let _ = reply.send(answer);
            }
        });
    }

    /// Leadership is gone: nobody knows what becomes of the entry.
    fn answer_round(&mut self) {
        let lost = |round: &mut Round| !self.raft.is_leader() || self.raft.term() != round.term;
        for (reply, _) in self.round.take_if(lost).map(|round| round.answers).unwrap_or_default() {
            let _ = reply.send(Err(not_controller()));
        }
    }

    /// Decides what was asked meanwhile, each wish on what the ones before leave, and proposes all of it as one entry.
    fn start_round(&mut self) {
        let other_leads = self.raft.leader().is_some_and(|leader| leader != self.me);
        if other_leads {
            for asked in self.asked.drain(..) {
                let _ = asked.reply.send(Err(not_controller()));
            }
        }
        if !self.may_start_round() || !self.log.has_room() {
            return;
        }
        let (value, answers) = self.decide_round();
        if value.is_empty() {
            // Nothing changes, and all that was decided on is committed.
            for (reply, answer) in answers {
                let _ = reply.send(answer);
            }
            return;
        }
        self.round = Some(Round {
            index: self.raft.last().end,
            term: self.raft.term(),
            answers,
        });
        let index = self.step(Input::Propose(value));
        assert_eq!(
            index,
            self.round.as_ref().map(|round| round.index),
            "a ready leader takes a proposal where it said"
        );
    }

    fn may_start_round(&self) -> bool {
        !self.asked.is_empty() && self.round.is_none() && self.raft.is_ready_leader()
    }

    fn decide_round(&mut self) -> (Bytes, Vec<Answered>) {
        let next_index = self.raft.last().end;
        let mut overlay = Image::clone(&self.shared.image.borrow());
        assert_eq!(overlay.applied_end, next_index, "one round at a time");
        let bytes_max = self.shared.proposal_bytes_max;
        let (mut value, mut answers) = (BytesMut::new(), Vec::new());
        while value.len() < ROUND_BYTES {
            let Some(asked) = self.asked.pop_front() else {
                break;
            };
            let decided = self.decide_one(&overlay, next_index, &asked.wish);
            let (made, answer) = match decided {
                Ok(decision) => decision,
                Err(error) => {
                    answers.push((asked.reply, Err(error)));
                    continue;
                }
            };
            let encoded = records::encode(&made);
            if encoded.len() > bytes_max {
                answers.push((asked.reply, Err(decide::excessively_large())));
                continue;
            }
            if value.len() + encoded.len() > bytes_max {
                // The next round decides it again.
                self.asked.push_front(asked);
                break;
            }
            for record in &made {
                if let Err(error) = overlay.apply(next_index, record) {
                    self.world.fail_stop(&format!("a decision does not fit: {error}"));
                }
            }
            value.extend_from_slice(&encoded);
            answers.push((asked.reply, Ok(answer)));
        }
        (value.freeze(), answers)
    }

    fn decide_one(&self, overlay: &Image, next_index: u64, wish: &Wish) -> Decision {
        let config_rules = self.shared.config_rules.borrow().clone();
        let mut uuids = || {
            let (high, low) = (self.world.random(), self.world.random());
            uuid::Builder::from_random_bytes(Uuid::from_u64_pair(high, low).into_bytes()).into_uuid()
        };
        let mut context = Context {
            next_index,
            config_rules: &*config_rules,
            uuids: &mut uuids,
            live_sessions: &[],
        };
        decide::decide(overlay, wish, &mut context)
    }
}

enum Wake {
    Timer,
    Event(Event),
    /// All controllers are gone, or one of them said so.
    Stopped,
}

/// Waits for each write in turn and says so. A failed journal ends the process.
async fn report_writes<W: World, L: EntryLog>(
    world: W,
    log: L,
    mut writes: UnboundedReceiver<(u64, L::Ticket)>,
    events: UnboundedSender<Event>,
) {
    while let Some((number, ticket)) = writes.next().await {
        if let Err(error) = log.wait_durable(ticket).await {
            world.fail_stop(&error.to_string());
        }
        if events.unbounded_send(Event::Persisted(number)).is_err() {
            return;
        }
    }
}

fn now<W: World>(world: &W) -> Duration {
    Duration::from_nanos(world.now().0)
}
