//! Which frames are on their way to the disk, and when their tickets become true. Pure: the caller does the I/O.
//!
//! A frame is durable when it and all frames before it are, in whatever order their writes end. The first frame of a
//! file is alone in flight: nothing before it is on its way when it is sealed, nothing after it is sealed until it is
//! durable. So a file's end is proven by its successor's first frame.

use std::collections::VecDeque;

use super::frame::{Address, Link};
use crate::store::Rules;

#[derive(Clone, Debug)]
struct InFlight {
    frame_seq: u64,
    done: bool,
    head: bool,
}

#[derive(Clone, Debug)]
pub struct Committer {
    rules: Rules,
    depth: usize,
    in_flight: VecDeque<InFlight>,
    /// Sequence number of the next frame to be sealed.
    next_seq: u64,
    last: Link,
    durable_seq: u64,
    /// The newest frame is durable, but no frame on the disk says so.
    uncovered: bool,
    failed: bool,
}

impl Committer {
    /// `last` is the last frame of the recovered journal, which is durable.
    pub fn new(rules: Rules, depth: usize, next_seq: u64, last: Link) -> Committer {
        Committer {
            rules,
            depth: depth.max(1),
            in_flight: VecDeque::new(),
            next_seq,
            last,
            durable_seq: last.frame_seq,
            uncovered: false,
            failed: false,
        }
    }

    pub fn next_seq(&self) -> u64 {
        self.next_seq
    }

    pub fn last(&self) -> Link {
        self.last
    }

    pub fn durable_seq(&self) -> u64 {
        self.durable_seq
    }

    pub fn failed(&self) -> bool {
        self.failed
    }

    pub fn is_durable(&self, frame_seq: u64) -> bool {
        !self.failed && frame_seq <= self.durable_seq
    }

    pub fn idle(&self) -> bool {
        self.in_flight.is_empty()
    }

    /// Idle, with a last frame that recovery could not tell from a torn one if it rotted.
    pub fn wants_watermark(&self) -> bool {
        self.uncovered && self.in_flight.is_empty() && !self.failed
    }

    /// Whether a frame may be sealed now; `head`: it starts a file.
    pub fn may_seal(&self, head: bool) -> bool {
        if self.failed || self.in_flight.len() >= self.depth {
            return false;
        }
        let alone = head || self.in_flight.front().is_some_and(|frame| frame.head);
        !(alone && self.rules.file_head_alone) || self.in_flight.is_empty()
    }

    /// A frame was sealed at this address with this chain value.
    pub fn sealed(&mut self, address: Address, chain: u64) {
        let frame_seq = self.next_seq;
        self.in_flight.push_back(InFlight {
            frame_seq,
            done: false,
            head: address.block == 0,
        });
        self.last = Link {
            file_seq: address.file_seq,
            frame_seq,
            chain,
        };
        self.next_seq += 1;
    }

    /// The frame's write and flush ended well. Gives the frames that became durable by it, in order.
    pub fn done(&mut self, frame_seq: u64, watermark_only: bool) -> Vec<u64> {
        for frame in self.in_flight.iter_mut().filter(|frame| frame.frame_seq == frame_seq) {
            frame.done = true;
        }
        let mut durable = Vec::new();
        while let Some(frame) = self.in_flight.pop_front_if(|frame| frame.done) {
            assert!(frame.frame_seq > self.durable_seq, "durable_seq never goes back");
            self.durable_seq = frame.frame_seq;
            self.uncovered = !watermark_only;
            durable.push(frame.frame_seq);
        }
        durable
    }

    /// A write or flush failed: from now on nothing is durable any more.
    pub fn fail(&mut self) {
        self.failed = true;
    }
}
