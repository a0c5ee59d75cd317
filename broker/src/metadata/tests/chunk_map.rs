//! Goal: the chunk map is a sorted map, copies never see later changes, and differences are exactly the differences.

use std::collections::BTreeMap;

use crate::metadata::chunk_map::{ChunkMap, Difference};

struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % bound
    }
}

fn plain(map: &ChunkMap<u64, u64>) -> BTreeMap<u64, u64> {
    map.iter().map(|(key, value)| (*key, *value)).collect()
}

fn check_differences(old: &ChunkMap<u64, u64>, new: &ChunkMap<u64, u64>) {
    let (mut rebuilt, newer) = (plain(old), plain(new));
    for difference in old.differences(new, |a, b| a == b) {
        match difference {
            Difference::Removed(key, value) => assert_eq!(rebuilt.remove(key), Some(*value)),
            Difference::Added(key, value) => assert_eq!(rebuilt.insert(*key, *value), None),
            Difference::Changed(key, was, is) => {
                assert_ne!(was, is);
                assert_eq!(rebuilt.insert(*key, *is), Some(*was));
            }
        }
    }
    assert_eq!(rebuilt, newer);
}

#[test]
fn behaves_as_a_sorted_map_and_copies_stay() {
    for seed in 1..40 {
        let mut random = Random(seed * 7919);
        let keys = [50, 1000, 5000][seed as usize % 3];
        let (mut map, mut model) = (ChunkMap::default(), BTreeMap::new());
        let mut copies: Vec<(ChunkMap<u64, u64>, BTreeMap<u64, u64>)> = Vec::new();
        for step in 0..3000 {
            let key = random.below(keys);
            match random.below(10) {
                0..=4 => assert_eq!(map.insert(key, step), model.insert(key, step)),
                // Long runs of removals empty chunks and join them.
                5..=8 => {
                    for key in key..key + random.below(4) {
                        assert_eq!(map.remove(&key), model.remove(&key));
                    }
                }
                _ => {
                    if let Some(value) = map.get_mut(&key) {
                        *value = step;
                        model.insert(key, step);
                    }
                }
            }
            if step % 500 == 0 {
                copies.push((map.clone(), model.clone()));
            }
            assert_eq!(map.get(&key), model.get(&key));
            assert_eq!(map.len(), model.len());
        }
        copies.push((map, model));
        for (map, model) in &copies {
            assert_eq!(plain(map), *model);
            let from = random.below(keys);
            assert!(map.iter_from(&from).eq(model.range(from..)));
        }
        for pair in copies.windows(2) {
            check_differences(&pair[0].0, &pair[1].0);
            check_differences(&pair[1].0, &pair[0].0);
        }
        check_differences(&ChunkMap::default(), &copies[1].0);
    }
}

/// Replacing one of many looks at one chunk, not at all.
#[test]
fn differences_skip_what_is_shared() {
    let mut map = ChunkMap::default();
    (0..10_000u64).for_each(|key| {
        map.insert(key, 0u64);
    });
    let mut newer = map.clone();
    newer.insert(5000, 1);
    let looked = std::cell::Cell::new(0);
    let found = map.differences(&newer, |a, b| {
        looked.set(looked.get() + 1);
        a == b
    });
    assert_eq!(found, vec![Difference::Changed(&5000, &0, &1)]);
    assert!(looked.get() <= 128, "looked at {} pairs", looked.get());
}
