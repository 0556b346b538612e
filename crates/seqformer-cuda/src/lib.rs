//! NVIDIA GPUs, beyond what `tch` offers: kernels that are compiled at run time, CUDA graphs, copies that
//! overlap with computation, and the memory of a GPU.
//!
//! Programs start without CUDA. [`open_cuda_library`] opens libtorch's part for it, and `libseqformer_cuda`, the C++ of
//! this crate (`cpp`), is opened when one of its functions is first needed; where it is missing, every function is an
//! error that says why.
//!
//! ```
//! use seqformer_cuda::transfer::upload;
//! use tch::{Device, Kind, Tensor};
//!
//! // On a GPU, what uses the tensor waits for the copy, and this thread does not.
//! let frame = Tensor::zeros([3, 4], (Kind::Uint8, Device::Cpu));
//! assert_eq!(upload(&frame, Device::cuda_if_available()).size(), [3, 4]);
//! ```

#[expect(unsafe_code, reason = "calls of the library for GPUs")]
mod binding;
#[cfg(test)]
#[path = "../cuda_headers.rs"]
mod cuda_headers;
pub mod device;
pub mod fallbacks;
pub mod graph;
pub mod kernels;
pub mod library;
mod loading;
mod nvrtc;
pub mod transfer;

pub use loading::{begin_computing, open_cuda_library};
