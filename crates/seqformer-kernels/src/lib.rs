//! CPU kernels of SeqFormer on plain slices: multi-scale deformable attention and the layers around it.
//!
//! Nothing here depends on tensors. A kernel receives slices, sizes, and a [`Machine`]: the detected instruction set, the
//! thread pool, and block products for which this crate has no code. The program passes those of its tensor library;
//! [`plain`] has slow ones that use only the standard library, for tests.
//!
//! ```
//! use seqformer_kernels::LevelSize;
//! use seqformer_kernels::ms_deform_attn::{MsDeformAttnInputs, forward};
//! use seqformer_kernels::{Samples, Shape, plain};
//!
//! let levels = vec![LevelSize { height: 4, width: 6 }, LevelSize { height: 2, width: 3 }];
//! let shape = Shape { batch: 1, tokens: 30, heads: 8, channels: 32, queries: 10, points: 4, levels };
//! let value = vec![1.0_f32; 30 * 8 * 32]; // [N, S, M, D]
//! let locations = vec![0.5; 10 * 8 * 2 * 4 * 2]; // [N, Q, M, L, P, 2] as (x, y) in 0..1
//! let weights = vec![1.0 / 8.0; 10 * 8 * 2 * 4]; // [N, Q, M, L, P]
//! let samples = Samples::Located { locations: &locations, weights: &weights };
//! let inputs = MsDeformAttnInputs { shape: &shape, value: &value, head_major: false, samples, padding: &[] };
//! let mut out = vec![0.0; 10 * 8 * 32]; // [N, Q, M * D]
//! forward(&inputs, &mut out, &plain::machine());
//! assert!(out.iter().all(|sum| (sum - 1.0).abs() < 1e-6));
//! ```
//!
//! Modules from the bottom up; none imports one further down this list:
//!
//! - [`InstructionSet`], [`Bf16`], vectors of sixteen numbers, and prefetching
//! - `simd`: explicit SIMD code, where the compiler does not find the best instructions
//! - [`Element`] and [`Factor`]: number formats, with operations that have special instructions
//! - [`threads`], [`products`] and [`Machine`]
//! - [`packed`]: weight matrices packed for block products
//! - the kernels
//!
//! Code is compiled four times (AVX-512 with and without bfloat16, AVX2, baseline), and the best version is selected at run time.
#![expect(
    unsafe_code,
    clippy::inline_always,
    reason = "vectors by name, rows that threads share; only what is inlined takes part in being compiled for several instruction sets"
)]

mod aligned;
pub mod attention;
mod bf16;
mod blocks;
pub mod deformable_layer;
mod disjoint_rows;
pub mod dropout;
mod element;
pub mod frames;
mod head_rows;
pub mod head_values;
mod instruction_set;
mod lanes;
pub mod linear;
mod machine;
pub mod max_pool;
pub mod ms_deform_attn;
pub mod norm;
pub mod packed;
mod pairs;
mod panel;
pub mod plain;
mod points;
pub mod pointwise;
mod prefetch;
pub mod products;
mod row_sums;
mod sampler;
mod samples;
mod scalar;
mod shape;
mod simd;
mod softmax;
pub mod threads;
pub mod weight_gradient;
pub mod winograd;
mod work_stealing;

pub use bf16::Bf16;
pub use blocks::{Block, NoProduct, ROWS};
pub use element::Element;
pub use instruction_set::InstructionSet;
pub use machine::{Machine, fastest_set};
pub use panel::PANEL;
pub use products::Factor;
pub use row_sums::RowSums;
pub use samples::{AttentionWeights, Samples};
pub use shape::{LevelSize, Shape};
#[cfg(target_arch = "x86_64")]
pub use simd::Bf16Tiles;
