//! Masks by dynamic convolutions, whose weights each instance predicts.
//!
//! CondInst (arXiv:2003.05664), section 3. Reference: VNext `models/segmentation_condInst.py`,
//! `MaskHeadSmallConv`, `CondInst_segm.dynamic_mask_with_coords`, `mask_heads_forward`.

use tch::{Kind, Tensor, nn};

use crate::config::{MASK_FEATURE_STRIDE, NUM_LEVELS};
use crate::layers::{Conv2d, ConvShape, to_channels_last};
use crate::transformer::TokenLayout;

/// Channels between the dynamic convolutions.
const DYNAMIC_CHANNELS: i64 = 8;

/// The shared mask branch.
#[derive(Debug)]
pub(crate) struct MaskHead {
    pub(crate) lay1: Conv2d,
    pub(crate) lay2: Conv2d,
    pub(crate) lay3: Conv2d,
    pub(crate) lay4: Conv2d,
    pub(crate) dcn: Conv2d,
}

/// Channels of the mask features.
fn feature_channels(hidden_dim: i64) -> i64 {
    hidden_dim / 32
}

/// Number of parameters that the controller predicts per instance.
pub(crate) fn num_dynamic_params(hidden_dim: i64) -> i64 {
    let inputs = feature_channels(hidden_dim) + 2;
    let weights =
        inputs * DYNAMIC_CHANNELS + DYNAMIC_CHANNELS * DYNAMIC_CHANNELS + DYNAMIC_CHANNELS;
    weights + 2 * DYNAMIC_CHANNELS + 1
}

impl MaskHead {
    /// Parameters under `vs`: `{lay1, lay2, lay3, lay4, dcn}.{weight, bias}`.
    pub(crate) fn new(vs: &nn::Path<'_>, hidden_dim: i64) -> Self {
        let conv = |name: &str, inputs, outputs| {
            Conv2d::new(&(vs / name), ConvShape::three(inputs, outputs))
        };
        let quarter = hidden_dim / 4;
        Self {
            lay1: conv("lay1", hidden_dim, quarter),
            lay2: conv("lay2", quarter, feature_channels(hidden_dim)),
            lay3: conv("lay3", hidden_dim, hidden_dim),
            lay4: conv("lay4", hidden_dim, hidden_dim),
            dcn: conv("dcn", hidden_dim, hidden_dim),
        }
    }

    /// The features that all instances of a frame share, from the three finest levels.
    ///
    /// # Shapes
    ///
    /// - `memory`: `[N, S, C]`, the tokens of `N` frames
    /// - output: `[N, C / 32, H / 8, W / 8]`, not negative
    pub(crate) fn features(&self, memory: &Tensor, layout: &TokenLayout) -> Tensor {
        let memory = memory.to_kind(self.lay3.weight.kind());
        let map = |level: usize| level_map(&memory, layout, level);
        let features = self.lay3.forward_relu(&map(NUM_LEVELS - 2));
        let features = self.lay4.forward_relu(&add_coarser(&map(1), &features));
        let features = self.dcn.forward_relu(&add_coarser(&map(0), &features));
        self.lay2.forward_relu(&self.lay1.forward_relu(&features))
    }
}

/// The tokens of one level as a map: `[N, S, C]` → `[N, C, h, w]`, channels innermost.
pub(crate) fn level_map(memory: &Tensor, layout: &TokenLayout, level: usize) -> Tensor {
    let (batch, _, channels) = memory.size3().expect("memory is [N, S, C]");
    let levels = layout.levels();
    let size = levels.sizes()[level];
    let tokens = memory.narrow(1, levels.starts()[level], size.num_tokens()).contiguous();
    tokens.view([batch, size.height, size.width, channels]).permute([0, 3, 1, 2])
}

/// Adds a coarser map to `map`, `[N, C, h, w]`, upsampled to nearest.
pub(crate) fn add_coarser(map: &Tensor, coarser: &Tensor) -> Tensor {
    let (height, width) = (map.size()[2], map.size()[3]);
    to_channels_last(&(map + coarser.upsample_nearest2d([height, width], None, None)))
}

/// Mask logits of instances in frames of one clip.
///
/// # Shapes
///
/// - `features`: `[T, C / 32, h, w]`
/// - `params`: `[I, parameters]`, the same in all frames
/// - `reference_points_px`: `[T, I, 2]`, (x, y) in pixels
/// - output: `[I, T, 2h, 2w]`
pub(crate) fn dynamic_masks(
    features: &Tensor,
    params: &Tensor,
    reference_points_px: &Tensor,
) -> Tensor {
    let (frames, channels, height, width) = features.size4().expect("features are [T, C, h, w]");
    let instances = params.size()[0];
    let cells = height * width;
    let relative = relative_coordinates(reference_points_px, height, width); // [T, I, 2, h * w]
    let shared =
        features.reshape([frames, 1, channels, cells]).expand([-1, instances, -1, -1], false);
    let input = Tensor::cat(&[relative, shared], 2); // [T, I, 2 + C / 32, h * w]
    let parts = DynamicParams::new(params, channels + 2);
    let layer = |input: &Tensor, weight: &Tensor, bias: &Tensor| {
        weight.unsqueeze(0).matmul(input) + bias.unsqueeze(0).unsqueeze(-1)
    };
    let hidden = layer(&input, &parts.weights[0], &parts.biases[0]).relu();
    let hidden = layer(&hidden, &parts.weights[1], &parts.biases[1]).relu();
    let logits = layer(&hidden, &parts.weights[2], &parts.biases[2]); // [T, I, 1, h * w]
    let logits = aligned_double(&logits.view([frames, instances, height, width]));
    logits.transpose(0, 1)
}

