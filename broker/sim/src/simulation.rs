//! Virtual time: one heap of events, taken in the order of (time, sequence).
//!
//! An event is a closure that moves some state and wakes tasks; tasks then run on their cores (see [`crate::tasks`]).
//! Time jumps to the next event; it never passes otherwise.

use std::{
    cell::{Cell, RefCell},
    cmp::Ordering,
    collections::{BTreeMap, BinaryHeap},
    future::Future,
    pin::Pin,
    rc::{Rc, Weak},
    sync::{Arc, Mutex},
    task::{Context, Poll, Waker},
    time::Duration,
};

use crate::{network::NetworkState, random::Random, tasks::Machine, trace::Trace, world::WALL_START_MS};

/// The universe; cheap to clone, clones are the same.
#[derive(Clone)]
pub struct Simulation(pub(crate) Rc<Universe>);

/// For parts that must not keep the universe alive.
#[derive(Clone)]
pub struct WeakSimulation(Weak<Universe>);

pub(crate) struct Universe {
    now_ns: Cell<u64>,
    /// By how much the wall clock is off.
    wall_skew_ms: Cell<i64>,
    next_seq: Cell<u64>,
    events: RefCell<BinaryHeap<Event>>,
    random: RefCell<Random>,
    trace: RefCell<Trace>,
    /// Living machines by serial number. A number is never used again: what is on its way to the dead arrives nowhere.
    pub(crate) machines: RefCell<BTreeMap<u64, Rc<Machine>>>,
    next_machine: Cell<u64>,
    /// Tasks woken since the last event, in order: `(machine, core, task)`.
    pub(crate) woken: Arc<Mutex<Vec<(u64, usize, u64)>>>,
    pub(crate) network: RefCell<NetworkState>,
}

struct Event {
    at_ns: u64,
    seq: u64,
    action: Action,
}

/// What an event does.
pub(crate) enum Action {
    /// One poll of one ready task of a core.
    Poll {
        machine: u64,
        core: usize,
    },
    Timer(Rc<Timer>),
    Call {
        kind: &'static str,
        place: (u64, usize),
        number: u64,
        call: Box<dyn FnOnce(&Simulation)>,
    },
}

impl PartialEq for Event {
    fn eq(&self, other: &Event) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Event {}

impl PartialOrd for Event {
    fn partial_cmp(&self, other: &Event) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Event {
    /// Reversed: the heap gives the earliest first.
    fn cmp(&self, other: &Event) -> Ordering {
        (other.at_ns, other.seq).cmp(&(self.at_ns, self.seq))
    }
}

impl Simulation {
    pub fn new(seed: u64) -> Simulation {
        Simulation::with_trace(seed, Trace::new(false, 0))
    }

    pub fn with_trace(seed: u64, trace: Trace) -> Simulation {
        Simulation(Rc::new(Universe {
            now_ns: Cell::new(0),
            wall_skew_ms: Cell::new(0),
            next_seq: Cell::new(0),
            events: RefCell::default(),
            random: RefCell::new(Random::new(seed)),
            trace: RefCell::new(trace),
            machines: RefCell::default(),
            next_machine: Cell::new(1),
            woken: Arc::default(),
            network: RefCell::default(),
        }))
    }

    pub fn downgrade(&self) -> WeakSimulation {
        WeakSimulation(Rc::downgrade(&self.0))
    }

    /// Virtual nanoseconds since the start.
    pub fn now_ns(&self) -> u64 {
        self.0.now_ns.get()
    }

    /// Milliseconds since 1970, as far as anybody can tell.
    pub fn wall_ms(&self) -> i64 {
        WALL_START_MS + (self.now_ns() / 1_000_000) as i64 + self.0.wall_skew_ms.get()
    }

    /// Somebody sets the clock.
    pub fn jump_wall_clock(&self, by_ms: i64) {
        self.0.wall_skew_ms.set(self.0.wall_skew_ms.get() + by_ms);
    }

    /// Draws from the simulation's own generator.
    pub fn draw<T>(&self, draw: impl FnOnce(&mut Random) -> T) -> T {
        draw(&mut self.0.random.borrow_mut())
    }

    /// Hash of every event so far.
    pub fn trace_hash(&self) -> u64 {
        self.0.trace.borrow().hash()
    }

    pub fn trace_events(&self) -> u64 {
        self.0.trace.borrow().events()
    }

    /// The last lines of the trace, if it keeps any.
    pub fn recent(&self) -> Vec<String> {
        self.0.trace.borrow().recent().map(str::to_string).collect()
    }

