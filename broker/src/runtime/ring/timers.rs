//! The broker's timers: a sorted map that the pump looks at each turn. The kernel learns only of the earliest one, and
//! only as the limit of a sleep; so a timer that is set and dropped costs no system call.

use std::{
    collections::BTreeMap,
    future::Future,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll, Waker},
};

use super::{Aftermath, Ring, replace_waker};
#[derive(Default)]
pub(super) struct Timers {
    /// By deadline in nanoseconds, then by a number that makes it unique.
    waiting: BTreeMap<(u64, u64), Option<Waker>>,
    next_id: u64,
}

impl Timers {
    pub(super) fn earliest_ns(&self) -> Option<u64> {
        self.waiting.first_key_value().map(|(key, _)| key.0)
    }

    /// Wakes everyone whose deadline has passed; how many.
    pub(super) fn fire(&mut self, now_ns: u64, aftermath: &mut Aftermath) -> usize {
        let mut fired = 0;
        while let Some(entry) = self.waiting.first_entry() {
            if entry.key().0 > now_ns {
                break;
            }
            aftermath.wake(entry.remove());
            fired += 1;
        }
        fired
    }

    pub(super) fn take_wakers(&mut self, aftermath: &mut Aftermath) {
        for waker in self.waiting.values_mut() {
            aftermath.drop_waker(waker.take());
        }
    }
}

/// Completes at or shortly after a deadline.
pub(crate) struct Sleep {
    ring: Rc<Ring>,
    deadline_ns: u64,
    /// Set while the timer waits in the map.
    id: Option<u64>,
}

impl Sleep {
    pub(crate) fn until(ring: Rc<Ring>, deadline_ns: u64) -> Sleep {
        Sleep {
            ring,
            deadline_ns,
            id: None,
        }
    }
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let deadline_ns = self.deadline_ns;
        let known = self.id;
        let waits = self.ring.with(|inner| {
            let timers = &mut inner.timers;
            let id = known.unwrap_or_else(|| {
                timers.next_id += 1;
                timers.waiting.insert((deadline_ns, timers.next_id), None);
                timers.next_id
            });
            // A turn that found it due has taken it out: no look at the clock here.
            let place = timers.waiting.get_mut(&(deadline_ns, id))?;
            replace_waker(place, context, &mut inner.aftermath);
            Some(id)
        });
        match waits {
            Some(_) => {
                self.id = waits;
                Poll::Pending
            }
            None => Poll::Ready(()),
        }
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        if let Some(id) = self.id {
            let deadline_ns = self.deadline_ns;
            self.ring.with(|inner| {
                if let Some(waker) = inner.timers.waiting.remove(&(deadline_ns, id)) {
                    inner.aftermath.drop_waker(waker);
                }
            });
        }
    }
}
