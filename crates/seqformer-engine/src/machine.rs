//! What a machine can do at best, measured: the yardstick for the network's speed.

use std::time::Instant;

use tch::{Cuda, Device, Kind, Tensor};

/// Times of which the best counts.
const RUNS: usize = 5;

/// How large the matrices and the memory are.
#[derive(Debug, Clone, Copy)]
pub struct MachineSizes {
    /// Rows and columns of the matrices.
    pub matrix: i64,
    /// Bytes that are read; more than the caches hold.
    pub memory: usize,
}

/// Rates of the device, each the best of a few tries.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MachineRates {
    /// Operations per second of a product of two large `f32` matrices.
    pub matmul_f32_flops: f64,
    /// The same with `bf16` matrices.
    pub matmul_bf16_flops: f64,
    /// Bytes per second of a plain read of memory.
    pub read_bytes_per_sec: f64,
}

impl Default for MachineSizes {
    /// Large enough for steady rates, small enough for a second.
    fn default() -> Self {
        Self { matrix: 2048, memory: 256 << 20 }
    }
}

impl MachineRates {
    /// Measures the rates with all threads that libtorch has.
    pub fn measure(device: Device, sizes: MachineSizes) -> Self {
        tch::no_grad(|| Self {
            matmul_f32_flops: matmul(device, Kind::Float, sizes.matrix),
            matmul_bf16_flops: matmul(device, Kind::BFloat16, sizes.matrix),
            read_bytes_per_sec: read(device, sizes.memory),
        })
    }
}

/// The better of libtorch's two ways to a product: of matrices, and as a convolution of single cells.
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

/// Seconds of the fastest of a few runs, after one that does not count.
fn best_secs(device: Device, work: impl Fn() -> Tensor) -> f64 {
    let run = || {
        let start = Instant::now();
        let result = work();
        if let Device::Cuda(index) = device {
            Cuda::synchronize(index as i64);
        }
        let secs = start.elapsed().as_secs_f64();
        drop(result);
        secs
    };
    run();
    (0..RUNS).map(|_| run()).fold(f64::INFINITY, f64::min).max(f64::MIN_POSITIVE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_rates_are_positive_numbers() {
        let sizes = MachineSizes { matrix: 32, memory: 1 << 16 };
        let MachineRates { matmul_f32_flops, matmul_bf16_flops, read_bytes_per_sec } =
            MachineRates::measure(Device::Cpu, sizes);
        for rate in [matmul_f32_flops, matmul_bf16_flops, read_bytes_per_sec] {
            assert!(rate.is_finite() && rate > 0.0, "{rate}");
        }
    }
}
