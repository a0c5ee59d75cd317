//! Where a partition is found in memory, some times for each batch.
//!
//! Topic ids are random numbers that this cluster chose, so two multiplications spread them well, and nobody can choose keys that
//! meet. xxh3 sets up a state of half a KiB for the same.

use std::hash::{BuildHasherDefault, Hasher};

pub type KeyHash = BuildHasherDefault<KeyHasher>;

#[derive(Default)]
pub struct KeyHasher(u64);

impl KeyHasher {
    fn mix(&mut self, value: u64) {
        // An odd number without a pattern: the golden ratio's fraction.
        self.0 = (self.0.rotate_left(29) ^ value).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }
}

impl Hasher for KeyHasher {
    fn write(&mut self, bytes: &[u8]) {
        for piece in bytes.chunks(8) {
            let mut value = [0; 8];
            value[..piece.len()].copy_from_slice(piece);
            self.mix(u64::from_le_bytes(value));
        }
    }

    fn write_i32(&mut self, value: i32) {
        self.mix(u64::from(value.cast_unsigned()));
    }

    /// The length of an id, which is always the same.
    fn write_usize(&mut self, _: usize) {}

    fn finish(&self) -> u64 {
        // A product's high bits are its best; tables look at the lowest and the highest.
        self.0 ^ (self.0 >> 32)
    }
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, hash::BuildHasher};

    use uuid::Uuid;

    use super::*;
    use crate::metadata::PartitionKey;

    /// Goal: partitions of one topic and of many fall apart, by the bits of a hash that tables use.
    #[test]
    fn partitions_fall_apart() {
        let builder = KeyHash::default();
        let hash = |topic: u128, partition| {
            let topic_id = Uuid::from_u128(topic.wrapping_mul(0xda94_2042_e4dd_58b5_4bf5_8b21_8f1d_0a33));
            builder.hash_one(PartitionKey { topic_id, partition })
        };
        let one: Vec<u64> = (0..4096).map(|partition| hash(1, partition)).collect();
        let many: Vec<u64> = (0..4096).map(|topic| hash(topic, 0)).collect();
        for hashes in [one, many] {
            let distinct = |of: fn(u64) -> u64| hashes.iter().map(|hash| of(*hash)).collect::<BTreeSet<_>>().len();
            assert_eq!(distinct(|hash| hash), 4096);
            // 4096 balls fall into about 2589 of 4096 places by chance.
            assert!(distinct(|hash| hash & 4095) > 2400, "{}", distinct(|hash| hash & 4095));
            assert_eq!(distinct(|hash| hash >> 57), 128);
        }
    }
}
