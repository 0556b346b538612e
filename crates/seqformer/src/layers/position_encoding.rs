//! Sine position encoding of a padded map.
//!
//! DETR (arXiv:2005.12872), appendix A.4. Reference: VNext `models/position_encoding.py`,
//! `PositionEmbeddingSine`.

use tch::{Kind, Tensor};

const TEMPERATURE: f64 = 10_000.0;
const EPS: f64 = 1e-6;

/// Encodes the row and the column of every cell in `channels` numbers, rows first.
///
/// The order of operations is part of the definition: in fully padded rows and columns the count is
/// 0 and the angles are near -3.14e6, where every rounding matters, and these tokens affect border
/// pixels through the mask head.
///
/// # Shapes
///
/// - `padding`: `[N, H, W]`, true = padded
/// - output: `[N, H, W, channels]`
pub(crate) fn sine_position_encoding(padding: &Tensor, channels: i64) -> Tensor {
    let (height, width) = (padding.size()[1], padding.size()[2]);
    let valid = padding.logical_not().to_kind(Kind::Float);
    let half = channels / 2;
    let temperatures = temperatures(half, padding.device());
    let encode = |axis: i64, last: i64| {
        let count = valid.cumsum(axis, Kind::Float); // [N, H, W]
        let total = count.narrow(axis, last, 1);
        let angle = (count - 0.5) / (total + EPS) * (2.0 * std::f64::consts::PI);
        let angle = angle.unsqueeze(-1) / &temperatures; // [N, H, W, half]
        let (sin, cos) = (angle.slice(-1, 0, half, 2).sin(), angle.slice(-1, 1, half, 2).cos());
        Tensor::stack(&[sin, cos], -1).flatten(-2, -1) // [N, H, W, half], sines at even places
    };
    Tensor::cat(&[encode(1, height - 1), encode(2, width - 1)], -1)
}

/// `10000 ^ (2 ⌊j / 2⌋ / half)` for the channels `j` of one half.
fn temperatures(half: i64, device: tch::Device) -> Tensor {
    let pair = Tensor::arange(half, (Kind::Float, device)).divide_scalar_mode(2.0, "floor");
    let exponent = pair * 2.0 / half as f64;
    Tensor::from(TEMPERATURE as f32).to_device(device).pow(&exponent)
}
