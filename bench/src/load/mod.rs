//! The load: producers and consumers of one thread, driven by what is due and what is ready.
//!
//! ```text
//!   schedule ──due──► producer ──► lane (batches, requests in flight) ──► socket
//!   (open loop)         ▲                                                   │
//!                       └── room again ◄──── answer ◄───────────────────────┤      tally
//!                                                                           ├────► (window, histograms, bins)
//!                            consumer (fetch session) ◄──── answer ◄────────┘
//! ```
//!
//! What must stay true: intended times come from the schedule alone; every frame gets the time at which it was read;
//! nothing here blocks but the wait for sockets.

mod batch;
mod consumer;
mod lane;
mod partitioner;
mod producer;
mod records;
mod schedule;
mod tally;

use std::{
    io,
    sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
};

pub use batch::{BatchLimits, ProducerId};
pub use consumer::{Consumer, FetchRules, Position};
pub use lane::{Lane, LaneRules};
pub use producer::Producer;
pub use records::{Records, STAMP_BYTES};
pub use schedule::{Arrivals, Schedule};
pub use tally::{BIN, Side, Tally};

use crate::{
    clock::{self, Nanos},
    cpu,
    wire::{Poll, Stream, Wait},
};

/// The longest sleep, in nanoseconds: how soon the end of the load is seen when nothing happens.
const NAP: Nanos = 20_000_000;

/// When a load begins, counts and ends.
#[derive(Clone, Debug)]
pub struct Times {
    /// Until then everybody stands ready.
    pub begin: Nanos,
    pub window: std::ops::Range<Nanos>,
    /// Nothing new is sent from then on.
    pub load_end: Nanos,
    /// Nothing is waited for any longer.
    pub patience_end: Nanos,
    /// The load ends earlier when so many bytes are acknowledged.
    pub bytes_max: u64,
}

/// What all threads of a load share: for the display, and to know when everything has come out at the tail.
#[derive(Default)]
pub struct Shared {
    pub acknowledged: AtomicU64,
    pub acknowledged_bytes: AtomicU64,
    pub received: AtomicU64,
    pub replayed_bytes: AtomicU64,
    pub errors: AtomicU64,
    /// Threads whose producers still wait for answers.
    pub producing: AtomicU64,
    /// Threads that are through.
    pub finished: AtomicU64,
    /// A thread has failed; the others need not go on.
    pub stop: AtomicBool,
}

pub struct Engine<'a> {
    poll: Poll,
    producers: Vec<Producer>,
    consumers: Vec<Consumer>,
    seats: Vec<Seat>,
    /// By producer: the seat of its first lane; the others follow.
    first_seats: Vec<usize>,
    schedule: Option<Schedule>,
    records: Records,
    /// When some batch has lingered; never without lingering.
    linger_due: Nanos,
    times: Times,
    tally: Tally,
    shared: &'a Shared,
    published: Published,
    /// Wall time of the clock's zero, in milliseconds, for the records' own timestamps.
    epoch_ms: i64,
    /// The producer that gets the next record.
    turn: usize,
    cpu_at_begin: Option<Nanos>,
}

/// One socket, and whose it is.
struct Seat {
    stream: Stream,
    of: Of,
    watches_writes: bool,
}

#[derive(Clone, Copy)]
enum Of {
    Lane(usize, usize),
    Consumer(usize),
}

/// The clients of one thread with their sockets, to be made into an engine there.
pub struct Clients {
    /// Each with one socket for each of its lanes.
    pub producers: Vec<(Producer, Vec<Stream>)>,
    pub consumers: Vec<(Consumer, Stream)>,
    /// Without one, the loop is closed.
    pub schedule: Option<Schedule>,
    pub records: Records,
}

/// What was told to [`Shared`] already.
#[derive(Default)]
struct Published {
    acknowledged: u64,
    acknowledged_bytes: u64,
    received: u64,
    replayed_bytes: u64,
    errors: u64,
}

