//! A sorted map that is cheap to copy and to change a little: the image of a cluster is one more of them at each commit.
//!
//! Two levels: a vector of shared chunks of at most [`CHUNK_MAX`] pairs. A clone is one reference; a change copies one
//! chunk and the vector of references, and neither where nobody else holds them (replay at start).

use std::{borrow::Borrow, sync::Arc};

const CHUNK_MAX: usize = 128;

type Chunk<K, V> = Arc<Vec<(K, V)>>;

#[derive(Debug)]
pub struct ChunkMap<K, V> {
    /// Sorted, none empty.
    chunks: Arc<Vec<Chunk<K, V>>>,
    len: usize,
}

impl<K, V> Clone for ChunkMap<K, V> {
    fn clone(&self) -> ChunkMap<K, V> {
        ChunkMap {
            chunks: self.chunks.clone(),
            len: self.len,
        }
    }
}

impl<K, V> Default for ChunkMap<K, V> {
    fn default() -> ChunkMap<K, V> {
        ChunkMap {
            chunks: Arc::default(),
            len: 0,
        }
    }
}

impl<K: Ord + Clone + PartialEq, V: Clone + PartialEq> PartialEq for ChunkMap<K, V> {
    fn eq(&self, other: &ChunkMap<K, V>) -> bool {
        self.len == other.len && self.iter().eq(other.iter())
    }
}

/// One difference between two maps.
#[derive(Debug, PartialEq)]
pub enum Difference<'a, K, V> {
    Removed(&'a K, &'a V),
    Added(&'a K, &'a V),
    /// The old and the new value.
    Changed(&'a K, &'a V, &'a V),
}

