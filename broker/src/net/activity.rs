//! When a connection last said or was told something, and when it has been silent for too long
//! (`connections.max.idle.ms`).

use std::{cell::Cell, time::Duration};

use super::in_flight::InFlight;
use crate::runtime::world::{Instant, World};

pub(super) struct Activity<W> {
    world: W,
    last: Cell<Instant>,
}

impl<W: World> Activity<W> {
    pub(super) fn new(world: W) -> Activity<W> {
        let last = Cell::new(world.now());
        Activity { world, last }
    }

    /// Bytes came or went.
    pub(super) fn touch(&self) {
        self.last.set(self.world.now());
    }

    /// Waits until nothing came or went for so long and no request is under way; a client that waits for its answer is
    /// not idle. One timer serves the whole connection: requests move a mark, and the timer looks at it when it fires.
    pub(super) async fn silence(&self, idle_max: Duration, in_flight: &InFlight) {
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