impl<'a> Engine<'a> {
    /// On the thread that will run it. `shared.producing` counts this thread already.
    pub fn new(clients: Clients, times: Times, wait: Wait, shared: &'a Shared) -> io::Result<Engine<'a>> {
        let mut engine = Engine {
            poll: Poll::new(wait)?,
            producers: Vec::new(),
            consumers: Vec::new(),
            seats: Vec::new(),
            first_seats: Vec::new(),
            schedule: clients.schedule,
            records: clients.records,
            linger_due: Nanos::MAX,
            tally: Tally::new(times.window.clone()),
            times,
            shared,
            published: Published::default(),
            epoch_ms: clock::epoch_ms(),
            turn: 0,
            cpu_at_begin: None,
        };
        for (index, (producer, streams)) in clients.producers.into_iter().enumerate() {
            engine.first_seats.push(engine.seats.len());
            engine.producers.push(producer);
            for (lane, stream) in streams.into_iter().enumerate() {
                engine.seat(Of::Lane(index, lane), stream)?;
            }
        }
        for (index, (consumer, stream)) in clients.consumers.into_iter().enumerate() {
            engine.consumers.push(consumer);
            engine.seat(Of::Consumer(index), stream)?;
        }
        Ok(engine)
    }

    fn seat(&mut self, of: Of, stream: Stream) -> io::Result<()> {
        self.poll.add(&stream, self.seats.len() as u64)?;
        self.seats.push(Seat {
            stream,
            of,
            watches_writes: false,
        });
        Ok(())
    }

    /// Runs to the end.
    ///
    /// # Errors
    /// When a connection breaks or an answer is none. What brokers refuse is counted instead.
    pub fn run(mut self) -> io::Result<Tally> {
        clock::sleep_until(self.times.begin);
        let mut ready = Vec::new();
        let mut touched: Vec<u64> = (0..self.seats.len() as u64).collect();
        let mut is_producing = true;
        loop {
            let now = clock::now();
            self.note_cpu(now);
            let is_loading = now < self.times.load_end && self.tally.acknowledged_bytes < self.times.bytes_max;
            self.take_due(now, &mut touched);
            touched.sort_unstable();
            touched.dedup();
            let mut again = Vec::new();
            for token in touched.drain(..) {
                if self.serve(token, is_loading)? {
                    again.push(token);
                }
            }
            self.publish();
            if is_producing && !is_loading && self.producers.iter().all(Producer::is_done) {
                is_producing = false;
                self.shared.producing.fetch_sub(1, Relaxed);
            }
            if now >= self.times.patience_end
                || self.shared.stop.load(Relaxed)
                || (!is_loading && !is_producing && self.is_drained())
            {
                break;
            }
            let next_due = if again.is_empty() { self.next_due(now) } else { now };
            self.poll.wait(next_due, &mut ready)?;
            for token in &ready {
                self.receive(*token)?;
            }
            touched.append(&mut ready);
            touched.append(&mut again);
        }
        if is_producing {
            self.shared.producing.fetch_sub(1, Relaxed);
        }
        Ok(self.finish())
    }

    /// Hands what is due to the producers in turn; `touched` gets the seats that have something to do by that.
    fn take_due(&mut self, now: Nanos, touched: &mut Vec<u64>) {
        let lanes = |producer: usize| {
            let first = self.first_seats[producer] as u64;
            first..first + self.producers[producer].lanes.len() as u64
        };
        let mut owed = Vec::new();
        while let Some(intended) = self.schedule.as_mut().and_then(|schedule| schedule.pop(now)) {
            self.tally.lateness.record_many(now - intended, 1);
            touched.extend(lanes(self.turn));
            owed.push((self.turn, intended));
            self.turn = (self.turn + 1) % self.producers.len();
        }
        if self.linger_due <= now {
            touched.extend((0..self.producers.len()).flat_map(lanes));
        }
        for (producer, intended) in owed {
            self.producers[producer].owe(intended);
        }
    }

    /// One step of whatever the owner of this seat can do now; says whether it could go on at once. Everybody gets
    /// one step before anybody gets a second, so that no answer waits until all requests of others are made.
    fn serve(&mut self, token: u64, is_loading: bool) -> io::Result<bool> {
        let seat = &mut self.seats[token as usize];
        let mut could_go_on = false;
        match seat.of {
            Of::Lane(index, lane) => {
                let producer = &mut self.producers[index];
                let now = clock::now();
                let timestamp_ms = self.epoch_ms + (now / 1_000_000) as i64;
                let is_closed = self.schedule.is_none();
                if !is_closed {
                    producer.take_owed(&mut self.records, now, timestamp_ms);
                } else if is_loading {
                    producer.fill(&mut self.records, now, timestamp_ms);
                }
                let flush = !is_loading || producer.lacks_room();
                let lane = &mut producer.lanes[lane];
                lane.send(&mut seat.stream, now, flush, &mut self.tally)?;
                could_go_on = is_closed && is_loading && lane.has_slot();
            }
            Of::Consumer(index) => self.consumers[index].send(&mut seat.stream)?,
        }
        if seat.stream.has_unsent() != seat.watches_writes {
            seat.watches_writes = seat.stream.has_unsent();
            self.poll.watch_writes(&seat.stream, token, seat.watches_writes)?;
        }
        Ok(could_go_on)
    }

    fn receive(&mut self, token: u64) -> io::Result<()> {
        let tally = &mut self.tally;
        let seat = &mut self.seats[token as usize];
        match seat.of {
            Of::Lane(index, lane) => {
                let lane = &mut self.producers[index].lanes[lane];
                seat.stream.receive(|frame| lane.on_answer(frame, clock::now(), tally))
            }
            Of::Consumer(index) => {
                let consumer = &mut self.consumers[index];
                seat.stream
                    .receive(|frame| consumer.on_answer(frame, clock::now(), tally))
            }
        }
    }

    fn next_due(&mut self, now: Nanos) -> Nanos {
        let lingered = self.producers.iter().filter_map(|producer| producer.next_due(now));
        self.linger_due = lingered.min().unwrap_or(Nanos::MAX);
        let scheduled = self.schedule.as_ref().and_then(Schedule::next_due);
        (now + NAP).min(self.linger_due).min(scheduled.unwrap_or(Nanos::MAX))
    }

    /// Whether consumers have nothing more to wait for, once the producers are done.
    fn is_drained(&self) -> bool {
        if self.consumers.iter().any(Consumer::is_replaying) {
            return false;
        }
        let has_tail = self.consumers.iter().any(Consumer::is_at_tail);
        let all_out = self.shared.producing.load(Relaxed) == 0
            && self.shared.received.load(Relaxed) >= self.shared.acknowledged.load(Relaxed);
        !has_tail || all_out
    }

    fn note_cpu(&mut self, now: Nanos) {
        if self.cpu_at_begin.is_none() && now >= self.times.window.start {
            self.cpu_at_begin = Some(cpu::of_this_thread());
        }
        if self.tally.cpu == 0 && now >= self.times.window.end {
            self.tally.cpu = cpu::of_this_thread() - self.cpu_at_begin.unwrap_or_default();
        }
    }

    fn publish(&mut self) {
        let publish = |to: &AtomicU64, now: u64, before: &mut u64| {
            if now != *before {
                to.fetch_add(now - *before, Relaxed);
                *before = now;
            }
        };
        let (tally, published) = (&self.tally, &mut self.published);
        publish(
            &self.shared.acknowledged,
            tally.acknowledged,
            &mut published.acknowledged,
        );
        let bytes = &mut published.acknowledged_bytes;
        publish(&self.shared.acknowledged_bytes, tally.acknowledged_bytes, bytes);
        publish(&self.shared.received, tally.received, &mut published.received);
        publish(
            &self.shared.replayed_bytes,
            tally.replayed_bytes,
            &mut published.replayed_bytes,
        );
        let errors = tally.errors.values().sum();
        publish(&self.shared.errors, errors, &mut published.errors);
    }

    fn finish(mut self) -> Tally {
        let now = clock::now();
        self.producers
            .iter_mut()
            .for_each(|producer| producer.give_up(now, &mut self.tally));
        if self.tally.cpu == 0 {
            self.tally.cpu = cpu::of_this_thread() - self.cpu_at_begin.unwrap_or_default();
        }
        self.tally.finished = now;
        self.tally
    }
}
