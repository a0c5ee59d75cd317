//! When the next wake-up of something is planned. Wake-ups that came too early are not taken back: they find nothing due.

use std::time::Duration;

use super::{clock::Clock, timeline::Micros};

#[derive(Clone, Copy, Debug)]
pub struct Alarm(Micros);

impl Default for Alarm {
    fn default() -> Alarm {
        Alarm(Micros::MAX)
    }
}

impl Alarm {
    /// `due`, by the clock of who is to be woken. Gives when a wake-up must be planned, if none is early enough.
    pub fn set(&mut self, now: Micros, due: Option<Duration>, clock: &Clock) -> Option<Micros> {
        self.set_at(clock.when(now, due?))
    }

    pub fn set_at(&mut self, at: Micros) -> Option<Micros> {
        (at < self.0).then(|| {
            self.0 = at;
            at
        })
    }

    /// A planned wake-up came. False: one that is planned later is the right one.
    pub fn ring(&mut self, now: Micros) -> bool {
        let rings = self.0 <= now;
        if rings {
            self.0 = Micros::MAX;
        }
        rings
    }
}