/// The controller's output as three 1×1 convolutions.
struct DynamicParams {
    /// `[I, outputs, inputs]`
    weights: [Tensor; 3],
    /// `[I, outputs]`
    biases: [Tensor; 3],
}

impl DynamicParams {
    /// All weights come first, then all biases; weights are ordered by output.
    fn new(params: &Tensor, inputs: i64) -> Self {
        let sizes = [
            (DYNAMIC_CHANNELS, inputs),
            (DYNAMIC_CHANNELS, DYNAMIC_CHANNELS),
            (1, DYNAMIC_CHANNELS),
        ];
        let mut start = 0;
        let mut take = |count: i64| {
            start += count;
            params.narrow(1, start - count, count)
        };
        let weights =
            sizes.map(|(outputs, inputs)| take(outputs * inputs).reshape([-1, outputs, inputs]));
        let biases = sizes.map(|(outputs, _)| take(outputs));
        Self { weights, biases }
    }
}

/// From each cell's centre to the instances: `[T, I, 2]` → `[T, I, 2, h * w]`, in pixels.
fn relative_coordinates(reference_points_px: &Tensor, height: i64, width: i64) -> Tensor {
    let on = (Kind::Float, reference_points_px.device());
    let centres = |cells: i64| {
        Tensor::arange(cells, on) * MASK_FEATURE_STRIDE as f64 + MASK_FEATURE_STRIDE as f64 / 2.0
    };
    let x = centres(width).unsqueeze(0).expand([height, width], false);
    let y = centres(height).unsqueeze(1).expand([height, width], false);
    let centres = Tensor::stack(&[x.flatten(0, 1), y.flatten(0, 1)], 0); // [2, h * w]
    reference_points_px.unsqueeze(-1) - centres
}

/// Upsamples a map `[T, I, h, w]` by two, such that output cell `Y` samples input coordinate `max(Y
/// - 1, 0) / 2`.
///
/// Reference: VNext `models/segmentation_condInst.py`, `aligned_bilinear`.
fn aligned_double(map: &Tensor) -> Tensor {
    let (height, width) = (map.size()[2], map.size()[3]);
    let map = map.replication_pad2d([0, 1, 0, 1]);
    let map = map.upsample_bilinear2d([2 * height + 1, 2 * width + 1], true, None, None);
    let map = map.replication_pad2d([1, 0, 1, 0]);
    map.narrow(2, 0, 2 * height).narrow(3, 0, 2 * width)
}

#[cfg(test)]
mod tests {
    use tch::Device;

    use super::*;

    const ON_CPU: (Kind, Device) = (Kind::Float, Device::Cpu);

    #[test]
    fn full_size_and_tiny_controllers_give_the_published_numbers() {
        assert_eq!(num_dynamic_params(256), 169);
        assert_eq!(num_dynamic_params(64), 121);
    }

    #[test]
    fn doubling_repeats_the_border_and_averages_neighbours() {
        let map = Tensor::from_slice(&[1.0_f32, 3.0, 7.0]).view([1, 1, 1, 3]);
        let doubled = aligned_double(&map);
        assert_eq!(doubled.size(), [1, 1, 2, 6]);
        let row: Vec<f32> = Vec::try_from(doubled.view([2, 6]).get(0)).unwrap();
        assert_eq!(row, [1.0, 1.0, 2.0, 3.0, 5.0, 7.0]);
    }

    #[test]
    fn each_instance_applies_its_own_three_layers() {
        tch::manual_seed(3);
        let (instances, frames, channels, height, width) = (3, 2, 2, 3, 4);
        let features = Tensor::rand([frames, channels, height, width], ON_CPU);
        let params = Tensor::randn([instances, num_dynamic_params(64)], ON_CPU);
        let points = Tensor::rand([frames, instances, 2], ON_CPU) * 30.0;
        let masks = dynamic_masks(&features, &params, &points);
        assert_eq!(masks.size(), [instances, frames, 2 * height, 2 * width]);
        // By hand, at cell (row 1, column 2) of instance 1 on frame 1; it is shown at twice its place plus one.
        let value = |tensor: &Tensor, at: &[i64]| tensor.double_value(at);
        let mut input = vec![
            value(&points, &[1, 1, 0]) - (8.0 * 2.0 + 4.0),
            value(&points, &[1, 1, 1]) - (8.0 + 4.0),
        ];
        input.extend((0..channels).map(|c| value(&features, &[1, c, 1, 2])));
        let at = |index: usize| value(&params, &[1, index as i64]);
        let layer = |input: &[f64], outputs: usize, weights: usize, biases: usize| -> Vec<f64> {
            let sum = |o: usize| {
                input
                    .iter()
                    .enumerate()
                    .map(|(i, x)| x * at(weights + o * input.len() + i))
                    .sum::<f64>()
            };
            (0..outputs).map(|o| sum(o) + at(biases + o)).collect()
        };
        let relu = |values: Vec<f64>| values.into_iter().map(|x| x.max(0.0)).collect::<Vec<_>>();
        let hidden = relu(layer(&input, 8, 0, 104));
        let hidden = relu(layer(&hidden, 8, 32, 112));
        let expected = layer(&hidden, 1, 96, 120)[0];
        let found = value(&masks, &[1, 1, 3, 5]);
        assert!(
            (found - expected).abs() < 1e-3 * expected.abs().max(1.0),
            "{found} and {expected}"
        );
    }
}