impl<K: Ord + Clone, V: Clone> ChunkMap<K, V> {
    pub fn len(&self) -> usize {
        self.len
    }

    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    pub fn get<Q: Ord + ?Sized>(&self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
    {
        let chunk = self.chunks.get(self.chunk_of(key))?;
        let at = chunk.binary_search_by(|(held, _)| held.borrow().cmp(key)).ok()?;
        Some(&chunk[at].1)
    }

    pub fn contains_key<Q: Ord + ?Sized>(&self, key: &Q) -> bool
    where
        K: Borrow<Q>,
    {
        self.get(key).is_some()
    }

    /// For changing in place; copies the chunk if somebody else holds it.
    pub fn get_mut<Q: Ord + ?Sized>(&mut self, key: &Q) -> Option<&mut V>
    where
        K: Borrow<Q>,
    {
        let index = self.chunk_of(key);
        let at = self
            .chunks
            .get(index)?
            .binary_search_by(|(held, _)| held.borrow().cmp(key))
            .ok()?;
        let chunk = &mut Arc::make_mut(&mut self.chunks)[index];
        Some(&mut Arc::make_mut(chunk)[at].1)
    }

    pub fn insert(&mut self, key: K, value: V) -> Option<V> {
        let index = self.chunk_of(&key);
        let chunks = Arc::make_mut(&mut self.chunks);
        if chunks.is_empty() {
            chunks.push(Arc::new(vec![(key, value)]));
            self.len = 1;
            return None;
        }
        let chunk = Arc::make_mut(&mut chunks[index]);
        match chunk.binary_search_by(|(held, _)| held.cmp(&key)) {
            Ok(at) => return Some(std::mem::replace(&mut chunk[at].1, value)),
            Err(at) => chunk.insert(at, (key, value)),
        }
        self.len += 1;
        if chunk.len() > CHUNK_MAX {
            let upper = chunk.split_off(CHUNK_MAX / 2);
            chunks.insert(index + 1, Arc::new(upper));
        }
        None
    }

    pub fn remove<Q: Ord + ?Sized>(&mut self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
    {
        let index = self.chunk_of(key);
        let at = self
            .chunks
            .get(index)?
            .binary_search_by(|(held, _)| held.borrow().cmp(key))
            .ok()?;
        let chunks = Arc::make_mut(&mut self.chunks);
        let (_, value) = Arc::make_mut(&mut chunks[index]).remove(at);
        self.len -= 1;
        let left = chunks[index].len();
        if left == 0 {
            chunks.remove(index);
        } else if chunks
            .get(index + 1)
            .is_some_and(|next| left + next.len() <= CHUNK_MAX / 2)
        {
            let next = chunks.remove(index + 1);
            Arc::make_mut(&mut chunks[index]).extend(next.iter().cloned());
        }
        Some(value)
    }

    /// In order of keys.
    pub fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        self.chunks
            .iter()
            .flat_map(|chunk| chunk.iter().map(|(key, value)| (key, value)))
    }

    /// From `key` on, inclusive, in order.
    pub fn iter_from<Q: Ord + ?Sized>(&self, key: &Q) -> impl Iterator<Item = (&K, &V)>
    where
        K: Borrow<Q>,
    {
        let index = self.chunk_of(key);
        let skip = self
            .chunks
            .get(index)
            .map_or(0, |chunk| chunk.partition_point(|(held, _)| held.borrow() < key));
        self.chunks[index.min(self.chunks.len())..]
            .iter()
            .flat_map(|chunk| chunk.iter().map(|(key, value)| (key, value)))
            .skip(skip)
    }

    /// What is not the same in `newer`, in order of keys; chunks that both share are not looked at. `same` may say "no"
    /// of equal values.
    pub fn differences<'a>(
        &'a self,
        newer: &'a ChunkMap<K, V>,
        same: impl Fn(&V, &V) -> bool,
    ) -> Vec<Difference<'a, K, V>> {
        let (mut old, mut new) = (Walk::new(self), Walk::new(newer));
        let mut found = Vec::new();
        loop {
            if let (Some(old_chunk), Some(new_chunk)) = (old.whole_chunk(), new.whole_chunk())
                && Arc::ptr_eq(old_chunk, new_chunk)
            {
                old.skip_chunk();
                new.skip_chunk();
                continue;
            }
            match (old.peek(), new.peek()) {
                (None, None) => return found,
                (Some((old_key, old_value)), Some((new_key, new_value))) if old_key == new_key => {
                    if !same(old_value, new_value) {
                        found.push(Difference::Changed(new_key, old_value, new_value));
                    }
                    old.advance();
                    new.advance();
                }
                (Some((key, value)), newer) if newer.is_none_or(|(new_key, _)| key < new_key) => {
                    found.push(Difference::Removed(key, value));
                    old.advance();
                }
                (_, Some((key, value))) => {
                    found.push(Difference::Added(key, value));
                    new.advance();
                }
                (Some(_), None) => unreachable!("the guard above takes it"),
            }
        }
    }

    /// The chunk that holds `key` or would.
    fn chunk_of<Q: Ord + ?Sized>(&self, key: &Q) -> usize
    where
        K: Borrow<Q>,
    {
        self.chunks
            .partition_point(|chunk| chunk[0].0.borrow() <= key)
            .saturating_sub(1)
    }
}

struct Walk<'a, K, V> {
    chunks: &'a [Chunk<K, V>],
    at: usize,
}

impl<'a, K, V> Walk<'a, K, V> {
    fn new(map: &'a ChunkMap<K, V>) -> Walk<'a, K, V> {
        Walk {
            chunks: &map.chunks,
            at: 0,
        }
    }

    /// The chunk that the walk is at the beginning of.
    fn whole_chunk(&self) -> Option<&'a Chunk<K, V>> {
        self.chunks.first().filter(|_| self.at == 0)
    }

    fn skip_chunk(&mut self) {
        self.chunks = &self.chunks[1..];
        self.at = 0;
    }

    fn peek(&self) -> Option<(&'a K, &'a V)> {
        let (key, value) = &self.chunks.first()?[self.at];
        Some((key, value))
    }

    fn advance(&mut self) {
        self.at += 1;
        if self.at == self.chunks[0].len() {
            self.skip_chunk();
        }
    }
}
