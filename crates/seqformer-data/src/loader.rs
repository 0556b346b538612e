//! Loads batches on threads, in an order that does not depend on them.
//!
//! The randomness of a sample is derived from the seed and its position in the stream. Every worker
//! walks through the whole stream and makes every n-th sample; the reader takes from the workers in
//! turn. So the batches are the same for any number of workers, and a run that resumes at batch n
//! gets the same batches as an undisturbed one.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use crossbeam_channel::{Receiver, Sender, bounded};

use crate::random::{Purpose, Random};
use crate::sampler::{BatchSampler, Shard, StreamEntry};
use crate::training_set::ClipSource;
use crate::{ClipSample, DataError};

/// Samples that each worker prepares ahead.
const SAMPLES_AHEAD: usize = 2;

/// An endless stream of batches of training clips.
///
/// After an error the stream continues with the next batch.
pub struct Loader {
    source: Arc<dyn ClipSource>,
    batches: BatchSampler,
    /// The process whose part of every batch is made.
    shard: Shard,
    /// Empty if the reader makes samples itself.
    workers: Vec<Worker>,
    /// The worker that makes the next sample.
    turn: usize,
}

struct Worker {
    name: String,
    /// `None` while the loader is being dropped.
    samples: Option<Receiver<Result<ClipSample, DataError>>>,
    thread: Option<JoinHandle<()>>,
}

impl Loader {
    /// Starts `num_workers` threads; with 0, every sample is made when it is requested.
    ///
    /// The stream starts at the position of `batches`.
    ///
    /// # Errors
    ///
    /// The system cannot start a thread.
    pub fn new(
        source: Arc<dyn ClipSource>,
        batches: BatchSampler,
        num_workers: usize,
    ) -> Result<Self, DataError> {
        Self::sharing(source, batches, num_workers, Shard::WHOLE)
    }

    /// Starts a loader for one of several processes, which makes its part of every batch. The parts are contiguous and
    /// together form the batch.
    ///
    /// # Errors
    ///
    /// The system cannot start a thread.
    pub fn sharing(
        source: Arc<dyn ClipSource>,
        batches: BatchSampler,
        num_workers: usize,
        shard: Shard,
    ) -> Result<Self, DataError> {
        let mut workers = Vec::with_capacity(num_workers);
        for index in 0..num_workers {
            let name = format!("loader-{index}");
            let (sender, receiver) = bounded(SAMPLES_AHEAD);
            let (source, batches) = (Arc::clone(&source), batches.duplicate());
            let turn = Turn { index, num_workers, shard };
            let work = move || work(&*source, batches, turn, &sender);
            let thread = thread::Builder::new()
                .name(name.clone())
                .spawn(work)
                .map_err(|source| DataError::Thread { name: name.clone(), source })?;
            workers.push(Worker { name, samples: Some(receiver), thread: Some(thread) });
        }
        Ok(Self { source, batches, shard, workers, turn: 0 })
    }

    /// Returns the number of batches taken from the stream, which is saved to resume with
    /// [`BatchSampler::starting_at`].
    pub fn num_batches(&self) -> u64 {
        self.batches.num_batches()
    }

    fn take_sample(&mut self, entry: StreamEntry) -> Result<ClipSample, DataError> {
        let Some(worker) = self.workers.get(self.turn) else {
            return make_sample(&*self.source, self.batches.seed(), entry);
        };
        self.turn = (self.turn + 1) % self.workers.len();
        let received = worker.samples.as_ref().and_then(|samples| samples.recv().ok());
        received.unwrap_or_else(|| Err(DataError::Worker { reason: worker.name.clone() }))
    }
}

impl Iterator for Loader {
    type Item = Result<Vec<ClipSample>, DataError>;

    fn next(&mut self) -> Option<Self::Item> {
        let batch = own_part(self.batches.next()?, self.shard);
        let mut samples = Vec::with_capacity(batch.len());
        let mut first_error = None;
        // All samples of the batch are taken even after an error, because the workers have made them.
        for entry in batch {
            match self.take_sample(entry) {
                Ok(sample) => samples.push(sample),
                Err(error) => first_error = first_error.or(Some(error)),
            }
        }
        Some(first_error.map_or(Ok(samples), Err))
    }
}

impl Drop for Loader {
    /// Stops the workers and waits for them.
    fn drop(&mut self) {
        for worker in &mut self.workers {
            // A worker without a receiver ends.
            worker.samples = None;
        }
        for thread in self.workers.iter_mut().filter_map(|worker| worker.thread.take()) {
            if thread.join().is_err() {
                tracing::warn!("a loader thread panicked");
            }
        }
    }
}

impl fmt::Debug for Loader {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Loader")
            .field("batches", &self.batches)
            .field("num_workers", &self.workers.len())
            .finish_non_exhaustive()
    }
}

/// Which samples a worker makes.
#[derive(Debug, Clone, Copy)]
struct Turn {
    index: usize,
    num_workers: usize,
    shard: Shard,
}

/// The entries of a batch that belong to this process.
fn own_part(batch: Vec<StreamEntry>, shard: Shard) -> Vec<StreamEntry> {
    batch[shard.range_of(batch.len())].to_vec()
}

/// Makes every `num_workers`-th sample of the stream, starting with the `index`-th, until the receiver is gone.
fn work(
    source: &dyn ClipSource,
    batches: BatchSampler,
    turn: Turn,
    samples: &Sender<Result<ClipSample, DataError>>,
) {
    let seed = batches.seed();
    let Turn { index, num_workers, shard } = turn;
    let entries = batches.flat_map(|batch| own_part(batch, shard));
    for entry in entries.skip(index).step_by(num_workers) {
        if samples.send(make_sample(source, seed, entry)).is_err() {
            return;
        }
    }
}

/// Makes a sample; a panic becomes an error, because a missing sample would shift all later ones.
fn make_sample(
    source: &dyn ClipSource,
    seed: u64,
    entry: StreamEntry,
) -> Result<ClipSample, DataError> {
    let mut random = Random::new(seed, Purpose::Sample, entry.position);
    let sample = catch_unwind(AssertUnwindSafe(|| source.sample(entry, &mut random)));
    sample.unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<&str>().copied();
        let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
        let reason = format!(
            "dataset {}, record {}: {}",
            entry.dataset,
            entry.record,
            text.unwrap_or("a panic without a message")
        );
        Err(DataError::Worker { reason })
    })
}

#[cfg(test)]
mod tests;
