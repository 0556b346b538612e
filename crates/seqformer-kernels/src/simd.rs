//! Explicit SIMD code, where the compiler does not find the best instructions.

#[cfg(target_arch = "x86_64")]
mod avx512;
#[cfg(target_arch = "x86_64")]
mod panel_work;
#[cfg(target_arch = "x86_64")]
mod panels;
#[cfg(target_arch = "x86_64")]
mod points;
#[cfg(target_arch = "x86_64")]
mod rounding;
#[cfg(target_arch = "x86_64")]
mod rows;
#[cfg(target_arch = "x86_64")]
mod softmax;
#[cfg(target_arch = "x86_64")]
mod tiles;
#[cfg(target_arch = "x86_64")]
mod widened;

#[cfg(target_arch = "x86_64")]
pub(crate) use rounding::{copy_and_round_sum_to_bf16, round_sums_to_bf16, round_to_bf16};
#[cfg(target_arch = "x86_64")]
pub(crate) use rows::{add_bf16_row_pairs, add_bf16_rows, add_f32_rows};

#[cfg(target_arch = "x86_64")]
pub(crate) use avx512::{add_group_gradients, split_pairs, turn_square};
#[cfg(target_arch = "x86_64")]
pub(crate) use panels::{multiply_bf16_panel, multiply_f32_panel};
#[cfg(target_arch = "x86_64")]
pub(crate) use points::{PointMaps, PointsAround, corners_around16, corners16};
#[cfg(target_arch = "x86_64")]
pub(crate) use softmax::{exponentials16, softmax16};
#[cfg(target_arch = "x86_64")]
pub use tiles::Bf16Tiles;
#[cfg(target_arch = "x86_64")]
pub(crate) use tiles::PlanesAt;
#[cfg(target_arch = "x86_64")]
pub(crate) use widened::{is_faster_than_pairs, multiply_widened_panel};
