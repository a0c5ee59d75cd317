//! The one task that turns the hot ring, and puts the core to sleep.
//!
//! glommio runs the tasks of a core in the order in which they were woken, and the pump gives way to all of them after
//! each turn. So if no task ran between two turns and the second brought nothing, nothing on this core can run before
//! something arrives from outside; and everything from outside arrives at the hot ring: sockets, files, timers as the
//! limit of the sleep, other threads by the doorbell. Then the pump waits in the kernel itself, with the thread:
//! glommio's own rings carry nothing, and to park through them costs eight system calls.
//!
//! No wake is lost. Others write what they have for this core, then a full fence, then look whether it sleeps; the pump
//! says that it sleeps, then a full fence, then looks at everything that others write. One of the two sees the other:
//! either there is no sleep, or there is a signal on the doorbell, and a signal is a completion that ends the sleep also
//! if it came before.
//!
//! Nothing else on this thread may wait, and no waker of a task may be woken by another thread: glommio would be told,
//! and the core would not hear it.

use std::{
    cell::Cell,
    future::{Future, poll_fn},
    pin::pin,
    rc::Rc,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use super::{core_world::GlommioWorld, ring::Turn};

/// After a round of no more tasks than this, submissions may wait for the next round, which is as short: if it is
/// empty, submitting and sleeping are one system call.
const SHORT_ROUND: u32 = 4;

/// Counts the tasks that a core runs: what tells the pump that there are none.
#[derive(Clone, Default)]
pub(super) struct Ran(Rc<Cell<u32>>);

impl Ran {
    /// `task`, counted each time that it is run. Everything that runs on a core must be, but the pump.
    pub(super) fn counted<T: Future>(&self, task: T) -> impl Future<Output = T::Output> + use<T> {
        let guard = RanWhenDropped(self.clone());
        async move {
            let mut task = pin!(task);
            poll_fn(|context| {
                guard.0.count();
                task.as_mut().poll(context)
            })
            .await
        }
    }

    fn count(&self) {
        self.0.set(self.0.get().saturating_add(1));
    }

    fn take(&self) -> u32 {
        self.0.take()
    }
}

/// A task is also run to be dropped, and may wake others then.
struct RanWhenDropped(Ran);

impl Drop for RanWhenDropped {
    fn drop(&mut self) {
        self.0.count();
    }
}

pub(super) struct Pump<M> {
    pub(super) world: GlommioWorld<M>,
    /// How long to look for work before sleeping.
    pub(super) spin: Duration,
    pub(super) stopped: Rc<Cell<bool>>,
}

impl<M: Send + 'static> Pump<M> {
    /// Runs until `stopped`. `heartbeat` moves with every turn.
    pub(super) async fn run(self, heartbeat: &AtomicU64) {
        let spin_ns = self.spin.as_nanos() as u64;
        let mut busy_ns = 0;
        let mut held = false;
        self.world.ring().watch_doorbell();
        while !self.stopped.get() {
            let ran = self.world.ran().take();
            let turn = self.world.ring().turn(!held && ran <= SHORT_ROUND);
            let heard = self.hear();
            heartbeat.fetch_add(1, Ordering::Relaxed);
            held = turn.held;
            if turn.events > 0 || heard || ran > 0 {
                busy_ns = turn.now_ns;
            } else if turn.now_ns - busy_ns >= spin_ns && self.sleep(&turn) {
                held = false;
                continue;
            }
            glommio::executor().yield_task_queue_now().await;
        }
    }

    /// Looks at everything that comes from other threads without the ring; `true` if a task was woken.
    fn hear(&self) -> bool {
        let heard = self.world.mesh().turn();
        let answered = self.world.blocking().turn();
        self.world.wake_if_stopping() || heard || answered
    }

    /// `false` if there was no sleep, but a task to run.
    fn sleep(&self, turn: &Turn) -> bool {
        let doorbell = self.world.mesh().doorbell();
        doorbell.set_asleep();
        // Also flushes what waits for room once more, now that the receiver's answer would wake us.
        let idle = !self.hear();
        if idle {
            self.world.ring().sleep(turn.now_ns);
        }
        doorbell.set_awake();
        idle
    }
}
