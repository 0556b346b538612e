//! The CUDA kernels on the CPU: the very sources that a GPU runs, compiled for an emulator of its threads.
//!
//! Buffers have guard pages before and behind them, and shuffles and barriers really wait for the other threads.

mod attention;
mod emulator;
mod layers;
mod masks;
mod plain_masks;

use tch::{Kind, Tensor};

/// The largest difference of two tensors; NaN where one of them has a NaN.
fn max_difference(a: &Tensor, b: &Tensor) -> f64 {
    (a.to_kind(Kind::Double) - b.to_kind(Kind::Double)).abs().max().double_value(&[])
}
