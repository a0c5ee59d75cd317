//! Requests of one connection that are under way, in the order in which their answers must leave.

use std::{
    cell::{Cell, RefCell},
    collections::VecDeque,
    future::poll_fn,
    pin::Pin,
    task::{Poll, Waker},
    time::Duration,
};

use futures_lite::future::poll_once;

use crate::{
    api::context::{Outcome, Progress},
    limits::{IN_FLIGHT_BYTES_MAX, IN_FLIGHT_REQUESTS_MAX},
    runtime::world::Instant,
};

type Work = Pin<Box<dyn Future<Output = Outcome>>>;

struct Request {
    work: Work,
    bytes: usize,
    may_overlap: bool,
    progress: Progress,
}

/// A request that is done with, but for its answer's way out.
pub(super) struct Finished {
    pub outcome: Outcome,
    pub request_bytes: usize,
    pub progress: Progress,
}

/// Shared by the half of a connection that reads and the half that answers; both are parts of one task.
#[derive(Default)]
pub(super) struct InFlight {
    queue: RefCell<VecDeque<Request>>,
    bytes: Cell<usize>,
    ended: Cell<bool>,
    /// By an answer that was given.
    throttled_until: Cell<Option<Instant>>,
    waker: RefCell<Option<Waker>>,
}

impl InFlight {
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
                        .all(|request| request.may_overlap && request.progress.appends_are_made())
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

    /// Begins a request. Its first step, which makes its appends unless there is much to check before, is done when this returns.
    pub(super) async fn begin(
        &self,
        work: impl Future<Output = Outcome> + 'static,
        bytes: usize,
        may_overlap: bool,
        progress: Progress,
    ) {
        let mut work: Work = Box::pin(work);
        if let Some(outcome) = poll_once(&mut work).await {
            work = Box::pin(std::future::ready(outcome));
        }
        self.bytes.set(self.bytes.get() + bytes);
        self.queue.borrow_mut().push_back(Request {
            work,
            bytes,
            may_overlap,
            progress,
        });
        self.wake();
    }

    /// For how long no request may begin, since one before it used more than its client may.
    pub(super) fn throttled_for(&self, now: impl FnOnce() -> Instant) -> Option<Duration> {
        let queue = self.queue.borrow();
        let under_way = queue
            .iter()
            .map(|request| request.progress.throttled_until())
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
        self.wake();
    }

    /// Waits for the requests that are done with, oldest first, at least one. False: all is answered and nothing will come.
    pub(super) async fn finished(&self, finished: &mut Vec<Finished>) -> bool {
        poll_fn(|context| {
            loop {
                // The front is taken out while it is polled: its work may look at anything, also at this queue.
                let Some(mut front) = self.queue.borrow_mut().pop_front() else {
                    break;
                };
                let had_made = front.progress.appends_are_made();
                match front.work.as_mut().poll(context) {
                    Poll::Ready(outcome) => {
                        self.bytes.set(self.bytes.get() - front.bytes);
                        let until = front.progress.throttled_until();
                        self.throttled_until.set(self.throttled_until.get().max(until));
                        finished.push(Finished {
                            outcome,
                            request_bytes: front.bytes,
                            progress: front.progress,
                        });
                    }
                    Poll::Pending => {
                        if !had_made && front.progress.appends_are_made() {
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
            if self.queue.borrow().is_empty() {
                if self.ended.get() {
                    return Poll::Ready(false);
                }
                *self.waker.borrow_mut() = Some(context.waker().clone());
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
