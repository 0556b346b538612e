//! Random numbers that are the same on every machine and in every release.
//!
//! A library provides only the bits of ChaCha8. Ranges and shuffles are implemented here, because those of libraries
//! change between versions and a resumed run must draw the same numbers.

use std::ops::Range;

use rand::rngs::ChaCha8Rng;
use rand::{Rng as _, SeedableRng as _};

/// The purpose of a stream of numbers; each purpose has its own streams.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Purpose {
    /// One sample: frames of the clip and augmentation; the index is the position in the stream.
    Sample = 1,
    /// The order of the records; the index is the epoch.
    Permutation = 2,
    /// The choice of datasets.
    Mixture = 3,
    /// One synthetic video of the training split; the index is the video.
    SyntheticTraining = 4,
    /// One synthetic video of the validation split.
    SyntheticValidation = 5,
    /// How often each record occurs in an epoch; the index is the epoch.
    Repetition = 6,
    /// The order in which videos are assigned to the parts of a split.
    Split = 7,
    /// One video of moving cut-outs; the index is the video.
    Cutouts = 9,
}

/// A stream of random numbers.
#[derive(Debug)]
pub struct Random(ChaCha8Rng);

impl Random {
    /// Creates the stream of a seed, a purpose and an index; different streams are independent.
    pub fn new(seed: u64, purpose: Purpose, index: u64) -> Self {
        let mut key = [0; 32];
        key[..8].copy_from_slice(&seed.to_le_bytes());
        key[8..16].copy_from_slice(&index.to_le_bytes());
        key[16] = purpose as u8;
        Self(ChaCha8Rng::from_seed(key))
    }

    /// Draws 64 bits.
    pub fn bits(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// Draws an integer below `limit`, uniformly; 0 for a limit of 0.
    pub fn below(&mut self, limit: u64) -> u64 {
        if limit == 0 {
            return 0;
        }
        // Lemire's method: the high half of a product, redrawn in the few cases that would be biased.
        let threshold = limit.wrapping_neg() % limit;
        loop {
            let product = u128::from(self.bits()) * u128::from(limit);
            if product as u64 >= threshold {
                return (product >> 64) as u64;
            }
        }
    }

    /// Draws an index of a list of `length` entries.
    pub fn index(&mut self, length: usize) -> usize {
        self.below(length as u64) as usize
    }

    /// Draws an integer from `low` to `high`, both included.
    pub fn between(&mut self, low: u32, high: u32) -> u32 {
        let count = u64::from(high.max(low) - low) + 1;
        low + self.below(count) as u32
    }

    /// Draws a number of the half-open range.
    pub fn uniform(&mut self, range: Range<f64>) -> f64 {
        // 53 bits fill the fraction of an f64.
        let unit = (self.bits() >> 11) as f64 / (1_u64 << 53) as f64;
        range.start + unit * (range.end - range.start)
    }

    /// Draws true with probability `probability`.
    pub fn bernoulli(&mut self, probability: f64) -> bool {
        self.uniform(0.0..1.0) < probability
    }

    /// Draws a number from the standard normal distribution.
    ///
    /// Uses only comparisons, multiplications and divisions, because logarithms and cosines differ between machines.
    /// The number of uniform draws is itself random: sixteen on average.
    ///
    /// Reference: Karney, "Sampling exactly from the normal distribution" (arXiv:1303.6257), algorithm N. Drawn in this
    /// order: the whole part, whether it stays, the fraction, whether it stays, the sign.
    pub fn normal(&mut self) -> f64 {
        loop {
            let mut whole = 0_u32;
            while self.decays(0.5) {
                whole += 1;
            }
            let is_kept = (0..whole * whole.saturating_sub(1)).all(|_| self.decays(0.5));
            if !is_kept {
                continue;
            }
            let k = f64::from(whole);
            let fraction = self.uniform(0.0..1.0);
            // exp(-f (2k + f) / 2) in k + 1 factors, whose exponents are within 0..1.
            let exponent = fraction * (2.0 * k + fraction) / (2.0 * k + 2.0);
            if (0..=whole).all(|_| self.decays(exponent)) {
                let magnitude = k + fraction;
                return if self.bernoulli(0.5) { -magnitude } else { magnitude };
            }
        }
    }

    /// Draws true with probability exp(-`exponent`), for exponents within 0..1 (von Neumann).
    fn decays(&mut self, exponent: f64) -> bool {
        // The probability that the first n numbers fall below `exponent` and each below the one before
        // is exponentⁿ / n!, so an even length has the probability of the alternating series.
        let mut previous = exponent;
        let mut is_even = true;
        loop {
            let number = self.uniform(0.0..1.0);
            if number >= previous {
                return is_even;
            }
            previous = number;
            is_even = !is_even;
        }
    }

    /// Shuffles a list.
    pub fn shuffle<T>(&mut self, list: &mut [T]) {
        for end in (1..list.len()).rev() {
            list.swap(end, self.index(end + 1));
        }
    }
}

#[cfg(test)]
mod tests {
    //! Ranges, fairness and independence.

