//! Chance from a seed, so that two targets, and two runs, get the same records in the same order.

/// SplitMix64 (Steele, Lea, Flood 2014): passes BigCrush, one word of state.
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Random {
        Random(seed)
    }

    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// In 0..bound, by multiplication; the bias for our small bounds is below 2^-32.
    pub fn below(&mut self, bound: u64) -> u64 {
        ((u128::from(self.next()) * u128::from(bound)) >> 64) as u64
    }

    /// In [0, 1).
    pub fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }

    pub fn fill(&mut self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(8) {
            chunk.copy_from_slice(&self.next().to_le_bytes()[..chunk.len()]);
        }
    }
}

/// Ranks 0.. with probability proportional to 1 / (rank + 1)^exponent, drawn from the table of their sums.
#[derive(Clone, Debug)]
pub struct Zipf(Vec<f64>);

impl Zipf {
    pub fn new(ranks: u32, exponent: f64) -> Zipf {
        let mut sum = 0.0;
        let sums = (1..=ranks).map(|rank| {
            sum += f64::from(rank).powf(-exponent);
            sum
        });
        Zipf(sums.collect())
    }

    pub fn draw(&self, random: &mut Random) -> u32 {
        let total = self.0.last().copied().unwrap_or_default();
        let point = random.unit() * total;
        self.0.partition_point(|sum| *sum <= point) as u32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zipf_draws_ranks_in_proportion() {
        let zipf = Zipf::new(100, 1.0);
        let mut random = Random::new(7);
        let mut counts = [0u32; 100];
        for _ in 0..200_000 {
            counts[zipf.draw(&mut random) as usize] += 1;
        }
        // The harmonic number of 100 is 5.187: rank 0 gets 19.3 %, rank 9 a tenth of that.
        assert!((36_000..41_000).contains(&counts[0]), "{}", counts[0]);
        assert!((3_300..4_500).contains(&counts[9]), "{}", counts[9]);
        assert!(counts[99] > 0);
    }

    #[test]
    fn below_stays_below_and_reaches_everything() {
        let mut random = Random::new(1);
        let mut seen = [false; 7];
        for _ in 0..1000 {
            seen[random.below(7) as usize] = true;
        }
        assert_eq!(seen, [true; 7]);
    }
}
