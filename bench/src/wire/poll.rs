//! Readiness of many sockets on one thread.
//!
//! Two ways to wait. `Sleep` gives the CPU away, and costs what a sleeping client costs: the wake-up is in the latency.
//! `Spin` asks again and again and never sleeps: for a CPU that belongs to the client alone, and latencies without the
//! client's own scheduling in them.

use std::{io, num::NonZeroU64, os::fd::AsFd, os::fd::OwnedFd};

use clap::ValueEnum;
use rustix::{
    buffer::spare_capacity,
    event::{
        Timespec,
        epoll::{self, CreateFlags, Event, EventData, EventFlags},
    },
    io::Errno,
    thread::set_current_timer_slack,
};
use serde::{Deserialize, Serialize};

use crate::clock::{Nanos, now};

const EVENTS_MAX: usize = 256;
/// The kernel wakes a sleeper late by some tens of microseconds; the rest of the way to a deadline is spun.
const SPIN_BEFORE: Nanos = 80_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Wait {
    Sleep,
    Spin,
}

pub struct Poll {
    epoll: OwnedFd,
    events: Vec<Event>,
    wait: Wait,
}

impl Poll {
    /// Of the calling thread, whose timers become exact by this.
    pub fn new(wait: Wait) -> io::Result<Poll> {
        set_current_timer_slack(NonZeroU64::new(1))?;
        Ok(Poll {
            epoll: epoll::create(CreateFlags::CLOEXEC)?,
            events: Vec::with_capacity(EVENTS_MAX),
            wait,
        })
    }

    /// Tells from now on, under this token, when there is something to read.
    pub fn add(&self, source: impl AsFd, token: u64) -> io::Result<()> {
        Ok(epoll::add(
            &self.epoll,
            source,
            EventData::new_u64(token),
            EventFlags::IN,
        )?)
    }

    /// Whether it also tells when there is room to write.
    pub fn watch_writes(&self, source: impl AsFd, token: u64, writes: bool) -> io::Result<()> {
        let flags = if writes {
            EventFlags::IN | EventFlags::OUT
        } else {
            EventFlags::IN
        };
        Ok(epoll::modify(&self.epoll, source, EventData::new_u64(token), flags)?)
    }

    /// Tokens of the sockets that are ready; none when `until` came first. `ready` is emptied before.
    pub fn wait(&mut self, until: Nanos, ready: &mut Vec<u64>) -> io::Result<()> {
        ready.clear();
        loop {
            let left = until.saturating_sub(now());
            let pause = match self.wait {
                Wait::Spin => 0,
                Wait::Sleep => left.saturating_sub(SPIN_BEFORE),
            };
            self.events.clear();
            let timeout = Timespec {
                tv_sec: (pause / 1_000_000_000) as i64,
                tv_nsec: (pause % 1_000_000_000) as i64,
            };
            match epoll::wait(&self.epoll, spare_capacity(&mut self.events), Some(&timeout)) {
                Ok(_) | Err(Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
            ready.extend(self.events.iter().map(|event| event.data.u64()));
            if !ready.is_empty() || left == 0 {
                return Ok(());
            }
        }
    }
}
