//! The pump between filled frames and the disk. Whoever waits for durability and is able to, drives it: the broker's
//! commit task, and the background when it needs its own records durable. Frames in flight belong to the store, not to
//! who drives, so a dropped future loses nothing.

use std::{
    collections::VecDeque,
    future::{Future, poll_fn},
    io,
    pin::{Pin, pin},
    sync::{Arc, Mutex},
    task::{Context, Poll, Wake, Waker},
    time::Duration,
};

use super::{Inner, LocalFuture, LogId, Store, StoreOptions};
use crate::{
    StorageError,
    disk::{Disk, DiskFile, Sync},
};

pub(super) type Flight = (u64, Pin<Box<dyn Future<Output = io::Result<()>>>>);

/// Wakes all who drive: a frame's future knows one waker only, but several tasks may wait for it.
#[derive(Default)]
pub(super) struct Drivers {
    wakers: Mutex<Vec<Waker>>,
}

impl Drivers {
    fn add(&self, waker: &Waker) {
        let mut wakers = self.wakers.lock().expect("never poisoned: nothing panics under it");
        if !wakers.iter().any(|other| other.will_wake(waker)) {
            wakers.push(waker.clone());
        }
    }

    fn wake_others(&self, own: &Waker) {
        let mut wakers = self.wakers.lock().expect("never poisoned: nothing panics under it");
        let (own, others): (Vec<Waker>, Vec<Waker>) = wakers.drain(..).partition(|waker| waker.will_wake(own));
        *wakers = own;
        drop(wakers);
        others.into_iter().for_each(Waker::wake);
    }

    pub fn wake_all(&self) {
        let wakers = std::mem::take(&mut *self.wakers.lock().expect("never poisoned: nothing panics under it"));
        wakers.into_iter().for_each(Waker::wake);
    }
}

impl Wake for Drivers {
    fn wake(self: Arc<Self>) {
        self.wake_all();
    }
}

/// Sleeps until a time that may change between two looks.
#[derive(Default)]
struct Timer(Option<(u64, LocalFuture)>);

impl Timer {
    /// Ready once when the time has come; pending without a time.
    fn poll(&mut self, until_ns: Option<u64>, options: &StoreOptions, cx: &mut Context<'_>) -> Poll<()> {
        let Some(until_ns) = until_ns else {
            self.0 = None;
            return Poll::Pending;
        };
        if self.0.as_ref().is_none_or(|(set_ns, _)| *set_ns != until_ns) {
            let rest = Duration::from_nanos(until_ns.saturating_sub((options.now_ns)()));
            self.0 = Some((until_ns, (options.sleep)(rest)));
        }
        let (_, sleep) = self.0.as_mut().expect("just set");
        let slept = sleep.as_mut().poll(cx);
        if slept.is_ready() {
            self.0 = None;
        }
        slept
    }
}

impl<D: Disk> Store<D> {
    /// See [`Store::commit`].
    pub(super) async fn commit_frame(&self) -> Result<Vec<(LogId, i64)>, StorageError> {
        let inner = &*self.inner;
        let mut idle_timer = None;
        let mut companions_timer = Timer::default();
        poll_fn(|cx| {
            loop {
                self.pump(cx, false)?;
                let mut state = inner.state.borrow_mut();
                if state.committed {
                    state.committed = false;
                    return Poll::Ready(Ok(std::mem::take(&mut state.moved).into_iter().collect()));
                }
                let wants_watermark = state.is_clean() && state.committer.wants_watermark();
                let waits_until_ns = state.waits_until_ns;
                drop(state);
                if companions_timer.poll(waits_until_ns, &inner.options, cx).is_ready() {
                    continue;
                }
                if !wants_watermark {
                    idle_timer = None;
                    return Poll::Pending;
                }
                let timer = idle_timer.get_or_insert_with(|| (inner.options.sleep)(inner.options.watermark_after));
                if timer.as_mut().poll(cx).is_pending() {
                    return Poll::Pending;
                }
                idle_timer = None;
                inner.state.borrow_mut().push_watermark();
            }
        })
        .await
    }

