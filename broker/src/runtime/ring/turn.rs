//! The two ways into the kernel: a turn, which never waits, and a sleep, which does nothing else.
//!
//! Entering is what costs. A turn therefore enters only if there is a reason, and may hold submissions back for the sleep
//! that is likely to follow it: submitting and sleeping are then one call.
#![allow(unsafe_code)]

use std::{io, time::Duration};

use io_uring::{
    cqueue, opcode,
    types::{Fd, SubmitArgs, Timespec},
};

use super::{
    Inner, Ring,
    tag::{Kind, Tag},
};
use crate::runtime::{clock::monotonic_ns, fail_stop::fail_stop};

/// Events whose tasks are done so soon that submissions may wait for them.
const FEW_EVENTS: usize = 4;

/// What one turn found.
#[derive(Clone, Copy, Debug)]
pub(in crate::runtime) struct Turn {
    /// Completions seen, timers fired and yielded tasks woken.
    pub(in crate::runtime) events: usize,
    /// Submissions are held back: the next turn or sleep must not.
    pub(in crate::runtime) held: bool,
    pub(in crate::runtime) now_ns: u64,
}

impl Ring {
    /// From now on a signal on the doorbell is a completion. A ring that watches must be closed.
    pub(in crate::runtime) fn watch_doorbell(&self) {
        self.with(Inner::arm_doorbell);
    }

    /// Submits what is queued and handles what has completed. Never waits. With `may_hold`, what is queued may stay so,
    /// unless there is more than a few tasks' work to do before the next turn.
    pub(in crate::runtime) fn turn(&self, may_hold: bool) -> Turn {
        self.with(|inner| {
            let mut events = inner.yielded.len();
            for waker in inner.yielded.drain(..) {
                inner.aftermath.wake(Some(waker));
            }
            loop {
                if !may_hold || inner.must_enter() {
                    inner.enter();
                }
                events += inner.drain();
                if inner.backlog.is_empty() {
                    break;
                }
            }
            let now_ns = monotonic_ns();
            events += inner.timers.fire(now_ns, &mut inner.aftermath);
            let mut held = !inner.uring.submission().is_empty();
            if held && events > FEW_EVENTS {
                inner.enter();
                held = false;
            }
            Turn { events, held, now_ns }
        })
    }

    /// Submits what is queued and waits until something has completed or the earliest timer is due. May return earlier.
    pub(in crate::runtime) fn sleep(&self, now_ns: u64) {
        self.with(|inner| {
            if inner.yielded.is_empty() && inner.backlog.is_empty() {
                let earliest_ns = inner.timers.earliest_ns();
                inner.wait(earliest_ns.map(|due_ns| Duration::from_nanos(due_ns.saturating_sub(now_ns))));
            }
        });
    }
}

impl Inner {
    /// Whether the kernel must be entered for more than to submit: to run deferred completions, to get overflown ones, or
    /// to make room in the queue.
    fn must_enter(&mut self) -> bool {
        let queue = self.uring.submission();
        !self.backlog.is_empty() || queue.taskrun() || queue.cq_overflow()
    }

    /// Moves the backlog to the queue as far as it goes, submits and runs deferred completions.
    pub(super) fn enter(&mut self) {
        while let Some(chain) = self.backlog.pop_front() {
            // SAFETY: who queued it promised it until completion.
            if !unsafe { self.push_now(&chain) } {
                self.backlog.push_front(chain);
                break;
            }
        }
        let queued = self.uring.submission().len();
        if queued == 0 && !self.must_enter() {
            return;
        }
        let taken = self.uring.submit();
        self.entered(queued, taken);
    }

    /// Submits, and waits for a completion, but not for longer than `at_most`.
    pub(super) fn wait(&mut self, at_most: Option<Duration>) {
        let queued = self.uring.submission().len();
        let taken = match at_most.map(Timespec::from) {
            Some(at_most) => {
                let limit = SubmitArgs::new().timespec(&at_most);
                self.uring.submitter().submit_with_args(1, &limit)
            }
            None => self.uring.submit_and_wait(1),
        };
        self.entered(queued, taken);
    }

    fn entered(&self, queued: usize, taken: io::Result<usize>) {
        match taken {
            Ok(taken) if taken < queued => {
                // The kernel was out of memory in the middle of the queue. If that cut a write from its flush, the flush
                // would run on its own and vouch for a write that it did not wait for.
                fail_stop(&format!("the kernel took {taken} of {queued} submissions"));
            }
            Ok(_) => {}
            Err(error) => match error.raw_os_error() {
                Some(libc::ETIME | libc::EINTR | libc::EAGAIN | libc::EBUSY) => {}
                _ => fail_stop(&format!("io_uring_enter: {error}")),
            },
        }
    }

    /// Handles all completions in the queue; how many.
    pub(super) fn drain(&mut self) -> usize {
        const BATCH: usize = 64;
        let mut batch = [(0u64, 0i32, 0u32); BATCH];
        let mut events = 0;
        loop {
            let mut count = 0;
            for entry in self.uring.completion().take(BATCH) {
                batch[count] = (entry.user_data(), entry.result(), entry.flags());
                count += 1;
            }
            for &(user_data, result, flags) in &batch[..count] {
                self.complete(Tag::unpack(user_data), result, flags);
            }
            events += count;
            if count < BATCH {
                break;
            }
        }
        if events > 0 {
            // Before rearming: a receive that finds no buffer ends at once.
            self.buffers.publish();
            self.rearm_starved();
        }
        events
    }

    fn complete(&mut self, tag: Tag, result: i32, flags: u32) {
        let last = !cqueue::more(flags);
        if last && tag.kind != Kind::Ignored {
            self.due -= 1;
        }
        match tag.kind {
            Kind::Ignored => {}
            Kind::Accept => self.on_accept(tag.key, result, last),
            Kind::Receive => self.on_receive(tag.key, result, cqueue::buffer_select(flags), last),
            Kind::Send => self.on_send(tag.key, result),
            Kind::File => self.on_file(tag.key, 0, result),
            Kind::LinkedFlush => self.on_file(tag.key, 1, result),
            Kind::Doorbell => self.on_doorbell(result, last),
        }
    }

    /// A poll that lasts: each signal is a completion, and nobody need read the eventfd.
    fn arm_doorbell(&mut self) {
        let entry = opcode::PollAdd::new(Fd(self.doorbell), libc::POLLIN as u32)
            .multi(true)
            .build()
            .user_data(Tag::bare(Kind::Doorbell).pack());
        // SAFETY: the entry names no memory, and the doorbells outlive every core.
        unsafe { self.submit((entry, None)) };
    }

    fn on_doorbell(&mut self, result: i32, last: bool) {
        if !last || self.closing {
            return;
        }
        // A lost wake is a lost core.
        if result < 0 {
            let error = io::Error::from_raw_os_error(-result);
            fail_stop(&format!("cannot wait for the doorbell: {error}"));
        }
        self.arm_doorbell();
    }
}
