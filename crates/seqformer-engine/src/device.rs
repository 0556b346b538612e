//! Where tensors live: the CPU, or an NVIDIA GPU whose library is opened when asked for.

use std::path::Path;

use seqformer::ModelError;
use seqformer_cuda::device::{self as cuda_device, Card};
use seqformer_cuda::{begin_computing, open_cuda_library};
use seqformer_libtorch::out_of_memory::catch_out_of_memory;
use tch::{Cuda, Device};

pub use seqformer_config::DeviceChoice;

use crate::EngineError;

/// The part of libtorch that knows CUDA; found along the run path of the program.
const CUDA_LIBRARY: &str = "libtorch_cuda.so";
/// Present where an NVIDIA driver is loaded: on Linux, and under Windows' Linux.
const DRIVER_FILES: [&str; 2] = ["/dev/nvidiactl", "/dev/dxg"];

/// Makes the device ready.
///
/// The first GPU of a process is asked for before anything is computed on the CPU: with it comes a part of libtorch that
/// must not be opened beside threads that compute (see [`open_cuda_library`]). Once this function has given the CPU, a GPU
/// is refused, unless the part is open already. Calls from several threads wait for each other.
///
/// # Errors
///
/// If a GPU was asked for by name and libtorch's CUDA part, the driver or that GPU is missing, or if it is asked for too
/// late.
pub fn open_device(choice: DeviceChoice) -> Result<Device, EngineError> {
    let device = match choice {
        DeviceChoice::Cpu => Device::Cpu,
        DeviceChoice::Cuda(index) => open_cuda(index)
            .map_err(|reason| EngineError::Device { device: choice.to_string(), reason })?,
        DeviceChoice::Auto if !has_driver() => Device::Cpu,
        DeviceChoice::Auto => open_cuda(0).unwrap_or_else(|reason| {
            tracing::warn!("no GPU is used: {reason}");
            Device::Cpu
        }),
    };
    begin_computing();
    Ok(device)
}

/// Number of GPUs that can be used; 0 without libtorch's CUDA part or a driver, and where it is asked too late: see
/// [`open_device`].
pub fn count_gpus() -> usize {
    if !has_driver() {
        return 0;
    }
    if let Err(error) = open_cuda_library(Path::new(CUDA_LIBRARY)) {
        tracing::debug!("no GPU is counted: {error}");
        return 0;
    }
    if Cuda::is_available() { usize::try_from(Cuda::device_count()).unwrap_or(0) } else { 0 }
}

/// What a GPU is; none for the CPU.
///
/// # Errors
///
/// If the part of this program for GPUs is missing.
pub fn gpu_card(device: Device) -> Result<Option<Card>, EngineError> {
    match device {
        Device::Cuda(index) => Ok(Some(cuda_device::card(index)?)),
        _ => Ok(None),
    }
}

/// Begins a new peak of the memory that tensors hold on a GPU; nothing on the CPU.
pub fn forget_gpu_peak(device: Device) {
    if let Device::Cuda(index) = device
        && let Err(error) = cuda_device::forget_peak(index)
    {
        tracing::debug!("{error}");
    }
}

/// The most bytes that tensors have held on a GPU since [`forget_gpu_peak`]; none for the CPU, and where this program
/// has no part for GPUs.
pub fn gpu_peak(device: Device) -> Option<u64> {
    match device {
        Device::Cuda(index) => u64::try_from(cuda_device::memory(index).ok()?.peak_allocated).ok(),
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

/// Runs work; that the device has no memory left for `what` is an error.
pub(crate) fn out_of_memory<R>(what: &str, work: impl FnOnce() -> R) -> Result<R, EngineError> {
    catch_out_of_memory(work).map_err(|error| {
        EngineError::from(ModelError::OutOfMemory { what: what.to_owned(), message: error.message })
    })
}

#[cfg(test)]
mod tests;
