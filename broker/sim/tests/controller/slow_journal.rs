//! A journal in memory that is durable some time after it is written; one that lies calls it durable at once.

use std::{
    cell::RefCell,
    collections::{BTreeMap, VecDeque},
    rc::Rc,
    time::Duration,
};

use corelane_broker::{
    metadata::snapshot::Reader,
    raft_driver::{GroupLog, Journal, LogError, RecoveredLog, RecoveredSnapshot, State},
};
use corelane_raft::{Entry, GroupId, HardState, LogView, Persist, Position, Snapshot};
use corelane_sim::Simulation;

/// What a journal in memory holds, by group.
#[derive(Clone, Default)]
struct Log {
    hard_state: HardState,
    snapshot: Option<Snapshot>,
    /// Where `entries` begin.
    start: Position,
    entries: Vec<Entry>,
}

/// A journal in memory that is durable some time after it is written.
#[derive(Clone)]
pub struct SlowJournal {
    simulation: Simulation,
    state: Rc<RefCell<JournalState>>,
    /// Says that writes are durable which are not.
    lies: bool,
}

#[derive(Default)]
struct JournalState {
    durable: BTreeMap<GroupId, Log>,
    /// Bytes of snapshots, by group and end.
    snapshots: BTreeMap<(GroupId, u64), Vec<u8>>,
    /// Written, not durable: (ticket, of which group, what).
    pending: VecDeque<(u64, GroupId, Persist)>,
    tickets: u64,
    /// The last answer.
    room: bool,
    /// Waits for durability: what a journal would have flushed.
    flushes: u64,
}

impl JournalState {
    fn make_durable(&mut self, to: u64) {
        while self.pending.front().is_some_and(|(ticket, ..)| *ticket <= to) {
            let (_, group, persist) = self.pending.pop_front().expect("looked at");
            let log = self.durable.entry(group).or_default();
            if let Some(hard_state) = persist.hard_state {
                log.hard_state = hard_state;
            }
            if let Some(switch) = persist.snapshot {
                assert!(
                    self.snapshots.contains_key(&(group, switch.snapshot.id.end)),
                    "its bytes come first"
                );
                log.entries.drain(..(switch.log_start.end - log.start.end) as usize);
                log.start = switch.log_start;
                log.snapshot = Some(switch.snapshot);
            }
            assert!(persist.truncate_to.is_none(), "a sole voter never truncates");
            log.entries.extend(persist.append);
        }
    }

    /// Of what was written a prefix survives.
    fn crash(&mut self, simulation: &Simulation) {
        let (least, most) = (self.tickets - self.pending.len() as u64, self.tickets);
        let survives = simulation.draw(|random| random.between(least, most));
        self.make_durable(survives);
        self.pending.clear();
    }
}

impl SlowJournal {
    pub fn new(simulation: &Simulation, lies: bool) -> SlowJournal {
        SlowJournal {
            simulation: simulation.clone(),
            state: Rc::default(),
            lies,
        }
    }

    /// Of what was written a prefix survives.
    pub fn crash(&self) {
        self.state.borrow_mut().crash(&self.simulation);
    }

    /// How many were ever written.
    pub fn snapshots(&self) -> usize {
        self.state.borrow().snapshots.len()
    }

    /// Writes so far, and how often one was waited for.
    pub fn writes_and_flushes(&self) -> (u64, u64) {
        let state = self.state.borrow();
        (state.tickets, state.flushes)
    }
}

impl Journal for SlowJournal {
    type Ticket = u64;
    type Log = SlowLog;

    fn logs(&self, groups: &[GroupId]) -> Vec<SlowLog> {
        let log = |group: &GroupId| SlowLog {
            group: *group,
            simulation: self.simulation.clone(),
            state: self.state.clone(),
        };
        groups.iter().map(log).collect()
    }

    fn wait_durable(&self, ticket: u64) -> impl Future<Output = Result<(), LogError>> + 'static {
        let journal = self.clone();
        async move {
            let wait = journal.simulation.draw(|random| random.between(20, 400));
            journal.simulation.sleep(Duration::from_micros(wait)).await;
            let mut state = journal.state.borrow_mut();
            state.flushes += 1;
            if !journal.lies {
                state.make_durable(ticket);
            }
            Ok(())
        }
    }

    fn has_room(&self) -> bool {
        let room = self.simulation.draw(|random| !random.chance(1, 5));
        self.state.borrow_mut().room = room;
        room
    }

    fn proposal_bytes_max(&self) -> usize {
        200_000
    }
}

pub struct SlowLog {
    group: GroupId,
    simulation: Simulation,
    state: Rc<RefCell<JournalState>>,
}

impl LogView for SlowLog {
    fn entries(&self, _from: u64, _to: u64, _bytes_max: usize) -> Vec<Entry> {
        Vec::new()
    }
}

impl GroupLog for SlowLog {
    type Ticket = u64;

    async fn recover(&self) -> Result<RecoveredLog, LogError> {
        let log = self
            .state
            .borrow()
            .durable
            .get(&self.group)
            .cloned()
            .unwrap_or_default();
        let snapshot = log.snapshot.map(|snapshot| {
            let mut reader = Reader::new();
            let state = self.state.borrow();
            reader.feed(&state.snapshots[&(self.group, snapshot.id.end)]).unwrap();
            RecoveredSnapshot {
                snapshot,
                log_start: log.start,
                state: reader.finish().unwrap(),
            }
        });
        Ok(RecoveredLog {
            hard_state: log.hard_state,
            snapshot,
            entries: log.entries,
        })
    }

    fn persist(&self, persist: &Persist, _wall_ms: i64) -> Result<u64, LogError> {
        let mut state = self.state.borrow_mut();
        assert!(
            state.room,
            "nothing is written without room, be it a vote or a proposal"
        );
        state.tickets += 1;
        let ticket = state.tickets;
        state.pending.push_back((ticket, self.group, persist.clone()));
        Ok(ticket)
    }

    fn write_snapshot(&self, id: Position, state: State) -> impl Future<Output = Result<bool, LogError>> + 'static {
        let (group, simulation, journal) = (self.group, self.simulation.clone(), self.state.clone());
        async move {
            let mut bytes = Vec::new();
            for piece in state.pieces() {
                let wait = simulation.draw(|random| random.between(20, 400));
                simulation.sleep(Duration::from_micros(wait)).await;
                bytes.extend_from_slice(&piece);
            }
            journal.borrow_mut().snapshots.insert((group, id.end), bytes);
            Ok(true)
        }
    }
}
