//! Which chunks to read before they are asked for, and which to let go. Pure.
//!
//! Who goes on where they were gets twice as much read ahead as the last time, up to [`AHEAD_MAX`], and no more than their
//! share of what there is. A chunk that was read ahead waits for its reader: only chunks that were used make room, least
//! lately used first, or those that nobody came for while the whole was used up several times.

use std::collections::BTreeMap;

use super::{ChunkKey, FileKey};

/// Chunks read ahead of one reader: 2 MiB, two answers of Kafka's default size.
const AHEAD_MAX: u64 = 4;
/// Where a reader who goes on begins; also who starts at a file's beginning.
const AHEAD_MIN: u64 = 2;
/// Readers whose place is remembered.
const READERS_MAX: usize = 64;
/// Chunks used since, as multiples of all, after which a reader is gone and what was read for them may go.
const LAPS_MAX: u64 = 4;

struct Reader {
    file: FileKey,
    /// The last chunk that was read.
    last: u64,
    ahead: u64,
    seen: u64,
}

struct Kept {
    used: bool,
    since: u64,
}

pub struct Plan {
    chunks_max: usize,
    kept: BTreeMap<ChunkKey, Kept>,
    readers: Vec<Reader>,
    /// Counts chunks used and reads.
    time: u64,
}

impl Plan {
    pub fn new(chunks_max: usize) -> Plan {
        Plan {
            chunks_max,
            kept: BTreeMap::new(),
            readers: Vec::new(),
            time: 0,
        }
    }

    /// Somebody reads these chunks, the last included. How many after them to read ahead.
    pub fn on_read(&mut self, file: FileKey, first: u64, last: u64) -> u64 {
        self.time += 1;
        let gone = self.time.saturating_sub(LAPS_MAX * self.chunks_max as u64);
        self.readers.retain(|reader| reader.seen >= gone);
        let goes_on = |reader: &&mut Reader| reader.file == file && (reader.last..=reader.last + 1).contains(&first);
        let ahead = match self.readers.iter_mut().find(goes_on) {
            Some(reader) => {
                reader.last = last;
                reader.seen = self.time;
                reader.ahead = (2 * reader.ahead).clamp(AHEAD_MIN, AHEAD_MAX);
                reader.ahead
            }
            None => {
                let ahead = if first == 0 { AHEAD_MIN } else { 0 };
                self.readers.push(Reader {
                    file,
                    last,
                    ahead,
                    seen: self.time,
                });
                if self.readers.len() > READERS_MAX {
                    let oldest = (0..self.readers.len()).min_by_key(|at| self.readers[*at].seen);
                    self.readers.swap_remove(oldest.unwrap_or(0));
                }
                ahead
            }
        };
        // Half of all for what is read ahead, half for what was read.
        ahead.min((self.chunks_max / 2 / self.readers.len()) as u64)
    }

    /// Room for one chunk more. None: there is none; else the chunk that it takes the place of, if any.
    pub fn keep(&mut self, key: ChunkKey) -> Option<Option<ChunkKey>> {
        let evicted = if self.kept.len() < self.chunks_max {
            None
        } else {
            let gone = self.time.saturating_sub(LAPS_MAX * self.chunks_max as u64);
            let may_go = self.kept.iter().filter(|(_, kept)| kept.used || kept.since < gone);
            let oldest = may_go.min_by_key(|(_, kept)| kept.since).map(|(key, _)| *key)?;
            self.kept.remove(&oldest);
            Some(oldest)
        };
        let (used, since) = (false, self.time);
        self.kept.insert(key, Kept { used, since });
        Some(evicted)
    }

    pub fn used(&mut self, key: ChunkKey) {
        self.time += 1;
        if let Some(kept) = self.kept.get_mut(&key) {
            (kept.used, kept.since) = (true, self.time);
        }
    }

    pub fn forget(&mut self, file: FileKey) {
        self.kept.retain(|key, _| key.file != file);
        self.readers.retain(|reader| reader.file != file);
    }
}