    /// Makes everything up to this frame durable.
    pub(super) async fn drive_to(&self, frame_seq: u64) -> Result<(), StorageError> {
        poll_fn(|cx| {
            self.pump(cx, true)?;
            let durable = self.inner.state.borrow().committer.is_durable(frame_seq);
            if durable { Poll::Ready(Ok(())) } else { Poll::Pending }
        })
        .await
    }

    /// Seals what may be sealed, `urgent` or not, and looks what is done.
    fn pump(&self, cx: &mut Context<'_>, urgent: bool) -> Result<(), StorageError> {
        let inner = &*self.inner;
        inner.drivers.add(cx.waker());
        let waker = Waker::from(inner.drivers.clone());
        let shared = &mut Context::from_waker(&waker);
        loop {
            let mut progress = false;
            loop {
                let mut state = inner.state.borrow_mut();
                if let Some(reason) = &state.failed {
                    return Err(StorageError(reason.clone()));
                }
                let wall_ms = (inner.options.wall_ms)();
                match state.seal_next(urgent, wall_ms, &*inner.options.now_ns) {
                    Ok(Some(write)) => {
                        let sync = if inner.options.rules.flush {
                            Sync::Data
                        } else {
                            Sync::Later
                        };
                        let file = inner.files[write.slot].clone();
                        let flight = async move { file.write_at(write.position, write.bytes, sync).await };
                        inner
                            .flights
                            .borrow_mut()
                            .push_back((write.frame_seq, Box::pin(flight)));
                        progress = true;
                    }
                    Ok(None) => break,
                    Err(()) => {
                        // Only the background can free files; it wakes us. But what it waits for may be us.
                        drop(state);
                        return Err(self.poison("the journal is full: appends must wait for room"));
                    }
                }
            }
            let mut flights = std::mem::take(&mut *inner.flights.borrow_mut());
            let mut failed = None;
            let mut still = VecDeque::with_capacity(flights.len());
            while let Some((frame_seq, mut flight)) = flights.pop_front() {
                match flight.as_mut().poll(shared) {
                    Poll::Pending => still.push_back((frame_seq, flight)),
                    Poll::Ready(Ok(())) => {
                        progress = true;
                        let now_ns = (inner.options.now_ns)();
                        let wakers = inner.state.borrow_mut().frame_done(frame_seq, now_ns);
                        wakers.into_iter().for_each(Waker::wake);
                    }
                    Poll::Ready(Err(error)) => failed = Some(error),
                }
            }
            *inner.flights.borrow_mut() = still;
            if let Some(error) = failed {
                return Err(self.poison(&format!("journal write: {error}")));
            }
            if !progress {
                return Ok(());
            }
            // Others that drive have news, too.
            inner.drivers.wake_others(cx.waker());
        }
    }

    /// The first fault is the last word: nothing is acknowledged any more.
    pub(super) fn poison(&self, reason: &str) -> StorageError {
        let wakers = self.inner.state.borrow_mut().fail(reason);
        wakers.into_iter().for_each(Waker::wake);
        self.inner.drivers.wake_all();
        tracing::error!(reason, "storage failed; nothing is acknowledged any more");
        StorageError(reason.to_string())
    }

    pub(super) async fn wait_for(&self, frame_seq: u64) -> Result<(), crate::Failed> {
        let wait = poll_fn(|cx| {
            let mut state = self.inner.state.borrow_mut();
            if state.failed.is_some() {
                return Poll::Ready(Err(crate::Failed));
            }
            if state.committer.is_durable(frame_seq) {
                return Poll::Ready(Ok(()));
            }
            state.wait_for(frame_seq, cx.waker());
            Poll::Pending
        });
        pin!(wait).await
    }
}

impl<D: Disk> Inner<D> {
    /// Something was pushed: whoever commits has work.
    pub(super) fn pushed(&self) {
        self.drivers.wake_all();
    }
}
