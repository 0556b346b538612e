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
mod tests;
