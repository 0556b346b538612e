//! What predictions and trainings set for the whole process: the one place that does.
//!
//! A program that embeds this library gets both settings with the first [`crate::Predictor`] or [`crate::Trainer`], and
//! the last one made decides about cuDNN.

use tch::{Cuda, Device};

/// Lets the allocator of the process keep what is freed, for large tensors that come again and again.
pub(crate) fn keep_freed_memory() {
    seqformer_ops::runtime::keep_freed_memory();
}

/// Says whether cuDNN tries several algorithms for every new size and keeps the fastest. This pays where sizes come
/// again, as in predictions, all batches of which but the last of a video have one size; trainings are told by their
/// configuration. Nothing on the CPU.
pub(crate) fn choose_cudnn_algorithms(device: Device, by_trial: bool) {
    if device.is_cuda() {
        Cuda::cudnn_set_benchmark(by_trial);
    }
}
