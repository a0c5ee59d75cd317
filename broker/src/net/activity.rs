//! When a connection last said or was told something, and when it has been silent for too long
//! (`connections.max.idle.ms`).

use std::{cell::Cell, time::Duration};

use super::in_flight::InFlight;
use crate::{
    core::Message,
    runtime::world::{Instant, World},
};

pub(super) struct Activity<W> {
    world: W,
    last: Cell<Instant>,
    /// Since when a piece of an answer is being sent.
    sending: Cell<Option<Instant>>,
}

impl<W: World<Message = Message>> Activity<W> {
    pub(super) fn new(world: W) -> Activity<W> {
        let last = Cell::new(world.now());
        let sending = Cell::new(None);
        Activity { world, last, sending }
    }

    pub(super) fn now(&self) -> Instant {
        self.world.now()
    }

    /// Bytes came or went. Gives the time.
    pub(super) fn touch(&self) -> Instant {
        let now = self.world.now();
        self.last.set(now);
        now
    }

    pub(super) fn send_begins(&self) {
        self.sending.set(Some(self.world.now()));
    }

    pub(super) fn send_ends(&self) -> Instant {
        self.sending.set(None);
        self.touch()
    }

    /// Waits until the client has not taken a piece of an answer for so long.
    pub(super) async fn stall(&self, stall_max: Duration) {
        loop {
            let rest = match self.sending.get() {
                Some(begin) => stall_max.saturating_sub(self.world.now().since(begin)),
                None => stall_max,
            };
            if rest.is_zero() {
                return;
            }
            self.world.sleep(rest).await;
        }
    }

    /// Waits until nothing came or went for so long and no request is under way; a client that waits for its answer is
    /// not idle. One timer serves the whole connection: requests move a mark, and the timer looks at it when it fires.
    pub(super) async fn silence(&self, idle_max: Duration, in_flight: &InFlight<W>) {
        loop {
            let silent = self.world.now().since(self.last.get());
            let rest = if in_flight.is_empty() {
                idle_max.saturating_sub(silent)
            } else {
                idle_max
            };
            if rest.is_zero() {
                return;
            }
            self.world.sleep(rest).await;
        }
    }
}
