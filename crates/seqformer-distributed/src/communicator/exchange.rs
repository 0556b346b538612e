//! What processes tell each other: numbers, texts, tensors, and their gradients.

use tch::{Device, Tensor};

use super::Communicator;
use crate::DistributedError;
use crate::process_group::{BUCKET_BYTES, GradientReducer, Pending};

/// A sum that is on its way.
#[derive(Debug)]
pub struct PendingSum {
    tensor: Tensor,
    pending: Option<Pending>,
}

impl Communicator {
    /// The row of numbers of every process.
    ///
    /// # Errors
    ///
    /// If a process is gone or does not come in time.
    pub fn collect(&self, row: &[f64]) -> Result<Vec<Vec<f64>>, DistributedError> {
        match &self.links {
            None => Ok(vec![row.to_vec()]),
            Some(links) => {
                links.control.all_gather(row, Device::Cpu).map_err(|error| self.failed(&error))
            }
        }
    }

    /// Begins to add up numbers over all processes.
    ///
    /// # Errors
    ///
    /// If a process is gone or does not come in time.
    pub fn start_sum(&self, numbers: &[f64]) -> Result<PendingSum, DistributedError> {
        let tensor = Tensor::from_slice(numbers);
        let pending = match &self.links {
            None => None,
            Some(links) => {
                let pending = links.control.start_all_reduce(&tensor);
                Some(pending.map_err(|error| self.failed(&error))?)
            }
        };
        Ok(PendingSum { tensor, pending })
    }

    /// The numbers of all processes, added up.
    ///
    /// # Errors
    ///
    /// If a process is gone or does not come in time.
    pub fn finish_sum(&self, sum: PendingSum) -> Result<Vec<f64>, DistributedError> {
        if let Some(pending) = &sum.pending {
            pending.wait().map_err(|error| self.failed(&error))?;
        }
        Ok(Vec::try_from(&sum.tensor)?)
    }

    /// The text that the first process has; the others need none.
    ///
    /// # Errors
    ///
    /// If a process is gone or does not come in time.
    pub fn share_text(&self, text: Option<String>) -> Result<String, DistributedError> {
        let key = self.next_key("text");
        match (&self.links, text) {
            (None, text) => Ok(text.unwrap_or_default()),
            (Some(links), Some(text)) if self.is_leader() => {
                let done = links.store.set(&key, text.as_bytes());
                done.map_err(|error| self.failed(&error))?;
                Ok(text)
            }
            (Some(_), _) => {
                let bytes = self.wait_for(&key)?;
                Ok(String::from_utf8_lossy(&bytes).into_owned())
            }
        }
    }

    /// The texts of all processes, in the order of their ranks.
    ///
    /// # Errors
    ///
    /// If a process is gone or does not come in time.
    pub fn collect_texts(&self, text: &str) -> Result<Vec<String>, DistributedError> {
        let Some(links) = &self.links else { return Ok(vec![text.to_owned()]) };
        let key = self.next_key("texts");
        let own = links.store.set(&format!("{key}/{}", self.rank()), text.as_bytes());
        own.map_err(|error| self.failed(&error))?;
        let texts = (0..self.world_size()).map(|rank| {
            let bytes = self.wait_for(&format!("{key}/{rank}"))?;
            Ok(String::from_utf8_lossy(&bytes).into_owned())
        });
        let texts = texts.collect::<Result<Vec<_>, DistributedError>>()?;
        // The process that serves the table may end for what it has read; the others have to read it first.
        self.barrier()?;
        Ok(texts)
    }

    /// Copies tensors of the first process to all others, into the memory of theirs, a few large pieces at a
    /// time.
    ///
    /// # Errors
    ///
    /// If a process is gone or does not come in time, or a copy fails.
    pub fn share_tensors(&self, tensors: &[Tensor]) -> Result<(), DistributedError> {
        let Some(links) = &self.links else { return Ok(()) };
        let mut rest = tensors;
        while let Some(first) = rest.first() {
            let bytes = |tensor: &Tensor| tensor.numel() * tensor.kind().elt_size_in_bytes();
            let mut total = 0;
            let count = rest.iter().take_while(|tensor| {
                total += bytes(tensor);
                tensor.kind() == first.kind()
                    && tensor.device() == first.device()
                    && total <= 4 * BUCKET_BYTES
            });
            let (piece, after) = rest.split_at(count.count().max(1));
            rest = after;
            tch::no_grad(|| {
                let flat: Vec<Tensor> = piece.iter().map(|tensor| tensor.reshape([-1])).collect();
                let flat = Tensor::cat(&flat, 0);
                let group = if flat.device().is_cuda() { links.gpus.as_ref() } else { None };
                let done = group.unwrap_or(&links.control).broadcast(&flat, 0);
                done.map_err(|error| self.failed(&error))?;
                let sizes: Vec<i64> = piece.iter().map(|tensor| tensor.numel() as i64).collect();
                for (tensor, part) in piece.iter().zip(flat.split_with_sizes(sizes, 0)) {
                    tensor.shallow_clone().f_copy_(&part.view_as(tensor))?;
                }
                Ok::<(), DistributedError>(())
            })?;
        }
        Ok(())
    }

    /// What adds up the gradients of all processes; nothing for one alone.
    ///
    /// # Errors
    ///
    /// If there is no parameter, or no memory.
    pub fn reducer(
        &self,
        parameters: &[&Tensor],
    ) -> Result<Option<GradientReducer>, DistributedError> {
        let Some(links) = &self.links else { return Ok(None) };
        let is_cuda = parameters.first().is_some_and(|tensor| tensor.device().is_cuda());
        let group = if is_cuda { links.gpus.as_ref() } else { None };
        let group = group.unwrap_or(&links.control);
        let reducer = GradientReducer::new(group, parameters, BUCKET_BYTES);
        Ok(Some(reducer.map_err(|error| self.failed(&error))?))
    }

    /// Ends when all processes are here.
    ///
    /// # Errors
    ///
    /// If a process is gone or does not come in time.
    pub fn barrier(&self) -> Result<(), DistributedError> {
        match &self.links {
            None => Ok(()),
            Some(links) => links.control.barrier().map_err(|error| self.failed(&error)),
        }
    }
}
