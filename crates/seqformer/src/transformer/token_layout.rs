//! Sizes, padding and positions of a clip's tokens, which are the same in all its frames.

use seqformer_cuda::transfer::upload;
use seqformer_masks::ImageSize;
use seqformer_ops::{FeatureLevels, LevelSize};
use tch::{Device, Kind, Tensor};

use crate::clip::padding_mask;
use crate::config::halved;
use crate::layers::sine_position_encoding;
use crate::shape_spec::ShapeSpec;

/// The cells of all levels as one sequence, with their positions.
#[derive(Debug)]
pub struct TokenLayout {
    levels: FeatureLevels,
    level_padding: Vec<Tensor>,
    padding: Option<Tensor>,
    level_positions: Vec<Tensor>,
    positions: Tensor,
    valid_ratios: Tensor,
    reference_points: Tensor,
}

impl TokenLayout {
    /// A layout that shares the tensors of this one.
    pub(crate) fn share(&self) -> Self {
        let share = |tensors: &[Tensor]| tensors.iter().map(Tensor::shallow_clone).collect();
        Self {
            levels: self.levels.clone(),
            level_padding: share(&self.level_padding),
            padding: self.padding.as_ref().map(Tensor::shallow_clone),
            level_positions: share(&self.level_positions),
            positions: self.positions.shallow_clone(),
            valid_ratios: self.valid_ratios.shallow_clone(),
            reference_points: self.reference_points.shallow_clone(),
        }
    }

    /// The layout of clips whose frames have these sizes, all padded to `padded`; `outputs` are the backbone's maps,
    /// and `level_embed` is `[L, C]`.
    pub(crate) fn of_clips(
        sizes: &[ImageSize],
        padded: ImageSize,
        outputs: &[ShapeSpec],
        level_embed: &Tensor,
    ) -> Self {
        let [height, width] = padded.sides();
        let at = |stride: i64| LevelSize { height: height / stride, width: width / stride };
        let mut levels: Vec<LevelSize> = outputs[1..].iter().map(|map| at(map.stride)).collect();
        let last = levels[levels.len() - 1];
        // The output size of a 3×3 convolution with stride 2.
        levels.push(halved(last));
        let padding = padding_mask(sizes, padded, Device::Cpu);
        let any_padding = sizes.iter().any(|size| *size != padded);
        Self::new(&padding, &levels, level_embed, any_padding)
    }

    /// The layout of levels of `sizes` for images with this padding, on the device of `level_embed`.
    ///
    /// Everything but the sum with `level_embed` is computed on the CPU: in padding, angles are near -3.14e6, whose
    /// sines differ from device to device.
    ///
    /// # Shapes
    ///
    /// - `image_padding`: `[N, H, W]` on the CPU, true = padded, one per clip, whose frames have one size
    /// - `level_embed`: `[L, C]`
    fn new(
        image_padding: &Tensor,
        sizes: &[LevelSize],
        level_embed: &Tensor,
        padded: bool,
    ) -> Self {
        let levels = FeatureLevels::new(sizes).expect("every level of an image has cells");
        let (channels, device) = (level_embed.size()[1], level_embed.device());
        let level_padding: Vec<Tensor> =
            sizes.iter().map(|size| resize_nearest(image_padding, *size)).collect();
        let level_positions: Vec<Tensor> = level_padding
            .iter()
            .map(|padding| upload(&sine_position_encoding(padding, channels), device))
            .collect();
        let embedded = level_positions.iter().enumerate().map(|(level, position)| {
            position.flatten(1, 2) + level_embed.get(level as i64) // [N, H * W, C]
        });
        let positions = Tensor::cat(&embedded.collect::<Vec<_>>(), 1);
        let flat: Vec<Tensor> = level_padding.iter().map(|padding| padding.flatten(1, 2)).collect();
        let padding = padded.then(|| upload(&Tensor::cat(&flat, 1), device));
        let valid_ratios: Vec<Tensor> = level_padding.iter().map(valid_ratio).collect();
        let valid_ratios = Tensor::stack(&valid_ratios, 1);
        let reference_points = reference_points(sizes, &valid_ratios);
        Self {
            levels,
            level_padding,
            padding,
            level_positions,
            positions,
            valid_ratios: upload(&valid_ratios, device),
            reference_points: upload(&reference_points, device),
        }
    }

