//! What a prediction needs of a GPU, and how much of its memory it may take.

use seqformer::{ModelError, Precision};
use seqformer_ops::cuda_device;
use seqformer_ops::out_of_memory::catch_out_of_memory;
use tch::{Cuda, Device};

use super::{PART, PredictorOptions};
use crate::EngineError;

/// Frames that go through the network together on a GPU, if it has the memory: the cells of fewer do not fill it.
const PART_ON_GPU: usize = 36;
/// Share of the memory that is free which frames may be planned to take: libraries have workspaces, and what is freed is
/// in pieces.
const PLANNED_SHARE: f64 = 0.75;

/// The memory of a GPU when the network was ready.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct GpuMemory {
    /// What weights and constants hold.
    pub(super) used: u64,
    /// What all tensors together may be planned to hold.
    pub(super) planned: u64,
}

/// Frames that go through the network together at most.
pub(super) fn frames_at_once(device: Device) -> usize {
    if device.is_cuda() { PART_ON_GPU } else { PART }
}

/// Makes a GPU ready for a prediction; none for the CPU, and where the part for GPUs is missing.
pub(super) fn prepare(device: Device, options: &PredictorOptions) -> Option<GpuMemory> {
    let Device::Cuda(index) = device else { return None };
    // All parts but the last of a video have one size, so choosing the fastest kernels pays.
    Cuda::cudnn_set_benchmark(true);
    match measure(index, options.max_memory) {
        Ok(memory) => Some(memory),
        Err(error) => {
            let precision = match options.precision {
                Precision::F32 => ", and convolutions may be computed in TF32",
                Precision::Tf32 => ", and products are computed in f32",
                Precision::Bf16 => "",
            };
            tracing::warn!("frames are copied to the GPU without haste{precision}: {error}");
            None
        }
    }
}

fn measure(index: usize, limit: Option<u64>) -> Result<GpuMemory, EngineError> {
    if let Some(limit) = limit {
        cuda_device::limit_memory(index, limit)?;
    }
    let memory = cuda_device::memory(index)?;
    let used = u64::try_from(memory.allocated).unwrap_or(0);
    Ok(GpuMemory::new(used, memory.available(), limit))
}

impl GpuMemory {
    fn new(used: u64, available: u64, limit: Option<u64>) -> Self {
        let planned = used + (available as f64 * PLANNED_SHARE) as u64;
        Self { used, planned: limit.map_or(planned, |limit| limit.min(planned)) }
    }
}

/// Runs work of a prediction outside of the network; that the device has no memory left is an error.
pub(super) fn out_of_memory<R>(what: &str, work: impl FnOnce() -> R) -> Result<R, EngineError> {
    catch_out_of_memory(work).map_err(|error| {
        EngineError::from(ModelError::OutOfMemory { what: what.to_owned(), message: error.message })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_counts_where_it_is_less_than_what_is_free() {
        let memory = |limit| GpuMemory::new(100, 1000, limit);
        assert_eq!(memory(None), GpuMemory { used: 100, planned: 850 });
        assert_eq!(memory(Some(500)).planned, 500);
        assert_eq!(memory(Some(5000)).planned, 850);
    }

    #[test]
    fn a_device_without_memory_is_an_error_with_advice() {
        let fail = || {
            let words = "CUDA out of memory. Tried to allocate 1 GiB".to_owned();
            let failed: Result<(), _> = std::iter::once(Err(tch::TchError::Torch(words))).collect();
            failed.unwrap();
        };
        let error = out_of_memory("masks", fail).unwrap_err().to_string();
        assert!(
            error.starts_with("the device has no memory left for masks: CUDA out of"),
            "{error}"
        );
        assert!(error.contains("INPUT.MIN_SIZE_TEST") && error.contains("--max-memory"), "{error}");
    }
}
