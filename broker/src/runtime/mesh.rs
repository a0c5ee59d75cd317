//! How cores talk: one single-producer ring for each ordered pair of cores, and a doorbell per core.
//!
//! `send` never waits and never loses: what does not fit in the ring waits in the sender's own queue, in order, and the
//! receiver rings back when it has made room. A peer is only woken if it said that it sleeps; both sides put a full
//! fence between their write and their look at the other's, so that one of them sees the other.

use std::{
    cell::{Cell, RefCell},
    collections::VecDeque,
    future::poll_fn,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering, fence},
    },
    task::{Poll, Waker},
};

use rtrb::{Consumer, Producer, PushError, RingBuffer};

use super::event::EventFd;

/// Messages between two cores that need no second queue.
const RING_MESSAGES: usize = 1024;

/// Wakes a sleeping core.
pub(super) struct Doorbell {
    asleep: AtomicBool,
    pub(super) event: EventFd,
}

impl Doorbell {
    pub(super) fn new() -> std::io::Result<Doorbell> {
        Ok(Doorbell {
            asleep: AtomicBool::new(false),
            event: EventFd::new()?,
        })
    }

    /// To be followed by a look at everything that others could have written before.
    pub(super) fn set_asleep(&self) {
        self.asleep.store(true, Ordering::SeqCst);
        fence(Ordering::SeqCst);
    }

    pub(super) fn set_awake(&self) {
        self.asleep.store(false, Ordering::SeqCst);
    }

    pub(super) fn is_asleep(&self) -> bool {
        self.asleep.load(Ordering::Relaxed)
    }

    /// After writing something for this core. From any thread.
    pub(super) fn ring(&self) {
        fence(Ordering::SeqCst);
        if self.asleep.load(Ordering::Relaxed) && self.asleep.swap(false, Ordering::SeqCst) {
            self.event.signal();
        }
    }
}

/// One core's ends of the mesh, made on one thread and used on another.
pub(super) struct MeshEnds<M> {
    to: Vec<Outlet<M>>,
    from: Vec<Inlet<M>>,
    doorbells: Vec<Arc<Doorbell>>,
}

struct Outlet<M> {
    ring: Producer<M>,
    overflow: VecDeque<M>,
    /// Set while `overflow` waits for room.
    stuck: Arc<AtomicBool>,
}

struct Inlet<M> {
    ring: Consumer<M>,
    stuck: Arc<AtomicBool>,
}

/// The ends for every core. The rings from a core to itself stay unused.
pub(super) fn build<M: Send>(doorbells: &[Arc<Doorbell>]) -> Vec<MeshEnds<M>> {
    let cores = doorbells.len();
    let mut ends: Vec<MeshEnds<M>> = (0..cores)
        .map(|_| MeshEnds {
            to: Vec::with_capacity(cores),
            from: Vec::with_capacity(cores),
            doorbells: doorbells.to_vec(),
        })
        .collect();
    for sender in 0..cores {
        for receiver in 0..cores {
            let messages = if sender == receiver { 1 } else { RING_MESSAGES };
            let (producer, consumer) = RingBuffer::new(messages);
            let stuck = Arc::new(AtomicBool::new(false));
            ends[sender].to.push(Outlet {
                ring: producer,
                overflow: VecDeque::new(),
                stuck: stuck.clone(),
            });
            ends[receiver].from.push(Inlet { ring: consumer, stuck });
        }
    }
    ends
}

/// A core's place in the mesh.
pub(super) struct Mesh<M> {
    core: usize,
    doorbells: Vec<Arc<Doorbell>>,
    to: RefCell<Vec<Outlet<M>>>,
    from: RefCell<Vec<Inlet<M>>>,
    /// What this core said to itself.
    own: RefCell<VecDeque<M>>,
    /// The sender that is looked at first by the next receive.
    next: Cell<usize>,
    waiting: RefCell<Option<Waker>>,
    /// Outlets with an overflow.
    overflowing: Cell<usize>,
}

