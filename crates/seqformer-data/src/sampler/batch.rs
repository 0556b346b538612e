//! Batches of the training stream.

use std::sync::Arc;

use super::{Mixture, Shard, StreamEntry, TrainingSampler};

/// The endless stream of batches of one process.
///
/// With grouping, a batch contains either only wide videos or only others, and is returned when it
/// is full. The stream can be resumed at any batch.
#[derive(Debug)]
pub struct BatchSampler {
    sampler: TrainingSampler,
    batch_size: usize,
    /// For every dataset and record whether it is wider than high; `None` without grouping.
    is_wide: Option<Arc<Vec<Vec<bool>>>>,
    waiting: [Vec<StreamEntry>; 2],
    num_batches: u64,
    description: Description,
}

/// The parameters of a stream, to create the same stream again.
#[derive(Debug, Clone)]
struct Description {
    lengths: Vec<usize>,
    mixture: Mixture,
    seed: u64,
    shard: Shard,
    repeats: Option<Arc<Vec<Vec<f64>>>>,
}

impl Description {
    fn sampler(&self) -> TrainingSampler {
        let Self { lengths, mixture, seed, shard, repeats } = self;
        let sampler = TrainingSampler::new(lengths, mixture, *seed, *shard);
        match repeats {
            Some(repeats) => sampler.repeating(repeats),
            None => sampler,
        }
    }
}

impl BatchSampler {
    /// Creates the stream of batches without grouping; a batch has at least one record.
    pub fn new(
        lengths: Vec<usize>,
        mixture: Mixture,
        batch_size: usize,
        seed: u64,
        shard: Shard,
    ) -> Self {
        let description = Description { lengths, mixture, seed, shard, repeats: None };
        Self {
            sampler: description.sampler(),
            batch_size: batch_size.max(1),
            is_wide: None,
            waiting: Default::default(),
            num_batches: 0,
            description,
        }
    }

    /// Repeats records like [`TrainingSampler::repeating`]; the stream restarts.
    pub fn repeating(self, repeats: Vec<Vec<f64>>) -> Self {
        let description =
            Description { repeats: Some(Arc::new(repeats)), ..self.description.clone() };
        Self { description, ..self }.restarted()
    }

    /// Groups records by whether they are wide, given for each dataset and record.
    pub fn grouped(self, is_wide: Vec<Vec<bool>>) -> Self {
        Self { is_wide: Some(Arc::new(is_wide)), ..self }
    }

    /// Moves to batch number `batch` of the stream.
    pub fn starting_at(mut self, batch: u64) -> Self {
        let again = self.restarted();
        self = again;
        if self.is_wide.is_none() {
            self.sampler.skip_records(batch * self.batch_size as u64);
            self.num_batches = batch;
        } else {
            // The pending records of groups depend on everything before.
            for _ in 0..batch {
                if self.next().is_none() {
                    break;
                }
            }
        }
        self
    }

    /// Returns the number of batches taken, which is saved to resume.
    pub fn num_batches(&self) -> u64 {
        self.num_batches
    }

    /// Returns the number of records per batch.
    pub fn batch_size(&self) -> usize {
        self.batch_size
    }

    /// Returns the seed of the stream.
    pub fn seed(&self) -> u64 {
        self.description.seed
    }

    /// Returns the same stream at the same position.
    pub fn duplicate(&self) -> Self {
        self.restarted().starting_at(self.num_batches)
    }

    /// Returns the same stream from its beginning.
    fn restarted(&self) -> Self {
        Self {
            sampler: self.description.sampler(),
            batch_size: self.batch_size,
            is_wide: self.is_wide.clone(),
            waiting: Default::default(),
            num_batches: 0,
            description: self.description.clone(),
        }
    }

    fn group_of(&self, entry: StreamEntry) -> usize {
        let Some(is_wide) = &self.is_wide else { return 0 };
        let flags = is_wide.get(entry.dataset);
        usize::from(flags.and_then(|flags| flags.get(entry.record)).copied().unwrap_or_default())
    }
}

impl Iterator for BatchSampler {
    type Item = Vec<StreamEntry>;

    fn next(&mut self) -> Option<Vec<StreamEntry>> {
        loop {
            let entry = self.sampler.next()?;
            let group = self.group_of(entry);
            self.waiting[group].push(entry);
            if self.waiting[group].len() == self.batch_size {
                self.num_batches += 1;
                return Some(std::mem::take(&mut self.waiting[group]));
            }
        }
    }
}
