//! Requests of one connection that are under way, in the order in which their answers must leave.

use std::{
    cell::{Cell, RefCell},
    collections::VecDeque,
    future::poll_fn,
    task::{Poll, Waker},
    time::Duration,
};

use super::lane::Lane;
use crate::{
    api::context::Outcome,
    core::Message,
    limits::{IN_FLIGHT_BYTES_MAX, IN_FLIGHT_REQUESTS_MAX},
    runtime::world::{Instant, World},
};

struct Request<W: World> {
    lane: Lane<W>,
    /// It was done with at its first step.
    outcome: Option<Outcome>,
    bytes: usize,
    may_overlap: bool,
}

/// A request that is done with, but for its answer's way out.
pub(super) struct Finished<W: World> {
    pub outcome: Outcome,
    pub request_bytes: usize,
    pub lane: Lane<W>,
}

/// Shared by the half of a connection that reads and the half that answers. Both are parts of one task, which polls the reading
/// half first: what that does, the other sees without being woken.
pub(super) struct InFlight<W: World> {
    queue: RefCell<VecDeque<Request<W>>>,
    bytes: Cell<usize>,
    ended: Cell<bool>,
    /// By an answer that was given.
    throttled_until: Cell<Option<Instant>>,
    /// Of the reading half, while it waits for requests under way.
    waker: RefCell<Option<Waker>>,
}

impl<W: World> Default for InFlight<W> {
    fn default() -> Self {
        InFlight {
            queue: RefCell::default(),
            bytes: Cell::default(),
            ended: Cell::default(),
            throttled_until: Cell::default(),
            waker: RefCell::default(),
        }
    }
}

impl<W: World<Message = Message>> InFlight<W> {
    /// Waits until a request may begin. Requests run one after the other as in Kafka, except that produce requests
    /// overlap each other: one begins when the appends of those before it are made, so that only their waits for the disk are
    /// shared.
    pub(super) async fn admit(&self, may_overlap: bool) {
        poll_fn(|context| {
            let queue = self.queue.borrow();
            let room = queue.is_empty()
                || (may_overlap
                    && queue
                        .iter()
                        .all(|request| request.may_overlap && request.lane.progress().appends_are_made())
                    && queue.len() < IN_FLIGHT_REQUESTS_MAX
                    && self.bytes.get() < IN_FLIGHT_BYTES_MAX);
            if room {
                return Poll::Ready(());
            }
            *self.waker.borrow_mut() = Some(context.waker().clone());
            Poll::Pending
        })
        .await;
    }

    /// Begins the request in a lane. Its first step, which makes its appends unless there is much to check before, is done when this
    /// returns.
    pub(super) async fn begin(&self, mut lane: Lane<W>, bytes: usize, may_overlap: bool) {
        let first_step = poll_fn(|context| Poll::Ready(lane.poll(context))).await;
        let outcome = match first_step {
            Poll::Ready(outcome) => Some(outcome),
            Poll::Pending => None,
        };
        self.bytes.set(self.bytes.get() + bytes);
        self.queue.borrow_mut().push_back(Request {
            lane,
            outcome,
            bytes,
            may_overlap,
        });
    }

    /// For how long no request may begin, since one before it used more than its client may.
    pub(super) fn throttled_for(&self, now: impl FnOnce() -> Instant) -> Option<Duration> {
        let queue = self.queue.borrow();
        let under_way = queue
            .iter()
            .map(|request| request.lane.progress().throttled_until())
            .max()
            .flatten();
        let until = self.throttled_until.get().max(under_way)?;
        let wait = until.since(now());
        (!wait.is_zero()).then_some(wait)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.queue.borrow().is_empty()
    }

    /// No further request will begin.
    pub(super) fn end(&self) {
        self.ended.set(true);
    }

    /// Waits for the requests that are done with, oldest first, at least one. False: all is answered and nothing will come.
    pub(super) async fn finished(&self, finished: &mut Vec<Finished<W>>) -> bool {
        poll_fn(|context| {
            loop {
                // The front is taken out while it is polled: its work may look at anything, also at this queue.
                let Some(mut front) = self.queue.borrow_mut().pop_front() else {
                    break;
                };
                let had_made = front.lane.progress().appends_are_made();
                let polled = match front.outcome.take() {
                    Some(outcome) => Poll::Ready(outcome),
                    None => front.lane.poll(context),
                };
                match polled {
                    Poll::Ready(outcome) => {
                        self.bytes.set(self.bytes.get() - front.bytes);
                        let until = front.lane.progress().throttled_until();
                        self.throttled_until.set(self.throttled_until.get().max(until));
                        finished.push(Finished {
                            outcome,
                            request_bytes: front.bytes,
                            lane: front.lane,
                        });
                    }
                    Poll::Pending => {
                        if !had_made && front.lane.progress().appends_are_made() {
                            self.wake();
                        }
                        self.queue.borrow_mut().push_front(front);
                        break;
                    }
                }
            }
            if !finished.is_empty() {
                self.wake();
                return Poll::Ready(true);
            }
            if self.queue.borrow().is_empty() && self.ended.get() {
                return Poll::Ready(false);
            }
            Poll::Pending
        })
        .await
    }

    fn wake(&self) {
        if let Some(waker) = self.waker.borrow_mut().take() {
            waker.wake();
        }
    }
}
