//! The order of records: endless for training, exact for inference, shared among processes.
//!
//! Reference: detectron2 `data/samplers/distributed_sampler.py` and `data/common.py`, `AspectRatioGroupedDataset`.

mod batch;
mod permutation;

use std::ops::Range;

pub use batch::BatchSampler;

use crate::random::{Purpose, Random};
use permutation::Permutations;

/// One of the processes that share the work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shard {
    /// Its rank, from 0.
    pub rank: usize,
    /// The number of processes.
    pub world_size: usize,
}

impl Shard {
    /// The only process.
    pub const WHOLE: Self = Self { rank: 0, world_size: 1 };

    /// Returns this process's part of a list of `length`, such as a batch. Parts are contiguous, and the first ones are
    /// one longer if `length` is not divisible.
    pub fn range_of(self, length: usize) -> Range<usize> {
        let world_size = self.world_size.max(1);
        let (each, longer) = (length / world_size, length % world_size);
        let start = |rank: usize| (each * rank + rank.min(longer)).min(length);
        start(self.rank)..start(self.rank + 1)
    }
}

/// The record at a position of the stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct StreamEntry {
    /// Position in the stream of all processes together; the randomness of the sample is derived from it.
    pub position: u64,
    /// Index of the dataset.
    pub dataset: usize,
    /// Index of the item in the dataset: a record, or a frame of one (see
    /// [`TrainingSet::lengths`](crate::TrainingSet::lengths)).
    pub record: usize,
}

/// How several datasets are mixed.
#[derive(Debug, Clone, PartialEq)]
pub enum Mixture {
    /// All records of all datasets in one random order.
    Concatenated,
    /// Each sample comes from a dataset drawn with these weights; each dataset is traversed in its own random orders.
    Weighted(Vec<f64>),
}

/// The endless stream of training records, of which a process takes every `world_size`-th.
///
/// It depends only on seed, datasets and mixture, and can be resumed at any position.
#[derive(Debug)]
pub struct TrainingSampler {
    orders: Orders,
    shard: Shard,
    /// The next position in the stream of all processes.
    position: u64,
}

#[derive(Debug)]
enum Orders {
    Concatenated { lengths: Vec<usize>, all: Permutations },
    Weighted { weights: Vec<f64>, each: Vec<Permutations>, taken: Vec<u64>, choice: Box<Random> },
}

impl TrainingSampler {
    /// Creates the stream over datasets of these `lengths`, from its beginning.
    ///
    /// Empty datasets and those without a positive weight are never drawn; if none is left, the stream is empty.
    pub fn new(lengths: &[usize], mixture: &Mixture, seed: u64, shard: Shard) -> Self {
        let orders = match mixture {
            Mixture::Concatenated => Orders::Concatenated {
                lengths: lengths.to_vec(),
                all: Permutations::new(lengths.iter().sum(), seed, 0),
            },
            Mixture::Weighted(weights) => Orders::Weighted {
                weights: usable_weights(lengths, weights),
                each: (1..)
                    .zip(lengths)
                    .map(|(stream, &length)| Permutations::new(length, seed, stream))
                    .collect(),
                taken: vec![0; lengths.len()],
                choice: Box::new(Random::new(seed, Purpose::Mixture, 0)),
            },
        };
        Self { orders, shard, position: 0 }
    }

    /// Repeats records within each epoch: for every dataset and record, the mean number of repetitions, at least one.
    pub fn repeating(mut self, repeats: &[Vec<f64>]) -> Self {
        self.orders = match self.orders {
            Orders::Concatenated { lengths, all } => {
                Orders::Concatenated { lengths, all: all.repeating(repeats.concat()) }
            }
            Orders::Weighted { weights, each, taken, choice } => {
                let each = each.into_iter().zip(repeats);
                let each = each.map(|(order, repeats)| order.repeating(repeats.clone())).collect();
                Orders::Weighted { weights, each, taken, choice }
            }
        };
        self
    }

    /// Skips the next `count` records of this process.
    pub fn skip_records(&mut self, count: u64) {
        let distance = count * self.shard.world_size.max(1) as u64;
        if let Orders::Weighted { .. } = self.orders {
            for _ in 0..distance {
                self.orders.choose_dataset();
            }
        }
        self.position += distance;
    }
}

impl Iterator for TrainingSampler {
    type Item = StreamEntry;

    fn next(&mut self) -> Option<StreamEntry> {
        let mut own = None;
        for rank in 0..self.shard.world_size.max(1) {
            let entry = self.orders.entry(self.position)?;
            self.position += 1;
            if rank == self.shard.rank {
                own = Some(entry);
            }
        }
        own
    }
}

impl Orders {
    /// Returns the entry at the next position, which is `position`; `None` if there are no records.
    fn entry(&mut self, position: u64) -> Option<StreamEntry> {
        if let Self::Concatenated { lengths, all } = self {
            let mut record = all.at(position)?;
            let mut dataset = 0;
            while record >= lengths[dataset] {
                record -= lengths[dataset];
                dataset += 1;
            }
            return Some(StreamEntry { position, dataset, record });
        }
        let (dataset, place) = self.choose_dataset()?;
        let Self::Weighted { each, .. } = self else { return None };
        Some(StreamEntry { position, dataset, record: each[dataset].at(place)? })
    }

    /// Draws the next dataset, and returns how many records it has yielded before.
    fn choose_dataset(&mut self) -> Option<(usize, u64)> {
        let Self::Weighted { weights, taken, choice, .. } = self else { return None };
        let total: f64 = weights.iter().sum();
        let mut left = choice.uniform(0.0..1.0) * total;
        let last = weights.iter().rposition(|&weight| weight > 0.0)?;
        let chosen = weights.iter().position(|&weight| {
            let is_chosen = left < weight;
            left -= weight;
            is_chosen
        });
        // Rounding may leave a remainder after the last one.
        let dataset = chosen.unwrap_or(last);
        taken[dataset] += 1;
        Some((dataset, taken[dataset] - 1))
    }
}

fn usable_weights(lengths: &[usize], weights: &[f64]) -> Vec<f64> {
    let weight = |(index, &length): (usize, &usize)| {
        let weight = weights.get(index).copied().unwrap_or_default();
        if length > 0 && weight.is_finite() { weight.max(0.0) } else { 0.0 }
    };
    lengths.iter().enumerate().map(weight).collect()
}

#[cfg(test)]
mod tests;
