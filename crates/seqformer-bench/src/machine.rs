//! Measured peak rates of a machine, as references for the network's speed.
//!
//! On a GPU, the time is measured by events on its stream, so that the time to launch the work does not count.

use std::time::Instant;

use seqformer_cuda::device::{Tf32Scope, Timer};
use tch::{Cuda, Device, Kind, Tensor};

/// Number of runs, of which the fastest counts.
const RUNS: usize = 5;

/// How large the matrices and the memory are.
#[derive(Debug, Clone, Copy)]
pub struct MachineSizes {
    /// Rows and columns of the matrices.
    pub matrix: i64,
    /// Bytes that are read; more than the caches hold.
    pub memory: usize,
}

/// Rates of the device, each the best of a few runs.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MachineRates {
    /// Operations per second of a product of two large `f32` matrices; on a GPU strictly without TF32.
    pub matmul_f32_flops: f64,
    /// The same with TF32, on a GPU.
    pub matmul_tf32_flops: Option<f64>,
    /// The same with `bf16` matrices.
    pub matmul_bf16_flops: f64,
    /// Bytes per second of reading memory sequentially.
    pub read_bytes_per_sec: f64,
    /// Bytes per second that a copy within GPU memory reads and writes.
    pub copy_bytes_per_sec: Option<f64>,
}

impl MachineSizes {
    /// Large enough for steady rates of this device, small enough to take a second.
    pub fn of(device: Device) -> Self {
        if device.is_cuda() {
            return Self { matrix: 8192, memory: 1 << 30 };
        }
        Self { matrix: 2048, memory: 256 << 20 }
    }
}

impl MachineRates {
    /// Measures the rates with all threads of libtorch, or those of a GPU.
    pub fn measure(device: Device, sizes: MachineSizes) -> Self {
        let MachineSizes { matrix, memory } = sizes;
        tch::no_grad(|| Self {
            matmul_f32_flops: {
                // On the CPU, the GPU library of libtorch is not called.
                let _strict = device.is_cuda().then(|| Tf32Scope::begin(false).ok());
                matmul(device, Kind::Float, matrix)
            },
            matmul_tf32_flops: tf32(device, matrix),
            matmul_bf16_flops: matmul(device, Kind::BFloat16, matrix),
            read_bytes_per_sec: read(device, memory),
            copy_bytes_per_sec: device.is_cuda().then(|| copy(device, memory)),
        })
    }
}

/// `None` on the CPU, and if this program is built without GPU support.
fn tf32(device: Device, size: i64) -> Option<f64> {
    if !device.is_cuda() {
        return None;
    }
    let _allowed = Tf32Scope::begin(true).ok()?;
    Some(matmul(device, Kind::Float, size))
}

/// The faster of two ways to compute a product in libtorch: as matrices, and as a 1 × 1 convolution.
fn matmul(device: Device, kind: Kind, size: i64) -> f64 {
    let tensor = |size: &[i64]| Tensor::rand(size, (Kind::Float, device)).to_kind(kind);
    let (a, b) = (tensor(&[size, size]), tensor(&[size, size]));
    // Cells first, so that channels lie side by side in memory.
    let map = a.view([1, size, 1, size]).permute([0, 3, 1, 2]);
    let kernel = b.view([size, size, 1, 1]);
    let product = best_secs(device, || a.matmul(&b));
    let convolution =
        best_secs(device, || map.conv2d(&kernel, None::<Tensor>, [1, 1], [0, 0], [1, 1], 1));
    2.0 * (size as f64).powi(3) / product.min(convolution)
}

fn read(device: Device, bytes: usize) -> f64 {
    let count = (bytes / size_of::<f32>()).max(1);
    let values = Tensor::ones([count as i64], (Kind::Float, device));
    let secs = best_secs(device, || values.max());
    (count * size_of::<f32>()) as f64 / secs
}

fn copy(device: Device, bytes: usize) -> f64 {
    let from = Tensor::ones([bytes.max(1) as i64], (Kind::Uint8, device));
    let to = from.empty_like();
    let secs = best_secs(device, || {
        let mut to = to.shallow_clone();
        to.copy_(&from);
        to
    });
    2.0 * bytes.max(1) as f64 / secs
}

/// Seconds of the fastest of a few runs, after a warm-up run.
fn best_secs(device: Device, work: impl Fn() -> Tensor) -> f64 {
    let run = || match device {
        Device::Cuda(index) => on_gpu(index, &work),
        _ => on_host(&work),
    };
    run();
    (0..RUNS).map(|_| run()).fold(f64::INFINITY, f64::min).max(f64::MIN_POSITIVE)
}

fn on_host(work: &dyn Fn() -> Tensor) -> f64 {
    let start = Instant::now();
    let result = work();
    let secs = start.elapsed().as_secs_f64();
    drop(result);
    secs
}

/// Timed by events if possible, otherwise by the clock of the host.
fn on_gpu(index: usize, work: &dyn Fn() -> Tensor) -> f64 {
    Cuda::synchronize(index as i64);
    let start = Instant::now();
    let timer = Timer::start(index);
    let result = work();
    let secs = timer.and_then(Timer::stop).unwrap_or_else(|_no_events| {
        Cuda::synchronize(index as i64);
        start.elapsed().as_secs_f64()
    });
    drop(result);
    secs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_rates_are_positive_numbers() {
        let sizes = MachineSizes { matrix: 32, memory: 1 << 16 };
        let rates = MachineRates::measure(Device::Cpu, sizes);
        // What only GPUs have is not measured on the CPU.
        assert_eq!((rates.matmul_tf32_flops, rates.copy_bytes_per_sec), (None, None));
        let MachineRates { matmul_f32_flops, matmul_bf16_flops, read_bytes_per_sec, .. } = rates;
        let copied = copy(Device::Cpu, sizes.memory);
        for rate in [matmul_f32_flops, matmul_bf16_flops, read_bytes_per_sec, copied] {
            assert!(rate.is_finite() && rate > 0.0, "{rate}");
        }
    }
}