    /// Adds something worth reading that is no event of its own.
    pub fn note(&self, kind: &'static str, place: (u64, usize), number: u64, text: impl FnOnce() -> String) {
        let who = || self.place_name(place);
        let now = self.now_ns();
        let line = || format!("{:<9} {kind:<9} {}", who(), text());
        self.0.trace.borrow_mut().event(now, kind, place, number, line);
    }

    fn place_name(&self, (machine, core): (u64, usize)) -> String {
        match self.0.machines.borrow().get(&machine) {
            Some(machine) => format!("{}.{core}", machine.name),
            None => "-".to_string(),
        }
    }

    pub(crate) fn schedule(&self, at_ns: u64, action: Action) {
        debug_assert!(at_ns >= self.now_ns(), "nothing happens in the past");
        let seq = self.0.next_seq.get();
        self.0.next_seq.set(seq + 1);
        self.0.events.borrow_mut().push(Event { at_ns, seq, action });
    }

    /// Calls `call` after `delay_ns`; `kind`, `place` and `number` are what the trace says of it.
    pub fn after(
        &self,
        delay_ns: u64,
        kind: &'static str,
        place: (u64, usize),
        number: u64,
        call: impl FnOnce(&Simulation) + 'static,
    ) {
        let call = Box::new(call);
        self.schedule(
            self.now_ns() + delay_ns,
            Action::Call {
                kind,
                place,
                number,
                call,
            },
        );
    }

    /// A wait that belongs to whoever polls it.
    pub fn sleep(&self, duration: Duration) -> Sleep {
        let timer = Rc::new(Timer::default());
        let nanos = duration.as_nanos().min(u128::from(u64::MAX / 4)) as u64;
        self.schedule(self.now_ns() + nanos, Action::Timer(timer.clone()));
        Sleep(timer)
    }

    /// Takes the next event. False: nothing will ever happen again.
    pub fn step(&self) -> bool {
        self.run_woken();
        let Some(event) = self.0.events.borrow_mut().pop() else {
            return false;
        };
        self.0.now_ns.set(event.at_ns);
        match event.action {
            Action::Poll { machine, core } => self.poll_one(machine, core),
            Action::Timer(timer) => timer.fire(),
            Action::Call {
                kind,
                place,
                number,
                call,
            } => {
                self.note(kind, place, number, || number.to_string());
                call(self);
            }
        }
        true
    }

    /// Runs until `done`, for at most `limit` of virtual time. False: the time is over, or nothing happens any more.
    pub fn run_until(&self, limit: Duration, mut done: impl FnMut() -> bool) -> bool {
        let end_ns = self.now_ns().saturating_add(limit.as_nanos() as u64);
        loop {
            if done() {
                return true;
            }
            self.run_woken();
            let next_ns = self.0.events.borrow().peek().map(|event| event.at_ns);
            match next_ns {
                Some(at_ns) if at_ns <= end_ns => {
                    self.step();
                }
                Some(_) => {
                    self.0.now_ns.set(end_ns);
                    return done();
                }
                None => return done(),
            }
        }
    }

    pub fn run_for(&self, duration: Duration) {
        self.run_until(duration, || false);
    }

    pub(crate) fn new_machine_id(&self) -> u64 {
        let id = self.0.next_machine.get();
        self.0.next_machine.set(id + 1);
        id
    }

    /// Drops every machine and event: what they hold refers to the simulation, which else would never be freed.
    pub fn end(&self) {
        let machines: Vec<u64> = self.0.machines.borrow().keys().copied().collect();
        machines.into_iter().for_each(|machine| self.kill(machine));
        let events = std::mem::take(&mut *self.0.events.borrow_mut());
        drop(events);
        let network = std::mem::take(&mut *self.0.network.borrow_mut());
        drop(network);
    }
}

impl WeakSimulation {
    pub fn upgrade(&self) -> Option<Simulation> {
        self.0.upgrade().map(Simulation)
    }
}

#[derive(Default)]
pub(crate) struct Timer {
    fired: Cell<bool>,
    waker: RefCell<Option<Waker>>,
}

impl Timer {
    fn fire(&self) {
        self.fired.set(true);
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }
}

/// Ends at its time; a dropped one wakes nobody.
pub struct Sleep(Rc<Timer>);

impl Future for Sleep {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if self.0.fired.get() {
            return Poll::Ready(());
        }
        *self.0.waker.borrow_mut() = Some(context.waker().clone());
        Poll::Pending
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        self.0.waker.take();
    }
}
