//! [`World`] for real: one core of this process.

use std::{
    cell::{Cell, RefCell},
    future::{Future, poll_fn},
    io,
    net::SocketAddr,
    panic::AssertUnwindSafe,
    pin::pin,
    rc::Rc,
    sync::Arc,
    task::{Poll, Waker},
    time::Duration,
};

use futures_lite::FutureExt;
use glommio::TaskQueueHandle;

use super::{
    blocking::BlockingPool,
    clock,
    current_task::CurrentTask,
    disk::RingDisk,
    fail_stop::fail_stop,
    mesh::Mesh,
    pulse::Pulse,
    pump::Ran,
    ring::{Ring, RingListener, RingStream, Sleep},
    supervisor::Vitals,
    world::{Instant, World},
};

/// One core. Cheap to clone; stays on its thread.
pub struct GlommioWorld<M> {
    core: Rc<Core<M>>,
}

struct Core<M> {
    ring: Rc<Ring>,
    mesh: Mesh<M>,
    disk: RingDisk,
    ran: Ran,
    vitals: Arc<Vitals>,
    random: Cell<u64>,
    stop_waiters: RefCell<Vec<Waker>>,
    index: usize,
}

impl<M: Send + 'static> GlommioWorld<M> {
    pub(super) fn new(
        index: usize,
        ring: Rc<Ring>,
        mesh: Mesh<M>,
        disk: RingDisk,
        ran: Ran,
        vitals: Arc<Vitals>,
        seed: u64,
    ) -> GlommioWorld<M> {
        GlommioWorld {
            core: Rc::new(Core {
                ring,
                mesh,
                disk,
                ran,
                vitals,
                // Far apart for neighbouring seeds and cores after the first mixing.
                random: Cell::new(seed ^ (index as u64 + 1).wrapping_mul(0xd1b5_4a32_d192_ed03)),
                stop_waiters: RefCell::default(),
                index,
            }),
        }
    }

    /// Completes when the process was asked to end (SIGTERM, SIGINT or a [`Stopper`]); at once if that was before.
    pub async fn stopped(&self) {
        poll_fn(|context| {
            if self.core.vitals.is_stopping() {
                return Poll::Ready(());
            }
            self.core.stop_waiters.borrow_mut().push(context.waker().clone());
            Poll::Pending
        })
        .await;
    }

    /// For any thread to see how the cores are.
    pub fn pulse(&self) -> Pulse {
        Pulse::new(self.core.vitals.clone())
    }

    /// A handle for any thread to end the node.
    pub fn stopper(&self) -> Stopper {
        Stopper(self.core.vitals.clone())
    }

    pub(super) fn ring(&self) -> &Rc<Ring> {
        &self.core.ring
    }

    pub(super) fn mesh(&self) -> &Mesh<M> {
        &self.core.mesh
    }

    pub(super) fn blocking(&self) -> &BlockingPool {
        self.core.disk.blocking()
    }

    pub(super) fn ran(&self) -> &Ran {
        &self.core.ran
    }

    /// Wakes who waits for the end, if it has come; `true` if there was somebody.
    pub(super) fn wake_if_stopping(&self) -> bool {
        if !self.core.vitals.is_stopping() {
            return false;
        }
        let waiters = self.core.stop_waiters.take();
        let woke = !waiters.is_empty();
        waiters.into_iter().for_each(Waker::wake);
        woke
    }

    /// Lets go of every task that waits for something here.
    pub(super) fn release_tasks(&self) {
        let _waiters = self.core.stop_waiters.take();
        self.core.mesh.close();
        self.blocking().release_tasks();
        self.core.ring.release_tasks();
    }
}

/// Asks every core to end in order, as SIGTERM does.
#[derive(Clone)]
pub struct Stopper(Arc<Vitals>);

impl Stopper {
    pub fn stop(&self) {
        self.0.stop();
    }
}

impl<M> Clone for GlommioWorld<M> {
    fn clone(&self) -> GlommioWorld<M> {
        GlommioWorld {
            core: self.core.clone(),
        }
    }
}

impl<M: Send + 'static> World for GlommioWorld<M> {
    type Message = M;
    type Disk = RingDisk;
    type Listener = RingListener;
    type Stream = RingStream;

    fn core(&self) -> usize {
        self.core.index
    }

    fn cores(&self) -> usize {
        self.core.mesh.cores()
    }

    fn now(&self) -> Instant {
        Instant(clock::monotonic_ns())
    }

    fn wall_ms(&self) -> i64 {
        clock::wall_ms()
    }

    /// SplitMix64 (Steele, Lea, Flood: Fast Splittable Pseudorandom Number Generators, 2014).
    fn random(&self) -> u64 {
        let state = self.core.random.get().wrapping_add(0x9e37_79b9_7f4a_7c15);
        self.core.random.set(state);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn spawn(&self, name: &'static str, task: impl Future<Output = ()> + 'static) {
        let vitals = self.core.vitals.clone();
        let index = self.core.index;
        let place = CurrentTask::place_of(name);
        let task = async move {
            let mut task = pin!(AssertUnwindSafe(task).catch_unwind());
            let named = poll_fn(|context| {
                let current = &vitals.cores[index].current_task;
                current.enter(place);
                let answer = task.as_mut().poll(context);
                current.leave();
                answer
            });
            // A panic in a glommio task would end the core and leave the others running.
            if named.await.is_err() {
                fail_stop(&format!("the task {name:?} panicked"));
            }
        };
        // Not `spawn_local`: that polls the task at once, inside of whatever its caller is doing.
        let task = self.core.ran.counted(task);
        match glommio::spawn_local_into(task, TaskQueueHandle::default()) {
            Ok(task) => {
                task.detach();
            }
            Err(error) => fail_stop(&format!("cannot start the task {name:?}: {error}")),
        }
    }

    fn sleep(&self, duration: Duration) -> impl Future<Output = ()> + 'static {
        Sleep::until(self.core.ring.clone(), self.now().after(duration).0)
    }

    fn yield_now(&self) -> impl Future<Output = ()> + 'static {
        let ring = self.core.ring.clone();
        let mut yielded = false;
        poll_fn(move |context| {
            if std::mem::replace(&mut yielded, true) {
                return Poll::Ready(());
            }
            ring.wake_after_turn(context.waker().clone());
            Poll::Pending
        })
    }

    fn disk(&self) -> RingDisk {
        self.core.disk.clone()
    }

    fn listen(&self, address: SocketAddr) -> io::Result<RingListener> {
        RingListener::bind(&self.core.ring, address)
    }

    fn send(&self, core: usize, message: M) {
        self.core.mesh.send(core, message);
    }

    async fn receive(&self) -> (usize, M) {
        self.core.mesh.receive().await
    }

    fn fail_stop(&self, reason: &str) -> ! {
        fail_stop(reason)
    }
}
