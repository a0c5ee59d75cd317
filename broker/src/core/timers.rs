//! Deadlines of waiting fetches. One sleeping task serves all: most waits end long before their deadline, and a timer
//! of its own for each would only fill the ring.

use std::{
    cell::{Cell, RefCell},
    collections::BTreeSet,
};

use super::{Core, Message};
use crate::{
    partition::fetch::{self, WaiterKey},
    runtime::world::{Instant, World},
};

#[derive(Default)]
pub struct Timers {
    due: RefCell<BTreeSet<(Instant, WaiterKey)>>,
    /// The earliest wake-up that a sleeping task will do.
    wake_at: Cell<Option<Instant>>,
}

impl Timers {
    pub fn remove(&self, deadline: Instant, waiter: WaiterKey) {
        self.due.borrow_mut().remove(&(deadline, waiter));
    }
}

impl<W: World<Message = Message>> Core<W> {
    /// Expires the waiting fetch `waiter` at `deadline` unless it is removed before.
    pub fn expire_fetch_at(&self, deadline: Instant, waiter: WaiterKey) {
        self.timers.due.borrow_mut().insert((deadline, waiter));
        self.arm();
    }

    /// Makes sure that somebody wakes for the earliest deadline.
    fn arm(&self) {
        let Some(&(first, _)) = self.timers.due.borrow().first() else {
            return;
        };
        if self.timers.wake_at.get().is_some_and(|wake| wake <= first) {
            return;
        }
        self.timers.wake_at.set(Some(first));
        let core = self.clone();
        self.world.spawn("fetch deadline", async move {
            core.world.sleep(first.since(core.world.now())).await;
            // A later, earlier deadline may have started another sleeper; then this one has nothing to say.
            if core.timers.wake_at.get() == Some(first) {
                core.timers.wake_at.set(None);
                core.expire_due();
                core.arm();
            }
        });
    }

    fn expire_due(&self) {
        let now = self.world.now();
        loop {
            let waiter = {
                let mut due = self.timers.due.borrow_mut();
                match due.first() {
                    Some(&(deadline, _)) if deadline <= now => due.pop_first().expect("there is a first").1,
                    _ => return,
                }
            };
            fetch::finish(self, waiter);
        }
    }
}
