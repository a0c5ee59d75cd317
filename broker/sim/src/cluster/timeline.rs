//! The one heap of events: what comes next, and when. Time jumps from event to event and never ticks.
//!
//! Events of one moment keep the order in which they were planned, so that a run is a function of its seed.

use std::{cmp::Reverse, collections::BinaryHeap};

/// Simulated microseconds since the run began.
pub type Micros = u64;

pub const MILLISECOND: Micros = 1_000;
pub const SECOND: Micros = 1_000_000;

/// Events by (time, sequence). The heap holds sixteen bytes for each; the events lie still in their slots.
#[derive(Debug)]
pub struct Timeline<E> {
    heap: BinaryHeap<Reverse<u128>>,
    slots: Vec<Option<E>>,
    free: Vec<u32>,
    sequence: u32,
    now: Micros,
}

impl<E> Default for Timeline<E> {
    fn default() -> Timeline<E> {
        Timeline {
            heap: BinaryHeap::with_capacity(256),
            slots: Vec::with_capacity(256),
            free: Vec::with_capacity(256),
            sequence: 0,
            now: 0,
        }
    }
}

impl<E> Timeline<E> {
    pub fn now(&self) -> Micros {
        self.now
    }

    /// Plans an event; one that would be in the past happens next.
    pub fn plan(&mut self, at: Micros, event: E) {
        let slot = match self.free.pop() {
            Some(slot) => {
                self.slots[slot as usize] = Some(event);
                slot
            }
            None => {
                self.slots.push(Some(event));
                self.slots.len() as u32 - 1
            }
        };
        self.sequence += 1;
        let at = at.max(self.now);
        let key = u128::from(at) << 64 | u128::from(self.sequence) << 32 | u128::from(slot);
        self.heap.push(Reverse(key));
    }

    /// The next event, unless it is later than `until`; the clock jumps to it.
    pub fn next(&mut self, until: Micros) -> Option<E> {
        let Reverse(key) = *self.heap.peek()?;
        let at = (key >> 64) as Micros;
        if at > until {
            self.now = self.now.max(until);
            return None;
        }
        self.heap.pop();
        self.now = at;
        let slot = key as u32;
        self.free.push(slot);
        self.slots[slot as usize].take()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// By time, then by order of planning; never beyond the limit, and never back.
    #[test]
    fn events_come_in_order() {
        let mut timeline = Timeline::default();
        timeline.plan(20, "c");
        timeline.plan(10, "a");
        timeline.plan(10, "b");
        timeline.plan(90, "d");
        let until_50: Vec<_> = std::iter::from_fn(|| timeline.next(50)).collect();
        assert_eq!(until_50, ["a", "b", "c"]);
        assert_eq!(timeline.now(), 50);
        timeline.plan(5, "late");
        assert_eq!(timeline.next(60), Some("late"));
        assert_eq!(timeline.now(), 50);
        assert_eq!(timeline.next(100), Some("d"));
        assert_eq!(timeline.next(1000), None);
    }
}
