//! The one task that turns the hot ring.
//!
//! While there is hot work it turns once per round of ready tasks. When there is none, it parks: glommio then sees all
//! its queues empty, visits its own rings and sleeps, and the doorbell wakes it. Under sustained hot work glommio would
//! not visit its own rings before its preempt timer (100 ms), so once per [`OUTER_TURN`] the pump parks with its doorbell
//! already rung. It must not be woken by submissions then, or it would be back before glommio had its turn.

use std::{
    cell::Cell,
    future::{Future, poll_fn},
    pin::Pin,
    rc::Rc,
    sync::atomic::{AtomicU64, Ordering},
    task::Poll,
    time::Duration,
};

use glommio::io::BufferedFile;

use super::{event::EventFd, fail_stop::fail_stop, mesh::Mesh, ring::Ring};

/// How long glommio's own rings may wait while the hot ring is busy.
const OUTER_TURN: Duration = Duration::from_millis(1);
/// Rounds without an event before the pump parks.
const IDLE_ROUNDS: u32 = 1;

pub(super) struct Pump<M> {
    pub(super) ring: Rc<Ring>,
    pub(super) mesh: Rc<Mesh<M>>,
    /// How long to look for work before parking.
    pub(super) spin: Duration,
    pub(super) stopped: Rc<Cell<bool>>,
}

impl<M: Send + 'static> Pump<M> {
    /// Runs until `stopped`. `heartbeat` moves with every turn.
    pub(super) async fn run(self, heartbeat: &AtomicU64) {
        let doorbell = match self.mesh.doorbell().event.for_glommio() {
            Ok(doorbell) => doorbell,
            Err(error) => fail_stop(&format!("the doorbell of a core: {error}")),
        };
        let mut bell = Bell {
            event: doorbell,
            read: None,
        };
        let mut outer_turn_ns = 0;
        let mut idle_rounds = 0;
        let mut busy_ns = 0;
        while !self.stopped.get() {
            let turn = self.ring.turn();
            let heard = self.mesh.turn();
            heartbeat.fetch_add(1, Ordering::Relaxed);
            if turn.events > 0 || heard {
                idle_rounds = 0;
                busy_ns = turn.now_ns;
            } else {
                idle_rounds += 1;
            }
            let overdue = turn.now_ns - outer_turn_ns > OUTER_TURN.as_nanos() as u64;
            let spinning = turn.now_ns - busy_ns < self.spin.as_nanos() as u64;
            if overdue && (idle_rounds <= IDLE_ROUNDS || spinning) {
                self.mesh.doorbell().event.signal();
                bell.wait(|_| true).await;
                outer_turn_ns = super::clock::monotonic_ns();
            } else if idle_rounds <= IDLE_ROUNDS || spinning {
                glommio::executor().yield_task_queue_now().await;
            } else {
                self.park(&mut bell).await;
                outer_turn_ns = super::clock::monotonic_ns();
                idle_rounds = 0;
            }
        }
    }

    async fn park(&self, bell: &mut Bell) {
        let doorbell = self.mesh.doorbell();
        doorbell.set_asleep();
        // Also flushes what waits for room once more, now that the receiver's answer would wake us.
        if !self.mesh.turn() && self.ring.prepare_sleep() {
            bell.wait(|context| !self.stopped.get() && self.ring.kick_on_submission(context))
                .await;
            self.ring.end_sleep();
        }
        doorbell.set_awake();
    }
}

/// The doorbell as glommio sees it. One read of it is kept over all waits.
struct Bell {
    event: Rc<BufferedFile>,
    read: Option<Pin<Box<dyn Future<Output = ()>>>>,
}

impl Bell {
    /// Until the doorbell was rung, or `keep_waiting` says no; that is asked each time the task is polled.
    async fn wait(&mut self, mut keep_waiting: impl FnMut(&mut std::task::Context<'_>) -> bool) {
        poll_fn(|context| {
            let read = self
                .read
                .get_or_insert_with(|| Box::pin(EventFd::consume(self.event.clone())));
            if read.as_mut().poll(context).is_ready() {
                self.read = None;
                return Poll::Ready(());
            }
            if keep_waiting(context) {
                Poll::Pending
            } else {
                Poll::Ready(())
            }
        })
        .await;
    }
}
