//! Process-wide settings of predictions and trainings, in a single place.
//!
//! A program that embeds this library keeps freed memory from its first [`crate::Predictor`] or [`crate::Trainer`] on;
//! the last trainer created decides about cuDNN.

use tch::{Cuda, Device};

/// Makes the allocator of the process keep freed memory, for large tensors that are allocated repeatedly.
pub(crate) fn keep_freed_memory() {
    seqformer_ops::runtime::keep_freed_memory();
}

/// Sets whether cuDNN benchmarks several algorithms for every new size and uses the fastest, as the configuration of a
/// training says. It pays off if sizes repeat; predictions decide for each batch by themselves. Does nothing on the
/// CPU.
pub(crate) fn choose_cudnn_algorithms(device: Device, by_trial: bool) {
    if device.is_cuda() {
        Cuda::cudnn_set_benchmark(by_trial);
    }
}