    /// The maps of all levels as one sequence: `[N * T, C, h, w]` each → `[N, T, S, C]`.
    pub(crate) fn flatten(&self, maps: &[Tensor]) -> Tensor {
        let tokens: Vec<Tensor> =
            maps.iter().map(|map| map.flatten(2, 3).transpose(1, 2)).collect();
        let tokens = Tensor::cat(&tokens, 1); // [N * T, S, C]
        let (frames, num_tokens, channels) = tokens.size3().expect("tokens are [N * T, S, C]");
        let clips = self.valid_ratios.size()[0];
        tokens.view([clips, frames / clips, num_tokens, channels])
    }

    /// Sizes of the levels.
    pub fn levels(&self) -> &FeatureLevels {
        &self.levels
    }

    /// `[N, H, W]` for each level, on the CPU, true = padded.
    pub fn level_padding(&self) -> &[Tensor] {
        &self.level_padding
    }

    /// `[N, H, W, C]` for each level, without the level's embedding.
    pub fn level_positions(&self) -> &[Tensor] {
        &self.level_positions
    }

    /// Padding of all tokens, `[N, S]`, true = padded; `None` without padding.
    pub fn padding(&self) -> Option<&Tensor> {
        self.padding.as_ref()
    }

    /// Position and level of all tokens, `[N, S, C]`.
    pub fn positions(&self) -> &Tensor {
        &self.positions
    }

    /// Valid over padded width and height, `[N, L, 2]`.
    pub fn valid_ratios(&self) -> &Tensor {
        &self.valid_ratios
    }

    /// The centre of each token's cell in every level, `[N, S, L, 2]`.
    pub fn reference_points(&self) -> &Tensor {
        &self.reference_points
    }
}

/// The padding at every `⌊i * (in / out)⌋`-th row and column.
fn resize_nearest(padding: &Tensor, size: LevelSize) -> Tensor {
    let mask = padding.to_kind(Kind::Float).unsqueeze(1);
    mask.upsample_nearest2d([size.height, size.width], None, None)
        .squeeze_dim(1)
        .to_kind(Kind::Bool)
}

/// Unpadded fraction of the first row and the first column, `[N, 2]`.
fn valid_ratio(padding: &Tensor) -> Tensor {
    let valid = padding.logical_not();
    let share = |cells: Tensor, of: i64| cells.sum_dim_intlist(1, false, Kind::Float) / of as f64;
    let (height, width) = (padding.size()[1], padding.size()[2]);
    Tensor::stack(&[share(valid.select(1, 0), width), share(valid.select(2, 0), height)], -1)
}

fn reference_points(sizes: &[LevelSize], valid_ratios: &Tensor) -> Tensor {
    let on = (Kind::Float, valid_ratios.device());
    let points = sizes.iter().enumerate().map(|(level, size)| {
        let ratio = valid_ratios.select(1, level as i64); // [N, 2]
        let centres = |cells: i64, axis: i64| {
            let along = Tensor::linspace(0.5, cells as f64 - 0.5, cells, on); // [cells]
            along.unsqueeze(0) / (ratio.select(1, axis).unsqueeze(1) * cells as f64) // [N, cells]
        };
        let (height, width) = (size.height, size.width);
        let x = centres(width, 0).unsqueeze(1).expand([-1, height, width], false);
        let y = centres(height, 1).unsqueeze(2).expand([-1, height, width], false);
        Tensor::stack(&[x.flatten(1, 2), y.flatten(1, 2)], -1) // [N, H * W, 2]
    });
    let points = Tensor::cat(&points.collect::<Vec<_>>(), 1); // [N, S, 2]
    points.unsqueeze(2) * valid_ratios.unsqueeze(1) // [N, S, L, 2]
}
