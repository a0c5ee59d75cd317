//! One group of a core: its raft, its log, and what its entries mean.
//!
//! A step's effects are carried out at once, in the order that raft asks for, unless they need the journal and it has no
//! room: then the group stands still until there is room, and the others go on. So every write waits for room, whether
//! it is a vote, a leader's first entry or a proposal.

use std::{cell::Cell, collections::VecDeque, rc::Rc, time::Duration};

use bytes::Bytes;
use corelane_raft::{Entry, Input, Output, Raft, Snapshot};

use super::{
    journal::GroupLog,
    machine::{Machine, News},
    snapshots::{Schedule, SnapshotWrite},
};
use crate::metadata::controller::Standing;

/// What DescribeQuorum shows of a group.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Status {
    pub term: u32,
    /// Node id.
    pub leader: Option<i32>,
    /// Index after the last committed entry.
    pub high_watermark: u64,
    pub log_end: u64,
    pub durable_end: u64,
}

/// What groups did since the driver last waited.
pub(super) struct Pass<T> {
    pub now: Duration,
    pub wall_ms: i64,
    /// Slots of groups, and the numbers of their persists.
    pub persists: Vec<(usize, u64)>,
    /// Of the last write, which is the ticket of all.
    pub ticket: Option<T>,
    pub news: News,
}

pub(super) struct Group<L> {
    slot: usize,
    raft: Raft,
    log: L,
    machine: Box<dyn Machine>,
    status: Rc<Cell<Status>>,
    standing: Standing,
    /// Entries from the machine's end to the log's.
    unapplied: VecDeque<Entry>,
    /// Effects that wait for room in the journal.
    held: Option<Output>,
    /// What became durable while effects were held.
    persisted: Option<u64>,
    schedule: Schedule,
    /// A snapshot whose file became durable while effects were held.
    written: Option<Snapshot>,
}

impl<L: GroupLog> Group<L> {
    /// `unapplied`: from the machine's end on.
    pub fn new(
        slot: usize,
        (raft, log): (Raft, L),
        unapplied: VecDeque<Entry>,
        machine: Box<dyn Machine>,
        status: Rc<Cell<Status>>,
        schedule: Schedule,
    ) -> Group<L> {
        Group {
            slot,
            raft,
            log,
            machine,
            status,
            standing: Standing::default(),
            unapplied,
            held: None,
            persisted: None,
            schedule,
            written: None,
        }
    }

    /// When time alone changes something.
    pub fn next_wake(&self) -> Option<Duration> {
        let of_raft = self.raft.next_wake().filter(|_| self.held.is_none());
        let of_machine = self.machine.next_wake().filter(|_| self.is_idle());
        let of_snapshot = self.schedule.due_at().filter(|_| self.held.is_none());
        [of_raft, of_machine, of_snapshot].into_iter().flatten().min()
    }

    /// Takes a snapshot if one is due. The next thing to tell the group of it is [`Group::on_snapshot_written`].
    pub fn take_snapshot(&mut self, now: Duration) -> Option<SnapshotWrite> {
        if self.held.is_some() || self.schedule.due_at().is_none_or(|at| at > now) {
            return None;
        }
        if self.raft.is_sending_snapshot() {
            self.schedule.postpone(now);
            return None;
        }
        let applied = self.raft.snapshot_at(self.machine.applied_end());
        let snapshot = applied.expect("what is applied is committed, and not cut");
        self.schedule.begin();
        let written = self.log.write_snapshot(snapshot.id, self.machine.state());
        Some(Box::pin(async move { Ok(written.await?.then_some(snapshot)) }))
    }

    /// None: there was no room for it.
    pub fn on_snapshot_written(
        &mut self,
        snapshot: Option<Snapshot>,
        room: bool,
        pass: &mut Pass<L::Ticket>,
    ) -> Result<(), String> {
        match snapshot {
            None => self.schedule.postpone(pass.now),
            held if self.held.is_some() => self.written = held,
            Some(snapshot) => self.switch_to(snapshot, room, pass)?,
        }
        Ok(())
    }

    /// All that the snapshot covers is cut.
    fn switch_to(&mut self, snapshot: Snapshot, room: bool, pass: &mut Pass<L::Ticket>) -> Result<(), String> {
        let log_start = snapshot.id.end;
        self.step(Input::SnapshotTaken { snapshot, log_start }, room, pass)
    }

    /// Takes what was wished meanwhile. True: there is something to write as soon as the journal has room.
    pub fn look(&mut self, pass: &mut Pass<L::Ticket>) -> Result<bool, String> {
        let wants_round = self.machine.look(pass.now)?;
        self.machine.news(&mut pass.news);
        Ok(self.held.is_some() || (wants_round && self.is_idle()))
    }

