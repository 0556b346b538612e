//! What a prediction needs of a GPU, and how much of its memory it may take.

use seqformer::Precision;
use seqformer_cuda::device as cuda_device;
use tch::Device;

use crate::{EngineError, PredictorOptions};

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

/// Makes sure that the device has products of this precision.
///
/// # Errors
///
/// If TF32 is asked for on the CPU: what it would compute is `f32`.
pub(super) fn check(device: Device, precision: Precision) -> Result<(), EngineError> {
    if precision == Precision::Tf32 && !device.is_cuda() {
        let what = "TF32 is a precision of GPUs alone; use f32 or bf16 on the CPU".to_owned();
        return Err(EngineError::Unsupported(what));
    }
    Ok(())
}

/// What a prediction may plan with; none for the CPU, and where the part for GPUs is missing.
pub(super) fn plan_memory(device: Device, options: &PredictorOptions) -> Option<GpuMemory> {
    let Device::Cuda(index) = device else { return None };
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cpu_has_no_tf32() {
        let on = |device, precision| check(device, precision).is_ok();
        assert!(!on(Device::Cpu, Precision::Tf32) && on(Device::Cuda(0), Precision::Tf32));
        assert!(on(Device::Cpu, Precision::F32) && on(Device::Cpu, Precision::Bf16));
    }

    #[test]
    fn a_limit_counts_where_it_is_less_than_what_is_free() {
        let memory = |limit| GpuMemory::new(100, 1000, limit);
        assert_eq!(memory(None), GpuMemory { used: 100, planned: 850 });
        assert_eq!(memory(Some(500)).planned, 500);
        assert_eq!(memory(Some(5000)).planned, 850);
    }
}
