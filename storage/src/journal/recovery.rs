//! What is in the journal after a crash. Pure: from what lies in the files to a plan of what to replay.
//!
//! A bad frame is the torn end of the journal only if no frame says that it was durable. Anything else is corruption:
//! nothing is cut, what is intact is replayed, and the logs concerned are damaged until an operator decides.
//!
//! Where a file ends is not guessed: the first frame of the next file names the last one before it. What lies behind
//! that in the older file was never acknowledged, whatever it looks like.

use std::collections::BTreeMap;

use super::{
    frame::{Address, FLAG_FILE_HEAD, FrameError, FrameHeader, Link},
    space::ReplayFrom,
};
use crate::{disk::BLOCK, store::Rules};

/// A frame with a sound header, in the place it was written for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scanned {
    pub header: FrameHeader,
    /// Sectors of it that are damaged.
    pub bad: Vec<u32>,
}

impl Scanned {
    fn link(&self) -> Link {
        Link {
            file_seq: self.header.address.file_seq,
            frame_seq: self.header.frame_seq,
            chain: self.header.chain,
        }
    }
}

/// All frames of one file of the ring, at whatever block they start: of this lap and of earlier ones. The error is a
/// frame version that is newer than ours.
pub fn scan_file(bytes: &[u8], slot: u32, files: u32, seed: u64) -> Result<Vec<Scanned>, u8> {
    let mut found = Vec::new();
    for block in 0..bytes.len() / BLOCK {
        let frame = &bytes[block * BLOCK..];
        let header = match FrameHeader::parse(frame) {
            Ok(header) => header,
            Err(FrameError::Newer(version)) => return Err(version),
            Err(FrameError::NotAFrame | FrameError::Damaged) => continue,
        };
        let own = Address {
            file_seq: header.address.file_seq,
            block: block as u32,
        };
        // A foreign disk's, or one that a misdirected write put here.
        if header.seed != seed || header.address != own || own.file_seq % files != slot {
            continue;
        }
        let len = header.len as usize;
        let bad = match frame.get(..len) {
            Some(frame) => header.bad_sectors(frame),
            None => (0..(len / BLOCK) as u32).collect(),
        };
        found.push(Scanned { header, bad });
    }
    Ok(found)
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// To replay, in order.
    pub frames: Vec<Scanned>,
    /// The last frame that counts; what it is chained to if there is none.
    pub last: Link,
    /// The highest sequence number on the disk, whether it counts or not.
    pub frame_seq_max: u64,
    /// Acknowledged frames that are missing: which logs had records in them cannot be told.
    pub holes: Vec<Hole>,
}

/// Frames `from_seq..=to_seq` cannot be read, and were durable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hole {
    pub from_seq: u64,
    pub to_seq: u64,
    /// For an operator.
    pub reason: String,
}

/// Walks the chain from the checkpoint's start. `covered_seq` is the last frame in the checkpoint.
pub fn plan(scanned: Vec<Scanned>, from: ReplayFrom, covered_seq: u64, rules: &Rules) -> Plan {
    let frame_seq_max = scanned.iter().map(|frame| frame.header.frame_seq).max().unwrap_or(0);
    let mut durable_seq = scanned
        .iter()
        .map(|frame| frame.header.durable_seq)
        .max()
        .unwrap_or(0)
        .max(covered_seq);
    if !rules.watermark {
        durable_seq = 0;
    }
    let by_address: BTreeMap<Address, Scanned> =
        scanned.into_iter().map(|frame| (frame.header.address, frame)).collect();
    let mut walk = Walk {
        by_address,
        rules,
        durable_seq,
        at: Address {
            file_seq: from.file_seq,
            block: 0,
        },
        last: from.prev,
        frames: Vec::new(),
        holes: Vec::new(),
    };
    walk.run();
    Plan {
        last: walk.last,
        frame_seq_max: frame_seq_max.max(covered_seq),
        holes: walk.holes,
        frames: walk.frames,
    }
}

struct Walk<'a> {
    by_address: BTreeMap<Address, Scanned>,
    rules: &'a Rules,
    durable_seq: u64,
    at: Address,
    last: Link,
    frames: Vec<Scanned>,
    holes: Vec<Hole>,
}

impl Walk<'_> {
    fn run(&mut self) {
        loop {
            // The successor's word on where this file ends comes before anything that lies in the file.
            let next_file = Address {
                file_seq: self.at.file_seq.wrapping_add(1),
                block: 0,
            };
            let head_follows = self.by_address.get(&next_file).is_some_and(|head| self.follows(head));
            if head_follows {
                self.at = next_file;
            }
            let frame = match self.by_address.get(&self.at) {
                Some(frame) if self.follows(frame) => frame.clone(),
                _ if self.last.frame_seq >= self.durable_seq => return,
                _ => match self.next_after_hole() {
                    Some(frame) => frame,
                    None => return,
                },
            };
            if !frame.bad.is_empty() && frame.header.frame_seq > self.durable_seq {
                return;
            }
            self.last = frame.link();
            let address = frame.header.address;
            self.at = Address {
                block: address.block + frame.header.len / BLOCK as u32,
                ..address
            };
            self.frames.push(frame);
        }
    }

    fn follows(&self, frame: &Scanned) -> bool {
        let header = &frame.header;
        let is_head = header.flags & FLAG_FILE_HEAD != 0;
        if is_head != (header.address.block == 0) {
            return false;
        }
        // Sealed when nothing was in flight: what it follows was durable, and it says so.
        if is_head && header.durable_seq < header.prev.frame_seq {
            return false;
        }
        if self.rules.chain {
            return header.prev == self.last;
        }
        if is_head {
            header.prev.frame_seq == self.last.frame_seq
        } else {
            header.frame_seq == self.last.frame_seq + 1
        }
    }

    /// Acknowledged frames from here on cannot be read. What can be, later ones, still counts.
    fn next_after_hole(&mut self) -> Option<Scanned> {
        let end_of_file = |file_seq: u32| {
            let head = self.by_address.get(&Address {
                file_seq: file_seq.wrapping_add(1),
                block: 0,
            })?;
            (head.header.flags & FLAG_FILE_HEAD != 0).then_some(head.header.prev.frame_seq)
        };
        let later = self.by_address.range(self.at..).map(|(_, frame)| frame);
        let mut counting = later.filter(|frame| {
            let header = &frame.header;
            let end = end_of_file(header.address.file_seq).unwrap_or(u64::MAX);
            header.frame_seq > self.last.frame_seq && header.frame_seq <= end
        });
        let next = counting.next().cloned();
        let from_seq = self.last.frame_seq + 1;
        self.holes.push(Hole {
            from_seq,
            to_seq: next.as_ref().map_or(self.durable_seq, |next| next.header.frame_seq - 1),
            reason: format!(
                "frame {from_seq} is missing at block {} of journal file {}, though all up to frame {} were durable",
                self.at.block, self.at.file_seq, self.durable_seq
            ),
        });
        next
    }
}
