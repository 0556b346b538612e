//! The machine and its peak rates.

use std::num::NonZeroUsize;

use seqformer_bench::{MachineRates, MachineSizes};
use seqformer_engine::{
    bf16_products_are_slow, cpu_field, cpu_multiplies_bf16, gpu_card, instruction_set,
};
use serde::Serialize;
use tch::Device;

/// Rates to compare the network with.
#[derive(Debug, Serialize)]
pub(super) struct Machine {
    /// Name of the processor, if the system reports it.
    pub(super) cpu: Option<String>,
    /// Name of the GPU, if the network runs on one.
    pub(super) gpu: Option<String>,
    /// Cores that this process may use.
    pub(super) cores: usize,
    /// Threads used for computation.
    pub(super) threads: usize,
    /// Whether the processor has instructions for bf16 products that are not slower than those in f32.
    pub(super) multiplies_bf16: bool,
    /// The instruction set of our own kernels on the CPU.
    pub(super) instruction_set: &'static str,
    /// Operations per second of a large product in f32.
    pub(super) matmul_f32_flops: f64,
    /// The same in TF32, on a GPU.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) matmul_tf32_flops: Option<f64>,
    /// The same in bf16.
    pub(super) matmul_bf16_flops: f64,
    /// Bytes per second of a plain read of memory.
    pub(super) memory_read_bytes_per_second: f64,
    /// Bytes per second that a copy within a GPU reads and writes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) memory_copy_bytes_per_second: Option<f64>,
}

impl Machine {
    /// The machine as a line for people.
    pub(super) fn line(&self) -> String {
        let cpu = self.cpu.as_deref().unwrap_or("this machine");
        let tera = |flops: f64| format!("{:.3}", flops / 1e12);
        let name = match &self.gpu {
            Some(gpu) => format!("{gpu} in {cpu}"),
            None => cpu.to_owned(),
        };
        let tf32 = self.matmul_tf32_flops.map(|flops| format!("{} in tf32, ", tera(flops)));
        let copied = self
            .memory_copy_bytes_per_second
            .map(|rate| format!(" and copied at {:.1} GB/s", rate / 1e9));
        // What the choice was, and why.
        let kernels = match (&self.gpu, bf16_products_are_slow()) {
            (Some(_), _) => String::new(),
            (None, false) => format!("\nkernels: {}", self.instruction_set),
            (None, true) => format!(
                "\nkernels: {}; bf16 is multiplied as f32, which was faster when the program started",
                self.instruction_set
            ),
        };
        format!(
            "{name}, {} cores: matrix products {} TFLOP/s in f32, {}{} in bf16, memory read at {:.1} GB/s{}{kernels}",
            self.cores,
            tera(self.matmul_f32_flops),
            tf32.unwrap_or_default(),
            tera(self.matmul_bf16_flops),
            self.memory_read_bytes_per_second / 1e9,
            copied.unwrap_or_default()
        )
    }
}

/// Measures the rates of the device.
pub(super) fn measure(device: Device, threads: NonZeroUsize) -> Machine {
    let rates = MachineRates::measure(device, MachineSizes::of(device));
    Machine {
        cpu: cpu_field(&["model name", "Model"]),
        gpu: gpu_card(device).ok().flatten().map(|card| card.name),
        cores: std::thread::available_parallelism().map_or(1, Into::into),
        threads: threads.get(),
        multiplies_bf16: cpu_multiplies_bf16(),
        instruction_set: instruction_set(),
        matmul_f32_flops: rates.matmul_f32_flops,
        matmul_tf32_flops: rates.matmul_tf32_flops,
        matmul_bf16_flops: rates.matmul_bf16_flops,
        memory_read_bytes_per_second: rates.read_bytes_per_sec,
        memory_copy_bytes_per_second: rates.copy_bytes_per_sec,
    }
}
