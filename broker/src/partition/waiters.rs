//! Producers that wait for their batches to be acknowledged.

use std::{collections::VecDeque, rc::Rc};

use corelane_protocol::error_code::ErrorCode;

use super::{
    produce::Pending,
    replica::{Acks, Replica},
};

/// Somebody waits for a batch that ends before `end` and was appended in `leader_epoch`.
pub(super) struct Waiter {
    pub acks: Acks,
    pub end: i64,
    pub leader_epoch: i32,
    pub pending: Rc<Pending>,
    pub index: usize,
}

/// Of one partition. acks=1 may be answered before an acks=all of an earlier batch.
#[derive(Default)]
pub(super) struct Waiters {
    of_leader: VecDeque<Waiter>,
    of_all: VecDeque<Waiter>,
}

impl Waiters {
    pub fn push(&mut self, waiter: Waiter) {
        let queue = match waiter.acks {
            Acks::All => &mut self.of_all,
            Acks::Leader | Acks::None => &mut self.of_leader,
        };
        // In order of offset, since appends are; but a duplicate may name an offset before others that wait.
        let place = queue.partition_point(|other| other.end <= waiter.end);
        queue.insert(place, waiter);
    }

    /// Takes out whoever can be answered now, with the answer.
    pub fn settle(&mut self, replica: &Replica, into: &mut Vec<(Waiter, ErrorCode)>) {
        for queue in [&mut self.of_leader, &mut self.of_all] {
            while let Some(waiter) = queue.front() {
                let Some(error_code) = replica.acknowledgement(waiter.acks, waiter.end, waiter.leader_epoch) else {
                    break;
                };
                into.extend(queue.pop_front().map(|waiter| (waiter, error_code)));
            }
        }
    }

    pub fn drain(&mut self) -> impl Iterator<Item = Waiter> {
        self.of_leader.drain(..).chain(self.of_all.drain(..))
    }
}
