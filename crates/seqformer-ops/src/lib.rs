//! Multi-scale deformable attention for libtorch on the CPU and on NVIDIA GPUs, and layers that `tch` lacks.
//!
//! [`ms_deform_attn`] is the operation of Deformable DETR (arXiv:2010.04159, equation 3): every query
//! of every head reads a few bilinearly interpolated points of several feature maps and sums them by
//! weight. It is one differentiable step with kernels of its own, written in Rust and run on
//! libtorch's threads, or in CUDA (see [`cuda_attention`]); [`reference::ms_deform_attn`] is the same in plain tensor
//! operations.
//!
//! ```
//! use seqformer_ops::{FeatureLevels, LevelSize, ms_deform_attn};
//! use tch::{Device, Kind, Tensor};
//!
//! let levels = FeatureLevels::new(&[LevelSize { height: 4, width: 6 }, LevelSize { height: 2, width: 3 }])?;
//! let on = (Kind::Float, Device::Cpu);
//! let value = Tensor::rand([1, levels.num_tokens(), 8, 32], on); // [N, S, M, D]
//! let locations = Tensor::rand([1, 10, 8, 2, 4, 2], on); // [N, Q, M, L, P, 2] as (x, y) in 0..1
//! let weights = Tensor::full([1, 10, 8, 2, 4], 1.0 / 8.0, on); // [N, Q, M, L, P]
//! let out = ms_deform_attn(&value, &levels, &locations, &weights)?;
//! assert_eq!(out.size(), [1, 10, 256]); // [N, Q, M * D]
//! # Ok::<(), seqformer_ops::OpsError>(())
//! ```

pub mod attention;
#[expect(unsafe_code, reason = "calls of the shim, and the kernels that it calls back")]
mod attention_function;
mod constants;
pub mod cuda_attention;
pub mod deformable_layer;
pub mod fused;
pub mod images;
mod levels;
#[expect(unsafe_code, reason = "calls of the shim: threads and products for the kernels")]
mod machine;
mod ms_deform_attn;
#[cfg(test)]
mod non_finite;
pub mod optimize;
pub mod packed_linear;
pub mod packed_masks;
pub mod pointwise_conv;
mod pool;
pub mod precision;
pub mod recompute;
pub mod reference;
pub mod runtime;
#[expect(unsafe_code, reason = "the memory of tensors")]
mod slices;
pub mod winograd_conv;

pub use constants::small_tensor;
pub use levels::FeatureLevels;
pub use ms_deform_attn::{
    JoinedPoints, PredictedPoints, ms_deform_attn, ms_deform_attn_at_joined,
    ms_deform_attn_at_offsets,
};
pub use seqformer_kernels::LevelSize;
pub use seqformer_libtorch::OpsError;