    /// The machine gets its tick by [`Group::look`].
    pub fn on_tick(&mut self, room: bool, pass: &mut Pass<L::Ticket>) -> Result<(), String> {
        let is_due = self.raft.next_wake().is_some_and(|wake| wake <= pass.now);
        if is_due && self.held.is_none() {
            self.step(Input::Tick, room, pass)?;
        }
        Ok(())
    }

    pub fn on_persisted(&mut self, number: u64, room: bool, pass: &mut Pass<L::Ticket>) -> Result<(), String> {
        self.schedule.on_persisted(number);
        if self.held.is_some() {
            self.persisted = Some(number);
            return Ok(());
        }
        self.step(Input::Persisted(number), room, pass)
    }

    /// The journal has room: goes on where the group stood still, or proposes.
    pub fn on_room(&mut self, pass: &mut Pass<L::Ticket>) -> Result<(), String> {
        if let Some(output) = self.held.take() {
            self.carry_out(output, pass)?;
            if let Some(number) = self.persisted.take() {
                self.step(Input::Persisted(number), true, pass)?;
            }
            if let Some(snapshot) = self.written.take() {
                self.switch_to(snapshot, true, pass)?;
            }
        }
        if self.is_idle() {
            self.propose(pass)?;
        }
        Ok(())
    }

    /// It could propose something.
    fn is_idle(&self) -> bool {
        self.held.is_none() && self.standing.is_ready && self.machine.applied_end() == self.raft.last().end
    }

    fn propose(&mut self, pass: &mut Pass<L::Ticket>) -> Result<(), String> {
        let index = self.raft.last().end;
        let value: Option<Bytes> = self.machine.propose(pass.now, index)?;
        if let Some(value) = value {
            self.step(Input::Propose(value), true, pass)?;
            assert_eq!(self.raft.last().end, index + 1, "a ready leader takes a proposal");
        }
        self.machine.news(&mut pass.news);
        Ok(())
    }

    fn step(&mut self, input: Input, room: bool, pass: &mut Pass<L::Ticket>) -> Result<(), String> {
        assert!(self.held.is_none(), "a group that waits for room stands still");
        let output = self.raft.step(pass.now, input, &self.log);
        if output.persist.is_empty() || room {
            self.carry_out(output, pass)
        } else {
            self.held = Some(output);
            Ok(())
        }
    }

    fn carry_out(&mut self, output: Output, pass: &mut Pass<L::Ticket>) -> Result<(), String> {
        assert!(
            output.send_now.is_empty() && output.send_after_persist.is_empty(),
            "a sole voter has nobody to talk to"
        );
        self.persist(&output, pass)?;
        self.apply_to(output.commit, pass.now)?;
        self.stand(pass.now)?;
        self.machine.news(&mut pass.news);
        self.status.set(Status {
            term: self.raft.term(),
            leader: self.standing.leader,
            high_watermark: self.raft.commit(),
            log_end: self.raft.last().end,
            durable_end: self.raft.durable_end(),
        });
        Ok(())
    }

    fn persist(&mut self, output: &Output, pass: &mut Pass<L::Ticket>) -> Result<(), String> {
        let persist = &output.persist;
        if persist.is_empty() {
            return Ok(());
        }
        if let Some(end) = persist.truncate_to {
            self.unapplied.truncate((end - self.machine.applied_end()) as usize);
        }
        self.unapplied.extend(persist.append.iter().cloned());
        if persist.snapshot.is_some() {
            self.schedule.on_switch(persist.number);
        }
        let ticket = self.log.persist(persist, pass.wall_ms);
        pass.ticket = Some(ticket.map_err(|error| error.to_string())?);
        pass.persists.push((self.slot, persist.number));
        Ok(())
    }

    fn apply_to(&mut self, commit: u64, now: Duration) -> Result<(), String> {
        for index in self.machine.applied_end()..commit {
            let entry = self.unapplied.pop_front().expect("committed entries are in the log");
            self.machine.apply(now, index, &entry)?;
            self.schedule.on_applied(now, entry.payload.bytes() as u64);
        }
        Ok(())
    }

    fn stand(&mut self, now: Duration) -> Result<(), String> {
        let standing = Standing {
            term: self.raft.term(),
            leader: self.raft.leader().map(|leader| leader.node),
            is_leader: self.raft.is_leader(),
            is_ready: self.raft.is_ready_leader(),
        };
        if standing != self.standing {
            self.standing = standing;
            self.machine.stand(now, standing)?;
        }
        Ok(())
    }
}
