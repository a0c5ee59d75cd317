//! Places for what is in flight, found again by index and generation.
//!
//! A completion of an operation whose slot was freed and taken anew must never reach the new owner; the generation says so.

/// Names one use of one slot. Fits the 56 bits that a [`Tag`](super::tag::Tag) has for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Key {
    pub(super) index: u32,
    /// Only the low 24 bits count.
    pub(super) generation: u32,
}

pub(super) const GENERATION_MASK: u32 = 0x00ff_ffff;

pub(super) struct Slots<T> {
    entries: Vec<(u32, Option<T>)>,
    free: Vec<u32>,
}

impl<T> Slots<T> {
    pub(super) fn new() -> Slots<T> {
        Slots {
            entries: Vec::new(),
            free: Vec::new(),
        }
    }

    pub(super) fn insert(&mut self, value: T) -> Key {
        let index = self.free.pop().unwrap_or_else(|| {
            self.entries.push((0, None));
            u32::try_from(self.entries.len() - 1).expect("fewer than 2^32 slots")
        });
        let entry = &mut self.entries[index as usize];
        assert!(entry.1.is_none(), "a free slot is empty");
        entry.1 = Some(value);
        Key {
            index,
            generation: entry.0,
        }
    }

    pub(super) fn get(&mut self, key: Key) -> Option<&mut T> {
        match self.entries.get_mut(key.index as usize) {
            Some((generation, value)) if *generation == key.generation => value.as_mut(),
            _ => None,
        }
    }

    pub(super) fn remove(&mut self, key: Key) -> Option<T> {
        let (generation, value) = self.entries.get_mut(key.index as usize)?;
        if *generation != key.generation {
            return None;
        }
        let value = value.take()?;
        *generation = (*generation + 1) & GENERATION_MASK;
        self.free.push(key.index);
        Some(value)
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut T> {
        self.entries.iter_mut().filter_map(|(_, value)| value.as_mut())
    }
}
