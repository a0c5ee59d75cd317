//! The one task that runs all groups of a core: events in, [`corelane_raft::Raft::step`], effects out.
//!
//! A second small task waits for the journal, so that time and messages are served while a write is under way. It
//! reports writes in order, which is what makes `Output::send_after_persist` right. A third one answers, a fourth one writes
//! snapshots, one after the other.

use std::{
    collections::{BTreeSet, VecDeque},
    time::Duration,
};

use corelane_raft::Snapshot;
use futures_channel::mpsc::{UnboundedReceiver, UnboundedSender, unbounded};
use futures_util::{
    StreamExt,
    future::{Either, select},
    pin_mut,
};

use super::{
    group::{Group, Pass},
    journal::Journal,
    machine::{Answer, News},
    publication::{Publish, Published, answer_in_order},
    snapshots::SnapshotWrite,
};
use crate::runtime::world::World;

/// How long to wait before asking the journal for room again.
const ROOM_RETRY: Duration = Duration::from_millis(1);

pub(super) enum Event {
    /// The machine of the group in this slot has wishes.
    Wished(usize),
    /// These persists, of the groups in these slots, are durable.
    Persisted(Vec<(usize, u64)>),
    /// The snapshot that the group in this slot took is durable, or there was no room for it.
    SnapshotWritten(usize, Option<Snapshot>),
}

type Write<T> = (T, Vec<(usize, u64)>);

pub(super) struct Driver<W, J: Journal> {
    world: W,
    journal: J,
    groups: Vec<Group<J::Log>>,
    publish: Publish,
    events: UnboundedReceiver<Event>,
    writes: UnboundedSender<Write<J::Ticket>>,
    answers: UnboundedSender<(Published, Vec<Answer>)>,
    snapshots: UnboundedSender<(usize, SnapshotWrite)>,
    /// When groups want to be woken, with their slots; and the same by slot.
    alarms: BTreeSet<(Duration, usize)>,
    alarm_of: Vec<Option<Duration>>,
    /// Slots of groups that may have something to write.
    eager: BTreeSet<usize>,
}

impl<W: World, J: Journal> Driver<W, J> {
    pub fn new(
        world: &W,
        journal: J,
        groups: Vec<Group<J::Log>>,
        publish: Publish,
        (sender, events): (UnboundedSender<Event>, UnboundedReceiver<Event>),
    ) -> Driver<W, J> {
        let (writes, queue) = unbounded();
        world.spawn(
            "group writes",
            report_writes(world.clone(), journal.clone(), queue, sender.clone()),
        );
        let (answers, queue) = unbounded();
        world.spawn("group answers", answer_in_order(queue));
        let (snapshots, queue) = unbounded();
        world.spawn("group snapshots", write_snapshots(world.clone(), queue, sender));
        Driver {
            world: world.clone(),
            journal,
            publish,
            events,
            writes,
            answers,
            snapshots,
            alarms: BTreeSet::new(),
            alarm_of: vec![None; groups.len()],
            eager: BTreeSet::new(),
            groups,
        }
    }

    pub async fn run(mut self) {
        let mut events = VecDeque::new();
        for slot in 0..self.groups.len() {
            self.set_alarm(slot);
        }
        loop {
            let mut pass = self.new_pass();
            if let Err(reason) = self.serve(&mut events, &mut pass) {
                self.world.fail_stop(&reason);
            }
            self.carry_out(pass);
            match self.next_event().await {
                Wake::Event(event) => events.push_back(event),
                Wake::Timer => {}
                Wake::Stopped => return,
            }
            while let Ok(event) = self.events.try_recv() {
                events.push_back(event);
            }
        }
    }

    fn new_pass(&self) -> Pass<J::Ticket> {
        Pass {
            now: now(&self.world),
            wall_ms: self.world.wall_ms(),
            persists: Vec::new(),
            ticket: None,
            news: News::default(),
        }
    }

