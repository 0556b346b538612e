//! Devices: the CPU, or an NVIDIA GPU, whose library is opened on request.

use std::path::Path;

use seqformer::ModelError;
use seqformer_cuda::device::{self as cuda_device, Card};
use seqformer_cuda::{begin_computing, open_cuda_library};
use seqformer_libtorch::out_of_memory::catch_out_of_memory;
use tch::{Cuda, Device};

pub use seqformer_config::DeviceChoice;

use crate::EngineError;

/// libtorch's CUDA library, found along the run path of the program.
const CUDA_LIBRARY: &str = "libtorch_cuda.so";
/// Exist if an NVIDIA driver is loaded: on Linux, and in the Windows Subsystem for Linux.
const DRIVER_FILES: [&str; 2] = ["/dev/nvidiactl", "/dev/dxg"];

/// Opens the device.
///
/// A process must request its first GPU before it computes anything on the CPU, because the CUDA library must not be
/// opened beside threads that compute (see [`open_cuda_library`]). Once this function has returned the CPU, GPUs are
/// refused, unless the library is already open. Concurrent calls wait for each other.
///
/// # Errors
///
/// If a GPU was requested explicitly and libtorch's CUDA library, the driver or that GPU is missing, or if it was
/// requested too late.
pub fn open_device(choice: DeviceChoice) -> Result<Device, EngineError> {
    let device = match choice {
        DeviceChoice::Cpu => Device::Cpu,
        DeviceChoice::Cuda(index) => open_cuda(index)
            .map_err(|reason| EngineError::Device { device: choice.to_string(), reason })?,
        DeviceChoice::Auto if !has_driver() => Device::Cpu,
        DeviceChoice::Auto => open_cuda(0).unwrap_or_else(|reason| {
            tracing::warn!("not using a GPU: {reason}");
            Device::Cpu
        }),
    };
    begin_computing();
    Ok(device)
}

/// Number of usable GPUs; 0 without libtorch's CUDA library or a driver, and if it is called too late: see
/// [`open_device`].
pub fn count_gpus() -> usize {
    if !has_driver() {
        return 0;
    }
    if let Err(error) = open_cuda_library(Path::new(CUDA_LIBRARY)) {
        tracing::debug!("cannot count GPUs: {error}");
        return 0;
    }
    if Cuda::is_available() { usize::try_from(Cuda::device_count()).unwrap_or(0) } else { 0 }
}

/// Properties of a GPU; `None` for the CPU.
///
/// # Errors
///
/// If `libseqformer_cuda` is missing.
pub fn gpu_card(device: Device) -> Result<Option<Card>, EngineError> {
    match device {
        Device::Cuda(index) => Ok(Some(cuda_device::card(index)?)),
        _ => Ok(None),
    }
}

/// Resets the peak memory of tensors on a GPU; does nothing on the CPU.
pub fn forget_gpu_peak(device: Device) {
    if let Device::Cuda(index) = device
        && let Err(error) = cuda_device::forget_peak(index)
    {
        tracing::debug!("{error}");
    }
}

/// Peak memory of tensors on a GPU in bytes since [`forget_gpu_peak`]; `None` for the CPU, and without
/// `libseqformer_cuda`.
pub fn gpu_peak(device: Device) -> Option<u64> {
    match device {
        Device::Cuda(index) => u64::try_from(cuda_device::memory(index).ok()?.peak_allocated).ok(),
        _ => None,
    }
}

/// What runs in a slower way on GPUs of this process, because a faster one is missing or has failed; one sentence each.
pub fn gpu_fallbacks() -> Vec<String> {
    seqformer_cuda::fallbacks::all()
}

/// All memory of a GPU in bytes; `None` for the CPU, and without `libseqformer_cuda`.
pub fn gpu_memory(device: Device) -> Option<u64> {
    match device {
        Device::Cuda(index) => u64::try_from(cuda_device::memory(index).ok()?.total).ok(),
        _ => None,
    }
}

fn has_driver() -> bool {
    DRIVER_FILES.iter().any(|file| Path::new(file).exists())
}

fn open_cuda(index: usize) -> Result<Device, String> {
    open_cuda_library(Path::new(CUDA_LIBRARY)).map_err(|error| {
        format!("{error}; use --device cpu, or install the CUDA build of torch 2.11.0")
    })?;
    if !Cuda::is_available() {
        return Err("libtorch found no NVIDIA driver or GPU; use --device cpu".to_owned());
    }
    let count = usize::try_from(Cuda::device_count()).unwrap_or(0);
    if index >= count {
        return Err(format!(
            "expected a number below {count}, the GPUs of this machine, found {index}"
        ));
    }
    Ok(Device::Cuda(index))
}

/// Runs `work`, and returns an error if the device runs out of memory for `what`.
pub(crate) fn out_of_memory<R>(what: &str, work: impl FnOnce() -> R) -> Result<R, EngineError> {
    catch_out_of_memory(work).map_err(|error| {
        EngineError::from(ModelError::OutOfMemory { what: what.to_owned(), message: error.message })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_without_memory_is_an_error_with_advice() {
        let fail = || {
            let words = "CUDA out of memory. Tried to allocate 1 GiB".to_owned();
            let failed: Result<(), _> = std::iter::once(Err(tch::TchError::Torch(words))).collect();
            failed.unwrap();
        };
        let error = out_of_memory("masks", fail).unwrap_err().to_string();
        assert!(
            error.starts_with("the device ran out of memory for masks: CUDA out of"),
            "{error}"
        );
        assert!(error.contains("INPUT.MIN_SIZE_TEST") && error.contains("--max-memory"), "{error}");
    }
}
