//! The broker's `World`, simulated: one value per (node, core).

use std::{
    cell::{Cell, RefCell},
    collections::VecDeque,
    future::{Future, poll_fn},
    io,
    net::SocketAddr,
    rc::Rc,
    task::{Poll, Waker},
    time::Duration,
};

use corelane_broker::runtime::world::{Instant, World};
use corelane_storage::sim_disk::SimDisk;

use crate::{
    network::{SimListener, SimStream},
    simulation::Simulation,
    tasks::{FailStop, Machine},
};

/// Virtual nanoseconds that a message takes to another core.
const HOP_NS: (u64, u64) = (300, 60_000);
/// Wall clock at the start of every simulation: 2026-01-01.
pub const WALL_START_MS: i64 = 1_767_225_600_000;

/// What one core of one node may touch.
pub struct SimWorld<M> {
    pub simulation: Simulation,
    pub machine: Rc<Machine>,
    /// The address space the node listens in: its number.
    pub node: u32,
    core: usize,
    disk: SimDisk,
    mesh: Rc<Mesh<M>>,
}

impl<M> Clone for SimWorld<M> {
    fn clone(&self) -> Self {
        SimWorld {
            simulation: self.simulation.clone(),
            machine: self.machine.clone(),
            node: self.node,
            core: self.core,
            disk: self.disk.clone(),
            mesh: self.mesh.clone(),
        }
    }
}

struct Mesh<M> {
    inboxes: Vec<Inbox<M>>,
    /// When the last message from one core to another arrives: order is kept per sender.
    last_ns: Vec<Cell<u64>>,
}

struct Inbox<M> {
    messages: RefCell<VecDeque<(usize, M)>>,
    waker: RefCell<Option<Waker>>,
}

impl<M: 'static> SimWorld<M> {
    /// The worlds of all cores of a node.
    pub fn of_node(
        simulation: &Simulation,
        machine: &Rc<Machine>,
        node: u32,
        cores: usize,
        disk: &SimDisk,
    ) -> Vec<SimWorld<M>> {
        let inbox = |_| Inbox {
            messages: RefCell::default(),
            waker: RefCell::default(),
        };
        let mesh = Rc::new(Mesh {
            inboxes: (0..cores).map(inbox).collect(),
            last_ns: vec![Cell::new(0); cores * cores],
        });
        let world = |core| SimWorld {
            simulation: simulation.clone(),
            machine: machine.clone(),
            node,
            core,
            disk: disk.clone(),
            mesh: mesh.clone(),
        };
        (0..cores).map(world).collect()
    }

    fn place(&self) -> (u64, usize) {
        (self.machine.id, self.core)
    }
}

impl<M: Send + 'static> World for SimWorld<M> {
    type Message = M;
    type Disk = SimDisk;
    type Listener = SimListener;
    type Stream = SimStream;

    fn core(&self) -> usize {
        self.core
    }

    fn cores(&self) -> usize {
        self.mesh.inboxes.len()
    }

    fn now(&self) -> Instant {
        Instant(self.simulation.now_ns())
    }

    fn wall_ms(&self) -> i64 {
        self.simulation.wall_ms()
    }

    fn random(&self) -> u64 {
        self.machine.random.borrow_mut().next_u64()
    }

    fn spawn(&self, name: &'static str, task: impl Future<Output = ()> + 'static) {
        self.machine.spawn(&self.simulation, self.core, name, task);
    }

    fn sleep(&self, duration: Duration) -> impl Future<Output = ()> + 'static {
        self.simulation.sleep(duration)
    }

    fn yield_now(&self) -> impl Future<Output = ()> + 'static {
        let mut yielded = false;
        poll_fn(move |context| {
            if yielded {
                return Poll::Ready(());
            }
            yielded = true;
            context.waker().wake_by_ref();
            Poll::Pending
        })
    }

    fn disk(&self) -> SimDisk {
        self.disk.clone()
    }

    fn listen(&self, address: SocketAddr) -> io::Result<SimListener> {
        self.simulation.listen(self.node, self.place(), address)
    }

    fn send(&self, core: usize, message: M) {
        if !self.machine.is_alive() {
            return;
        }
        let (from, mesh) = (self.core, self.mesh.clone());
        let last_ns = &self.mesh.last_ns[from * self.cores() + core];
        let hop_ns = self.simulation.draw(|random| random.between(HOP_NS.0, HOP_NS.1));
        let at_ns = (self.simulation.now_ns() + hop_ns).max(last_ns.get());
        last_ns.set(at_ns);
        let delay_ns = at_ns - self.simulation.now_ns();
        self.simulation
            .after(delay_ns, "message", (self.machine.id, core), from as u64, move |_| {
                mesh.inboxes[core].messages.borrow_mut().push_back((from, message));
                if let Some(waker) = mesh.inboxes[core].waker.take() {
                    waker.wake();
                }
            });
    }

    fn receive(&self) -> impl Future<Output = (usize, M)> {
        let inbox = &self.mesh.inboxes[self.core];
        poll_fn(move |context| match inbox.messages.borrow_mut().pop_front() {
            Some(message) => Poll::Ready(message),
            None => {
                *inbox.waker.borrow_mut() = Some(context.waker().clone());
                Poll::Pending
            }
        })
    }

    fn fail_stop(&self, reason: &str) -> ! {
        self.machine
            .failed
            .borrow_mut()
            .get_or_insert_with(|| reason.to_string());
        // Unlike a panic, this runs no hook: it is the node's way to end, not the simulator's.
        std::panic::resume_unwind(Box::new(FailStop));
    }
}
