//! The orderly end of a ring: nothing may be in flight when its memory goes.
#![allow(unsafe_code)]

use std::time::Duration;

use io_uring::{opcode, types::CancelBuilder};

use super::{
    Inner, Ring,
    tag::{Kind, Tag},
};
use crate::runtime::clock::monotonic_ns;

/// How long a core waits at its end for the disk; sockets end at once.
const WAIT: Duration = Duration::from_secs(5);

impl Ring {
    /// Lets go of every task that waits here, and starts nothing new.
    pub(in crate::runtime) fn release_tasks(&self) {
        self.with(|inner| {
            inner.closing = true;
            inner.drop_wakers();
        });
    }

    /// Cancels what can be cancelled and waits for the rest; what is in flight after that keeps its memory for ever.
    pub(in crate::runtime) fn close(&self) {
        let deadline_ns = monotonic_ns() + WAIT.as_nanos() as u64;
        loop {
            let due = self.with(|inner| {
                inner.cancel_all();
                inner.enter();
                if inner.due > 0 && inner.backlog.is_empty() {
                    inner.wait(Some(Duration::from_millis(10)));
                }
                inner.drain();
                inner.drop_wakers();
                inner.due
            });
            if due == 0 || monotonic_ns() > deadline_ns {
                return;
            }
        }
    }
}

impl Inner {
    fn drop_wakers(&mut self) {
        for slot in self.listeners.iter_mut() {
            self.aftermath.drop_waker(slot.take_waker());
        }
        for slot in self.streams.iter_mut() {
            for waker in slot.take_wakers() {
                self.aftermath.drop_waker(waker);
            }
        }
        for slot in self.files.iter_mut() {
            self.aftermath.drop_waker(slot.take_waker());
        }
        self.timers.take_wakers(&mut self.aftermath);
        for waker in std::mem::take(&mut self.yielded) {
            self.aftermath.drop_waker(Some(waker));
        }
    }

    fn cancel_all(&mut self) {
        let entry = opcode::AsyncCancel2::new(CancelBuilder::any().all()).build();
        // SAFETY: the entry names no memory.
        unsafe { self.push((entry.user_data(Tag::bare(Kind::Ignored).pack()), None)) };
    }
}
