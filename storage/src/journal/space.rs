//! The ring of files: which one is written, which are still needed, which are free. Pure.
//!
//! Files are numbered without end; file `n` lies in slot `n % files`. A slot may be written again only when neither
//! checkpoint would replay the file in it: the older one is the fallback if the newer one rots. In the first lap, only
//! when it was prewritten.

use std::collections::VecDeque;

use super::frame::{Address, Link};

/// Where a replay starts: always at the start of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReplayFrom {
    pub file_seq: u32,
    /// The frame before the file's first.
    pub prev: Link,
}

#[derive(Clone, Copy, Debug)]
struct FileStart {
    file_seq: u32,
    first_seq: u64,
    prev: Link,
}

#[derive(Clone, Debug)]
pub struct Space {
    files: u32,
    file_blocks: u32,
    /// Files that are prewritten, in the order of their first use: from file 1 on.
    prewritten: u32,
    /// Files with frames that may be needed, oldest first.
    written: VecDeque<FileStart>,
    /// The next block of the newest file; None: the next frame starts a file.
    cursor: Option<Address>,
    newest_file_seq: u32,
    /// What the two checkpoints need: the newer, and the older.
    replay_from: [ReplayFrom; 2],
}

impl Space {
    /// After recovery: nothing is written until the first frame starts file `newest_file_seq + 1`.
    pub fn new(files: u32, file_blocks: u32, newest_file_seq: u32, replay_from: [ReplayFrom; 2]) -> Space {
        Space {
            files,
            file_blocks,
            prewritten: files,
            written: VecDeque::new(),
            cursor: None,
            newest_file_seq,
            replay_from,
        }
    }

    /// A file that recovery found, in order.
    pub fn found(&mut self, file_seq: u32, first_seq: u64, prev: Link) {
        self.written.push_back(FileStart {
            file_seq,
            first_seq,
            prev,
        });
    }

    /// Goes on in a file that was there before.
    pub fn continue_at(&mut self, cursor: Address) {
        self.cursor = Some(cursor);
    }

    pub fn files(&self) -> u32 {
        self.files
    }

    pub fn file_bytes(&self) -> u64 {
        u64::from(self.file_blocks) * crate::disk::BLOCK as u64
    }

    /// Only so many files are prewritten yet.
    pub fn with_prewritten(mut self, prewritten: u32) -> Space {
        self.prewritten = prewritten.min(self.files);
        self
    }

    /// The slot of the file to be prewritten next; None: all are.
    pub fn next_to_prewrite(&self) -> Option<u32> {
        (self.prewritten < self.files).then(|| (self.prewritten + 1) % self.files)
    }

    /// [`Space::next_to_prewrite`] is durable.
    pub fn prewrote(&mut self) {
        self.prewritten = self.files.min(self.prewritten + 1);
    }

    /// Files that can be started without touching anything that is needed.
    pub fn free_files(&self) -> u32 {
        let free = self.files - self.used_files();
        if self.prewritten == self.files {
            free
        } else {
            free.min(self.prewritten.saturating_sub(self.newest_file_seq))
        }
    }

    /// Files that hold something that is needed.
    pub fn used_files(&self) -> u32 {
        let needed_from = self.replay_from.iter().map(|from| from.file_seq).min().expect("two");
        (self.newest_file_seq + 1).saturating_sub(needed_from).min(self.files)
    }

    pub fn newest_file_seq(&self) -> u32 {
        self.newest_file_seq
    }

    /// Bytes that the newest file still takes.
    pub fn newest_file_room(&self) -> u64 {
        let blocks = self.cursor.map_or(0, |cursor| self.file_blocks - cursor.block);
        u64::from(blocks) * crate::disk::BLOCK as u64
    }

    /// Whether a frame of this many blocks starts a file.
    pub fn starts_file(&self, blocks: u32) -> bool {
        self.cursor
            .is_none_or(|cursor| cursor.block + blocks > self.file_blocks)
    }

    /// The place of the next frame; None: the ring is full. `last` is the frame before.
    pub fn place(&mut self, blocks: u32, frame_seq: u64, last: Link) -> Option<Address> {
        assert!(blocks <= self.file_blocks, "a frame fits in a file");
        if self.starts_file(blocks) {
            if self.free_files() == 0 {
                return None;
            }
            self.newest_file_seq += 1;
            self.written.push_back(FileStart {
                file_seq: self.newest_file_seq,
                first_seq: frame_seq,
                prev: last,
            });
            self.cursor = Some(Address {
                file_seq: self.newest_file_seq,
                block: 0,
            });
        }
        let cursor = self.cursor.as_mut().expect("a file is open");
        let place = *cursor;
        cursor.block += blocks;
        Some(place)
    }

    pub fn slot(&self, file_seq: u32) -> usize {
        (file_seq % self.files) as usize
    }

    /// Where a checkpoint taken now has to replay from, if `oldest` is the oldest frame that a log needs. `last` is
    /// the last frame of all.
    pub fn replay_needed(&self, oldest: Option<u64>, last: Link) -> ReplayFrom {
        let needed = match oldest {
            Some(seq) => self.written.iter().rev().find(|file| file.first_seq <= seq),
            // The next frame starts a file: nothing that is there is needed.
            None if self.cursor.is_none() => {
                return ReplayFrom {
                    file_seq: self.newest_file_seq + 1,
                    prev: last,
                };
            }
            None => self.written.back(),
        };
        match needed.or(self.written.front()) {
            Some(file) => ReplayFrom {
                file_seq: file.file_seq,
                prev: file.prev,
            },
            None => ReplayFrom {
                file_seq: self.newest_file_seq + 1,
                prev: last,
            },
        }
    }

    /// The first frame of the file after the one that holds this frame. None: that is the newest file.
    pub fn next_file_seq_after(&self, frame_seq: u64) -> Option<u64> {
        self.written
            .iter()
            .map(|file| file.first_seq)
            .find(|first| *first > frame_seq)
    }

    pub fn oldest_replay(&self) -> ReplayFrom {
        if self.replay_from[0].file_seq < self.replay_from[1].file_seq {
            self.replay_from[0]
        } else {
            self.replay_from[1]
        }
    }

    /// A checkpoint is durable; the older one was overwritten by it.
    pub fn checkpointed(&mut self, from: ReplayFrom) {
        self.replay_from = [from, self.replay_from[0]];
        let needed = self.oldest_replay().file_seq;
        while self.written.front().is_some_and(|file| file.file_seq < needed) {
            self.written.pop_front();
        }
    }
}
