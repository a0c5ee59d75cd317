//! The null server's one thread: sockets in, answers out, and the faults that were asked for.

use std::{
    collections::VecDeque,
    io,
    net::{SocketAddr, TcpListener},
    path::PathBuf,
    sync::atomic::{AtomicBool, Ordering::Relaxed},
};

use bytes::Bytes;
use corelane_protocol::api_key::ApiKey;

use super::{
    answers::{Answer, Answers},
    journal::Journal,
    logs::Logs,
};
use crate::{
    clock::{self, Nanos},
    wire::{Poll, Stream, Wait},
};

/// The listener's token; connections count from 0.
const LISTENER: u64 = u64::MAX;
const NAP: Nanos = 50_000_000;

/// What it does wrong, and how much; all 0 is nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Faults {
    /// How long a Produce answer is held back, and of how many it is one.
    pub delay: Nanos,
    pub delay_every: u64,
    /// How long nothing at all happens, once, and how long after the first Produce request of a load: the third one,
    /// since two have touched the partitions before.
    pub stall: Nanos,
    pub stall_after: Nanos,
}

pub struct Server {
    listener: TcpListener,
    address: SocketAddr,
    answers: Answers,
    faults: Faults,
    /// Where what Produce requests bring is written and flushed before they are answered.
    journal_directory: Option<PathBuf>,
    seats: Vec<Option<Seat>>,
    /// Fetches that wait for records: token, until when, the request.
    waiting: Vec<(u64, Nanos, Vec<u8>)>,
    produced: u64,
    stall_at: Option<Nanos>,
}

struct Seat {
    stream: Stream,
    watches_writes: bool,
    /// Answers that are held back, with when they go; whatever comes after one waits behind it, as order demands.
    held: VecDeque<(Nanos, Vec<Bytes>)>,
}

impl Server {
    pub fn bind(address: SocketAddr, retain_bytes: usize, faults: Faults) -> io::Result<Server> {
        let listener = TcpListener::bind(address)
            .map_err(|error| io::Error::new(error.kind(), format!("cannot listen on {address}: {error}")))?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        Ok(Server {
            listener,
            address,
            answers: Answers {
                logs: Logs::new(retain_bytes),
                host: address.ip().to_string(),
                port: address.port(),
                next_producer_id: 0,
            },
            faults,
            journal_directory: None,
            seats: Vec::new(),
            waiting: Vec::new(),
            produced: 0,
            stall_at: None,
        })
    }

    /// One that pays for durability, when there is a directory.
    pub fn durable(mut self, journal_directory: Option<PathBuf>) -> Server {
        self.journal_directory = journal_directory;
        self
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves until `stop`.
    pub fn run(mut self, wait: Wait, stop: &AtomicBool) -> io::Result<()> {
        let mut poll = Poll::new(wait)?;
        poll.add(&self.listener, LISTENER)?;
        let mut journal = self.journal_directory.as_deref().map(Journal::new).transpose()?;
        let mut ready = Vec::new();
        while !stop.load(Relaxed) {
            self.stall();
            for token in &ready {
                if *token == LISTENER {
                    self.accept(&poll)?;
                } else {
                    self.receive(*token, journal.as_mut());
                }
            }
            if let Some(journal) = &mut journal {
                journal.commit()?;
            }
            self.answer_waiting();
            self.send(&poll)?;
            poll.wait(self.next_due(), &mut ready)?;
        }
        Ok(())
    }

    fn stall(&mut self) {
        if self.stall_at.is_some_and(|at| clock::now() >= at) {
            self.stall_at = None;
            clock::sleep_until(clock::now() + self.faults.stall);
        }
    }

    fn accept(&mut self, poll: &Poll) -> io::Result<()> {
        while let Ok((socket, _)) = self.listener.accept() {
            let stream = Stream::new(socket)?;
            let token = self.seats.iter().position(Option::is_none).unwrap_or(self.seats.len());
            poll.add(&stream, token as u64)?;
            let seat = Seat {
                stream,
                watches_writes: false,
                held: VecDeque::new(),
            };
            if token == self.seats.len() {
                self.seats.push(Some(seat));
            } else {
                self.seats[token] = Some(seat);
            }
        }
        Ok(())
    }

    fn receive(&mut self, token: u64, mut journal: Option<&mut Journal>) {
        let Some(Some(seat)) = self.seats.get_mut(token as usize) else {
            return;
        };
        let Seat { stream, held, .. } = seat;
        let mut answers = Vec::new();
        let received = stream.receive(|request| {
            let answer = self.answers.answer(request, false).map_err(io::Error::other)?;
            let is_produce = request.get(..2) == Some(&ApiKey::PRODUCE.0.to_be_bytes()[..]);
            let mut due = 0;
            if is_produce {
                self.produced += 1;
                if let Some(journal) = &mut journal {
                    journal.append(request)?;
                }
                if self.produced == 3 && self.faults.stall > 0 {
                    self.stall_at = Some(clock::now() + self.faults.stall_after);
                }
                if self.faults.delay > 0 && self.produced.is_multiple_of(self.faults.delay_every) {
                    due = clock::now() + self.faults.delay;
                }
            }
            match answer {
                Answer::Now(pieces) => answers.push((due, pieces)),
                Answer::Never => {}
                Answer::Later(ms) => self
                    .waiting
                    .push((token, clock::now() + ms * 1_000_000, request.to_vec())),
            }
            Ok(())
        });
        for (due, pieces) in answers {
            if due == 0 && held.is_empty() {
                stream.push(pieces);
            } else {
                held.push_back((due, pieces));
            }
        }
        if received.is_err() {
            // The client is gone, or speaks something else: either way there is nobody to answer.
            self.seats[token as usize] = None;
            self.waiting.retain(|(waiting, ..)| *waiting != token);
        }
    }

    /// Fetches for which something has come, or whose time is over.
    fn answer_waiting(&mut self) {
        let now = clock::now();
        let Server {
            waiting,
            answers,
            seats,
            ..
        } = self;
        waiting.retain(|(token, until, request)| {
            let Ok(Answer::Now(pieces)) = answers.answer(request, now >= *until) else {
                return true;
            };
            if let Some(Some(seat)) = seats.get_mut(*token as usize) {
                seat.stream.push(pieces);
            }
            false
        });
    }

    fn send(&mut self, poll: &Poll) -> io::Result<()> {
        let now = clock::now();
        for (token, place) in self.seats.iter_mut().enumerate() {
            let Some(seat) = place else { continue };
            while let Some((due, _)) = seat.held.front()
                && *due <= now
                && let Some((_, pieces)) = seat.held.pop_front()
            {
                seat.stream.push(pieces);
            }
            if seat.stream.flush().is_err() {
                *place = None;
                self.waiting.retain(|(waiting, ..)| *waiting != token as u64);
            } else if seat.stream.has_unsent() != seat.watches_writes {
                seat.watches_writes = seat.stream.has_unsent();
                poll.watch_writes(&seat.stream, token as u64, seat.watches_writes)?;
            }
        }
        Ok(())
    }

    fn next_due(&self) -> Nanos {
        let held = self
            .seats
            .iter()
            .flatten()
            .filter_map(|seat| seat.held.front().map(|(due, _)| *due));
        let waiting = self.waiting.iter().map(|(_, until, _)| *until);
        let dues = held.chain(waiting).chain(self.stall_at);
        dues.min().unwrap_or(Nanos::MAX).min(clock::now() + NAP)
    }
}
