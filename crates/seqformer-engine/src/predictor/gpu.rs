//! GPU capabilities that a prediction needs, and the memory that it may use.

use seqformer::Precision;
use seqformer_cuda::{device as cuda_device, fallbacks};
use tch::Device;

use crate::{EngineError, PredictorOptions};

/// Fraction of free memory that frames may be planned to use: libraries need workspaces, and free memory is fragmented.
const PLANNED_SHARE: f64 = 0.75;

/// The memory of a GPU when the network was ready.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct GpuMemory {
    /// Memory of weights and constants.
    pub(super) used: u64,
    /// Planned maximum for all tensors together.
    pub(super) planned: u64,
}

/// Checks that the device supports this precision.
///
/// # Errors
///
/// If TF32 is requested on the CPU, which would compute in `f32`.
pub(super) fn check(device: Device, precision: Precision) -> Result<(), EngineError> {
    if precision == Precision::Tf32 && !device.is_cuda() {
        let what = "only GPUs support TF32; use f32 or bf16 on the CPU".to_owned();
        return Err(EngineError::Unsupported(what));
    }
    Ok(())
}

/// The memory to plan with; `None` for the CPU, and without `libseqformer_cuda`.
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
            fallbacks::warn(format!(
                "frames are copied to the GPU synchronously{precision}: {error}"
            ));
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
