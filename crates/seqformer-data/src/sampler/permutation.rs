//! An endless row of random orders.

use crate::random::{Purpose, Random};

/// Random orders of `length` records, one after the other.
#[derive(Debug)]
pub(super) struct Permutations {
    length: usize,
    seed: u64,
    /// Distinguishes the orders of different datasets.
    stream: u64,
    /// The order of one epoch, kept because the next place is most likely in it.
    current: Option<(u64, Vec<u32>)>,
}

impl Permutations {
    pub(super) fn new(length: usize, seed: u64, stream: u64) -> Self {
        Self { length, seed, stream, current: None }
    }

    /// Returns the record at `place`; nothing if there is none at all.
    pub(super) fn at(&mut self, place: u64) -> Option<usize> {
        if self.length == 0 {
            return None;
        }
        let (epoch, within) = (place / self.length as u64, place % self.length as u64);
        let current = self.current.take().filter(|&(known, _)| known == epoch);
        let (_, order) = self.current.insert(current.unwrap_or_else(|| {
            const EPOCH_BITS: u32 = 48;
            let index = (self.stream << EPOCH_BITS) + epoch;
            let mut order: Vec<u32> = (0..self.length as u32).collect();
            Random::new(self.seed, Purpose::Permutation, index).shuffle(&mut order);
            (epoch, order)
        }));
        Some(order[within as usize] as usize)
    }
}