    /// Everything that can be done now.
    fn serve(&mut self, events: &mut VecDeque<Event>, pass: &mut Pass<J::Ticket>) -> Result<(), String> {
        for event in events.drain(..) {
            match event {
                Event::Wished(slot) => {
                    self.eager.insert(slot);
                }
                Event::Persisted(persists) => {
                    for (slot, number) in persists {
                        let room = self.journal.has_room();
                        self.groups[slot].on_persisted(number, room, pass)?;
                        self.served(slot);
                    }
                }
                Event::SnapshotWritten(slot, snapshot) => {
                    let room = self.journal.has_room();
                    self.groups[slot].on_snapshot_written(snapshot, room, pass)?;
                    self.served(slot);
                }
            }
        }
        let due = self.alarms.range(..=(pass.now, usize::MAX));
        let due: Vec<usize> = due.map(|(_, slot)| *slot).collect();
        for slot in due {
            let room = self.journal.has_room();
            self.groups[slot].on_tick(room, pass)?;
            self.served(slot);
        }
        let eager: Vec<usize> = self.eager.iter().copied().collect();
        for slot in eager {
            let group = &mut self.groups[slot];
            let mut wants_room = group.look(pass)?;
            while wants_room && self.journal.has_room() {
                group.on_room(pass)?;
                wants_room = group.look(pass)?;
            }
            if !wants_room {
                self.eager.remove(&slot);
            }
            if let Some(write) = group.take_snapshot(pass.now) {
                // Its receiver is gone only when the whole core is being dropped.
                let _ = self.snapshots.unbounded_send((slot, write));
            }
            self.set_alarm(slot);
        }
        Ok(())
    }

    fn served(&mut self, slot: usize) {
        self.set_alarm(slot);
        self.eager.insert(slot);
    }

    fn set_alarm(&mut self, slot: usize) {
        let wake = self.groups[slot].next_wake();
        let held = std::mem::replace(&mut self.alarm_of[slot], wake);
        if held != wake {
            held.map(|at| self.alarms.remove(&(at, slot)));
            wake.map(|at| self.alarms.insert((at, slot)));
        }
    }

    /// One write and one publication for all that groups did. A receiver is gone only when the whole core is being
    /// dropped.
    fn carry_out(&self, pass: Pass<J::Ticket>) {
        if let Some(ticket) = pass.ticket {
            let _ = self.writes.unbounded_send((ticket, pass.persists));
        }
        if !pass.news.is_empty() {
            let published = (self.publish)(pass.news.changes);
            let _ = self.answers.unbounded_send((published, pass.news.answers));
        }
    }

    async fn next_event(&mut self) -> Wake {
        let wake = if self.eager.is_empty() {
            self.alarms.first().map(|(at, _)| *at)
        } else {
            // Somebody waits for room, perhaps one whose alarm is due: it is no use to look at once.
            Some(now(&self.world) + ROOM_RETRY)
        };
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
}

enum Wake {
    Timer,
    Event(Event),
    /// All who could wish anything are gone, or one of them said so.
    Stopped,
}

/// Waits for each write in turn and says so. A failed journal ends the process.
async fn report_writes<W: World, J: Journal>(
    world: W,
    journal: J,
    mut writes: UnboundedReceiver<Write<J::Ticket>>,
    events: UnboundedSender<Event>,
) {
    while let Some((ticket, persists)) = writes.next().await {
        if let Err(error) = journal.wait_durable(ticket).await {
            world.fail_stop(&error.to_string());
        }
        if events.unbounded_send(Event::Persisted(persists)).is_err() {
            return;
        }
    }
}

/// One at a time: nobody waits for them, and all that they cost is shared with who does. A failed disk ends the process.
async fn write_snapshots<W: World>(
    world: W,
    mut snapshots: UnboundedReceiver<(usize, SnapshotWrite)>,
    events: UnboundedSender<Event>,
) {
    while let Some((slot, write)) = snapshots.next().await {
        let written = match write.await {
            Ok(written) => written,
            Err(error) => world.fail_stop(&error.to_string()),
        };
        if events.unbounded_send(Event::SnapshotWritten(slot, written)).is_err() {
            return;
        }
    }
}

pub(super) fn now<W: World>(world: &W) -> Duration {
    Duration::from_nanos(world.now().0)
}
