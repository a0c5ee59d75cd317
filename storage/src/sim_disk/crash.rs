//! What a crash makes of the medium and its cache.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;

use super::image::{Entry, Image, Inode, apply, cut, parent, persist};
use crate::disk::BLOCK;

/// A disk sector's unit of tearing, in bytes.
const TEAR: usize = 512;

/// Which unflushed sectors made it to the medium when the power went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Persist {
    None,
    All,
    /// All but the i-th pending sector, names and sizes included.
    AllBut(usize),
    /// Each sector by a coin; some are torn at 512 bytes. Names: a prefix of each directory's changes.
    Seeded(u64),
}

impl Image {
    pub fn after_crash(&self, choice: Persist) -> Image {
        let mut random = Random(match choice {
            Persist::Seeded(seed) => seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1,
            _ => 1,
        });
        let mut names = self.durable_names.clone();
        for changes in self.changes.values() {
            let made_it = match choice {
                Persist::None => 0,
                Persist::All | Persist::AllBut(_) => changes.len(),
                Persist::Seeded(_) => random.next() as usize % (changes.len() + 1),
            };
            changes[..made_it].iter().for_each(|change| apply(&mut names, change));
        }
        let paths: BTreeSet<String> = names.keys().cloned().collect();
        names.retain(|path, _| {
            let up = parent(path);
            up.is_empty() || paths.contains(up)
        });
        let mut inodes = BTreeMap::new();
        let mut index = 0;
        for (inode, file) in &self.inodes {
            let keep_size = match choice {
                Persist::None => false,
                Persist::All | Persist::AllBut(_) => true,
                Persist::Seeded(_) => random.next().is_multiple_of(2),
            };
            let mut after = Inode {
                durable: file.durable.clone(),
                durable_size: file.durable_size,
                ..Inode::default()
            };
            for (sector, pending) in &file.pending {
                let fate = match choice {
                    Persist::None => 0,
                    Persist::All => 1,
                    Persist::AllBut(missing) => u64::from(index != missing),
                    Persist::Seeded(_) => random.next() % 5 / 2,
                };
                index += 1;
                match fate {
                    0 => {}
                    1 => persist(&mut after.durable, *sector, &pending.bytes),
                    _ => {
                        let old = file.durable.get(sector);
                        let mut torn = old.map_or_else(|| vec![0; BLOCK], |bytes| bytes.to_vec());
                        for at in (0..BLOCK).step_by(TEAR) {
                            if random.next().is_multiple_of(2) {
                                torn[at..at + TEAR].copy_from_slice(&pending.bytes[at..at + TEAR]);
                            }
                        }
                        persist(&mut after.durable, *sector, &Bytes::from(torn));
                    }
                }
            }
            if keep_size {
                after.durable_size = file.size;
            }
            after.size = after.durable_size;
            cut(&mut after);
            after.unreadable = file.unreadable.clone();
            inodes.insert(*inode, after);
        }
        let live: BTreeSet<u64> = names
            .values()
            .filter_map(|entry| match entry {
                Entry::File(inode) => Some(*inode),
                Entry::Directory => None,
            })
            .collect();
        inodes.retain(|inode, _| live.contains(inode));
        Image {
            inodes,
            next_inode: self.next_inode,
            durable_names: names.clone(),
            names,
            changes: BTreeMap::new(),
            next_write: self.next_write,
            capacity: self.capacity,
        }
    }
}

struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 >> 11
    }
}
