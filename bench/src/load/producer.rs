//! One producer: takes records when they are due (open loop) or as fast as its requests come back (closed loop), and
//! spreads them over the partitions as Kafka's own producer does: by key, or else a batch's worth to one partition,
//! then the next (KIP-794).

use std::collections::VecDeque;

use super::{lane::Lane, partitioner::partition_of, records::Records, tally::Tally};
use crate::clock::Nanos;

pub struct Producer {
    pub lanes: Vec<Lane>,
    /// By partition: its lane, and its queue there.
    places: Vec<(usize, usize)>,
    /// Where records without a key go for now, and how many bytes went there since it is.
    sticky: usize,
    sticky_bytes: usize,
    batch_bytes: usize,
    /// Intended times of records that are due and not buffered yet, since the buffer is full.
    owed: VecDeque<Nanos>,
}

impl Producer {
    /// `first` is the partition that keyless records begin with, so that many producers do not all begin with the
    /// same one.
    pub fn new(lanes: Vec<Lane>, places: Vec<(usize, usize)>, first: usize, batch_bytes: usize) -> Producer {
        Producer {
            lanes,
            sticky: first % places.len(),
            places,
            sticky_bytes: 0,
            batch_bytes,
            owed: VecDeque::new(),
        }
    }

    /// A record is due.
    pub fn owe(&mut self, intended: Nanos) {
        self.owed.push_back(intended);
    }

    /// Open loop: buffers what is due as far as there is room.
    pub fn take_owed(&mut self, records: &mut Records, now: Nanos, timestamp_ms: i64) {
        while !self.lacks_room()
            && let Some(intended) = self.owed.pop_front()
        {
            self.push(records, intended, now, timestamp_ms);
        }
    }

    /// Closed loop: makes records for every request that could go.
    pub fn fill(&mut self, records: &mut Records, now: Nanos, timestamp_ms: i64) {
        while self.lanes.iter().any(Lane::wants_more) && !self.lacks_room() {
            self.push(records, now, now, timestamp_ms);
        }
    }

    /// Whether some lane can take nothing more, so that the others get nothing either.
    pub fn lacks_room(&self) -> bool {
        !self.lanes.iter().all(Lane::has_room)
    }

    fn push(&mut self, records: &mut Records, intended: Nanos, now: Nanos, timestamp_ms: i64) {
        records.draw(intended);
        let partition = match records.key() {
            Some(key) => partition_of(key, self.places.len() as u32) as usize,
            None => self.stick(records.value().len()),
        };
        let (lane, queue) = self.places[partition];
        let is_full = self.lanes[lane].push(queue, intended, now, timestamp_ms, (records.key(), records.value()));
        if is_full && !records.has_keys() {
            self.turn();
        }
    }

    /// Where a record without a key goes. Once a batch's worth went to a partition, the next record begins the next
    /// partition's batch; but a batch that was begun is left only when it is full, or after twice as much.
    fn stick(&mut self, value_bytes: usize) -> usize {
        let (lane, queue) = self.places[self.sticky];
        let lane = &mut self.lanes[lane];
        let has_enough = self.sticky_bytes >= self.batch_bytes && !lane.is_open(queue);
        if lane.close_unless_fits(queue, value_bytes) || has_enough || self.sticky_bytes >= 2 * self.batch_bytes {
            self.turn();
        }
        self.sticky_bytes += value_bytes;
        self.sticky
    }

    fn turn(&mut self) {
        self.sticky = (self.sticky + 1) % self.places.len();
        self.sticky_bytes = 0;
    }

    pub fn next_due(&self, now: Nanos) -> Option<Nanos> {
        self.lanes.iter().filter_map(|lane| lane.next_due(now)).min()
    }

    pub fn is_done(&self) -> bool {
        self.owed.is_empty() && self.lanes.iter().all(Lane::is_done)
    }

    /// Patience has ended.
    pub fn give_up(&mut self, now: Nanos, tally: &mut Tally) {
        for intended in self.owed.drain(..) {
            if tally.window.contains(&intended) {
                tally.unanswered += 1;
                tally.produced.latency(&tally.window, intended, now, 1);
            }
        }
        self.lanes.iter_mut().for_each(|lane| lane.give_up(now, tally));
    }
}
