//! Multi-scale deformable attention in plain tensor operations.
//!
//! Slow and simple: it defines what the kernels must compute, and serves devices and kinds without a kernel.
//! Source: Deformable DETR (arXiv:2010.04159), equation 3.

use tch::Tensor;

use crate::{FeatureLevels, small_tensor};

/// Bilinear interpolation, in libtorch's numbering of `grid_sampler`.
const BILINEAR: i64 = 0;
/// Zeros outside the map, in libtorch's numbering of `grid_sampler`.
const ZEROS: i64 = 0;

/// Samples every level at its locations and returns the weighted sum.
///
/// # Shapes
///
/// - `value`: `[N, S, M, D]`
/// - `locations`: `[N, Q, M, L, P, 2]`, (x, y) in 0..1 of each level
/// - `weights`: `[N, Q, M, L, P]`
/// - output: `[N, Q, M * D]`
///
/// # Panics
///
/// If the shapes are inconsistent; [`crate::ms_deform_attn`] checks them first.
pub fn ms_deform_attn(
    value: &Tensor,
    levels: &FeatureLevels,
    locations: &Tensor,
    weights: &Tensor,
) -> Tensor {
    let (batch, _, heads, channels) = value.size4().expect("value has four axes");
    let queries = locations.size()[1];
    let points = locations.size()[4];
    let grid = (locations.to_kind(value.kind()) * 2.0 - 1.0).permute([3, 0, 2, 1, 4, 5]); // [L, N, M, Q, P, 2]
    let weights = weights.to_kind(value.kind()).permute([3, 0, 2, 1, 4]); // [L, N, M, Q, P]
    let per_level = levels.sizes().iter().zip(levels.starts()).enumerate();
    let sum = per_level.map(|(level, (size, &start))| {
        let map = value.narrow(1, start, size.num_tokens()); // [N, H*W, M, D]
        let map =
            map.permute([0, 2, 3, 1]).reshape([batch * heads, channels, size.height, size.width]);
        let grid = grid.get(level as i64).reshape([batch * heads, queries, points, 2]);
        let sampled = map.grid_sampler_2d(&grid, BILINEAR, ZEROS, false); // [N*M, D, Q, P]
        let weights = weights.get(level as i64).reshape([batch * heads, 1, queries, points]);
        (sampled * weights).sum_dim_intlist(-1, false, None) // [N*M, D, Q]
    });
    let sum = sum.reduce(|a, b| a + b).expect("there is at least one level");
    sum.view([batch, heads * channels, queries]).transpose(1, 2).contiguous()
}

/// `references + offsets / (W, H)`.
///
/// # Shapes
///
/// - `references`: `[N or 1, Q, L, 2]`
/// - `offsets`, output: `[N, Q, M, L, P, 2]`
pub fn locations(references: &Tensor, offsets: &Tensor, levels: &FeatureLevels) -> Tensor {
    let cells = levels.sizes().iter().flat_map(|size| [size.width as f32, size.height as f32]);
    let cells = small_tensor(&cells.collect::<Vec<_>>(), offsets.device());
    let cells = cells.view([1, 1, 1, levels.len() as i64, 1, 2]);
    references.unsqueeze(2).unsqueeze(4) + offsets / cells
}
