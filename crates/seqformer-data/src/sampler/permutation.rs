//! An endless sequence of random permutations.

use std::sync::Arc;

use crate::random::{Purpose, Random};

/// Each dataset has its own epochs.
const EPOCH_BITS: u32 = 48;

/// Random permutations of records, one after the other.
#[derive(Debug)]
pub(super) struct Permutations {
    length: usize,
    seed: u64,
    /// Distinguishes the permutations of different datasets.
    stream: u64,
    /// How often each record occurs in an epoch, on average; `None` for once.
    repeats: Option<Arc<[f64]>>,
    /// The permutation of one epoch, cached because the next position is most likely in it.
    current: Option<Epoch>,
}

#[derive(Debug)]
struct Epoch {
    /// The position of its first record.
    start: u64,
    order: Vec<u32>,
}

impl Permutations {
    pub(super) fn new(length: usize, seed: u64, stream: u64) -> Self {
        Self { length, seed, stream, repeats: None, current: None }
    }

    /// Repeats the records this often in every epoch, randomly rounded up or down.
    ///
    /// Reference: detectron2 `data/samplers/distributed_sampler.py`, `RepeatFactorTrainingSampler`.
    pub(super) fn repeating(self, repeats: Vec<f64>) -> Self {
        Self { repeats: Some(repeats.into()), current: None, ..self }
    }

    /// Returns the record at `place`; `None` if there are no records.
    pub(super) fn at(&mut self, place: u64) -> Option<usize> {
        if self.length == 0 {
            return None;
        }
        let is_current =
            |epoch: &Epoch| place >= epoch.start && place - epoch.start < epoch.order.len() as u64;
        let current = self.current.take().filter(is_current);
        let epoch = self.current.insert(match current {
            Some(epoch) => epoch,
            None => {
                Self::epoch_of(self.length, self.seed, self.stream, self.repeats.as_deref(), place)
            }
        });
        Some(epoch.order[(place - epoch.start) as usize] as usize)
    }

    fn epoch_of(
        length: usize,
        seed: u64,
        stream: u64,
        repeats: Option<&[f64]>,
        place: u64,
    ) -> Epoch {
        let index = |epoch: u64| (stream << EPOCH_BITS) + epoch;
        let (number, start, mut order) = match repeats {
            None => {
                let number = place / length as u64;
                (number, number * length as u64, (0..length as u32).collect())
            }
            Some(repeats) => {
                // Epochs differ in length, so finding one requires those before it.
                let (mut number, mut start) = (0, 0);
                loop {
                    let order = repeated(repeats, length, seed, index(number));
                    if place < start + order.len() as u64 {
                        break (number, start, order);
                    }
                    start += order.len() as u64;
                    number += 1;
                }
            }
        };
        Random::new(seed, Purpose::Permutation, index(number)).shuffle(&mut order);
        Epoch { start, order }
    }
}

/// Returns every record as often as it occurs in an epoch, at least once.
fn repeated(repeats: &[f64], length: usize, seed: u64, epoch: u64) -> Vec<u32> {
    let mut random = Random::new(seed, Purpose::Repetition, epoch);
    let mut records = Vec::with_capacity(length);
    for record in 0..length {
        let repeat = repeats.get(record).copied().unwrap_or(1.0).max(1.0);
        let times = repeat as usize + usize::from(random.bernoulli(repeat.fract()));
        records.extend(std::iter::repeat_n(record as u32, times));
    }
    records
}