    use super::*;

    #[test]
    fn streams_depend_on_seed_purpose_and_index() {
        let first = |seed, purpose, index| Random::new(seed, purpose, index).bits();
        let one = first(1, Purpose::Sample, 1);
        assert_eq!(one, first(1, Purpose::Sample, 1));
        assert_ne!(one, first(2, Purpose::Sample, 1));
        assert_ne!(one, first(1, Purpose::Mixture, 1));
        assert_ne!(one, first(1, Purpose::Sample, 2));
    }

    #[test]
    fn all_numbers_of_a_range_come_equally_often() {
        let mut random = Random::new(3, Purpose::Sample, 0);
        let mut counts = [0_u32; 5];
        for _ in 0..10_000 {
            counts[random.index(5)] += 1;
        }
        // Binomial with n = 10000 and p = 1/5: six standard deviations are 240.
        assert!(counts.iter().all(|&count| count.abs_diff(2000) < 240), "{counts:?}");
        assert!((0..100).all(|_| (7..=9).contains(&random.between(7, 9))));
        assert!((0..100).all(|_| (-1.5..2.0).contains(&random.uniform(-1.5..2.0))));
        assert_eq!((random.below(0), random.between(4, 4)), (0, 4));
    }

    #[test]
    fn shuffling_keeps_the_entries_and_reaches_every_order() {
        let mut random = Random::new(4, Purpose::Sample, 0);
        let mut orders = std::collections::BTreeMap::new();
        for _ in 0..6000 {
            let mut list = [0, 1, 2];
            random.shuffle(&mut list);
            *orders.entry(list).or_insert(0_u32) += 1;
        }
        // Binomial with n = 6000 and p = 1/6: six standard deviations are 173.
        assert_eq!(orders.len(), 6);
        assert!(orders.values().all(|count| count.abs_diff(1000) < 173), "{orders:?}");
    }

    #[test]
    fn normal_numbers_have_the_shares_of_the_bell_curve() {
        const NUM_DRAWS: u32 = 100_000;
        let mut random = Random::new(5, Purpose::Sample, 0);
        let numbers: Vec<f64> = (0..NUM_DRAWS).map(|_| random.normal()).collect();
        let draws = f64::from(NUM_DRAWS);
        // The distribution function at these places, from tables.
        let shares = [
            (-3.0, 0.001_349_898),
            (-2.0, 0.022_750_132),
            (-1.0, 0.158_655_254),
            (-0.5, 0.308_537_539),
            (0.0, 0.5),
            (0.25, 0.598_706_326),
            (1.0, 0.841_344_746),
            (1.5, 0.933_192_799),
            (2.5, 0.993_790_335),
        ];
        for (place, share) in shares {
            let found = numbers.iter().filter(|&&number| number < place).count() as f64 / draws;
            let six_sigma = 6.0 * (share * (1.0 - share) / draws).sqrt();
            assert!((found - share).abs() < six_sigma, "below {place}: {found}, expected {share}");
        }
        // Standard deviations of the mean and of the mean square: 1/√n and √(2/n).
        let mean = numbers.iter().sum::<f64>() / draws;
        let square = numbers.iter().map(|number| number * number).sum::<f64>() / draws;
        assert!(mean.abs() < 6.0 / draws.sqrt(), "{mean}");
        assert!((square - 1.0).abs() < 6.0 * (2.0 / draws).sqrt(), "{square}");
    }
}