impl<M: Send + 'static> Mesh<M> {
    pub(super) fn new(core: usize, ends: MeshEnds<M>) -> Mesh<M> {
        Mesh {
            core,
            doorbells: ends.doorbells,
            to: RefCell::new(ends.to),
            from: RefCell::new(ends.from),
            own: RefCell::default(),
            next: Cell::new(0),
            waiting: RefCell::default(),
            overflowing: Cell::new(0),
        }
    }

    pub(super) fn cores(&self) -> usize {
        self.doorbells.len()
    }

    pub(super) fn doorbell(&self) -> &Doorbell {
        &self.doorbells[self.core]
    }

    pub(super) fn send(&self, core: usize, message: M) {
        if core == self.core {
            self.own.borrow_mut().push_back(message);
            self.wake_receiver();
            return;
        }
        let refused = {
            let outlet = &mut self.to.borrow_mut()[core];
            if outlet.overflow.is_empty() {
                outlet.ring.push(message).err().map(|PushError::Full(message)| message)
            } else {
                Some(message)
            }
        };
        if let Some(message) = refused {
            let mut outlets = self.to.borrow_mut();
            let outlet = &mut outlets[core];
            if outlet.overflow.is_empty() {
                self.overflowing.set(self.overflowing.get() + 1);
            }
            outlet.overflow.push_back(message);
            drop(outlets);
            self.flush(core);
        }
        self.doorbells[core].ring();
    }

    /// The next message and its sender. Senders are taken in turn.
    pub(super) async fn receive(&self) -> (usize, M) {
        poll_fn(|context| match self.take() {
            Some(found) => Poll::Ready(found),
            None => {
                let _before = self.waiting.borrow_mut().replace(context.waker().clone());
                Poll::Pending
            }
        })
        .await
    }

    /// The pump's part in each turn; `true` if there was something to do.
    pub(super) fn turn(&self) -> bool {
        if self.overflowing.get() > 0 {
            for core in 0..self.cores() {
                self.flush(core);
            }
        }
        let heard = self.waiting.borrow().is_some() && self.has_message();
        heard && self.wake_receiver()
    }

    /// Whether messages for any core that `matters` wait for room.
    pub(super) fn has_overflow(&self, matters: impl Fn(usize) -> bool) -> bool {
        let outlets = self.to.borrow();
        let waits = |(core, outlet): (usize, &Outlet<M>)| !outlet.overflow.is_empty() && matters(core);
        outlets.iter().enumerate().any(waits)
    }

    pub(super) fn close(&self) {
        let _waker = self.waiting.borrow_mut().take();
    }

    fn has_message(&self) -> bool {
        !self.own.borrow().is_empty() || self.from.borrow().iter().any(|inlet| !inlet.ring.is_empty())
    }

    fn wake_receiver(&self) -> bool {
        let waker = self.waiting.borrow_mut().take();
        waker.map(Waker::wake).is_some()
    }

    fn take(&self) -> Option<(usize, M)> {
        let cores = self.cores();
        let first = self.next.get();
        for sender in (first..cores).chain(0..first) {
            let message = if sender == self.core {
                self.own.borrow_mut().pop_front()
            } else {
                self.take_from(sender)
            };
            if let Some(message) = message {
                self.next.set((sender + 1) % cores);
                return Some((sender, message));
            }
        }
        // A sender that found its ring full before we emptied it has said so, or it sees the room: one of the two, by
        // this fence and the one in `flush`.
        fence(Ordering::SeqCst);
        for (sender, inlet) in self.from.borrow().iter().enumerate() {
            self.ring_back(sender, inlet);
        }
        None
    }

    fn ring_back(&self, sender: usize, inlet: &Inlet<M>) {
        if inlet.stuck.load(Ordering::Relaxed) && inlet.stuck.swap(false, Ordering::SeqCst) {
            self.doorbells[sender].ring();
        }
    }

    fn take_from(&self, sender: usize) -> Option<M> {
        let mut inlets = self.from.borrow_mut();
        let inlet = &mut inlets[sender];
        let message = inlet.ring.pop().ok()?;
        // Early, so that the sender fills the ring again before it is empty.
        if inlet.ring.slots() == RING_MESSAGES / 2 {
            self.ring_back(sender, inlet);
        }
        Some(message)
    }

    /// Moves what waits for a core into its ring as far as there is room.
    fn flush(&self, core: usize) {
        let mut outlets = self.to.borrow_mut();
        let outlet = &mut outlets[core];
        if outlet.overflow.is_empty() {
            return;
        }
        // Before the look at the ring: whoever empties a ring that we find full must see it.
        outlet.stuck.store(true, Ordering::SeqCst);
        fence(Ordering::SeqCst);
        while let Some(message) = outlet.overflow.pop_front() {
            if let Err(PushError::Full(message)) = outlet.ring.push(message) {
                outlet.overflow.push_front(message);
                break;
            }
        }
        let done = outlet.overflow.is_empty();
        if done {
            outlet.stuck.store(false, Ordering::SeqCst);
            self.overflowing.set(self.overflowing.get() - 1);
        }
        drop(outlets);
        self.doorbells[core].ring();
    }
}
