//! Patch embedding and patch merging.

use tch::{Tensor, nn};

use crate::config::PATCH_SIZE;
use crate::layers::{Conv2d, ConvShape, LayerNorm};

/// One token per patch of pixels. Reference: `PatchEmbed`.
#[derive(Debug)]
pub(super) struct PatchEmbedding {
    proj: Conv2d,
    norm: Option<LayerNorm>,
}

impl PatchEmbedding {
    /// Parameters under `vs`: `proj.{weight, bias}`, and `norm.{weight, bias}` with normalization.
    pub(super) fn new(vs: &nn::Path<'_>, channels: i64, normalize: bool) -> Self {
        let shape = ConvShape {
            kernel: PATCH_SIZE,
            stride: PATCH_SIZE,
            ..ConvShape::pointwise(3, channels)
        };
        let proj = Conv2d::new(&(vs / "proj"), shape);
        Self { proj, norm: normalize.then(|| LayerNorm::new(&(vs / "norm"), channels)) }
    }

    /// A layer that shares the tensors of this one, without gradients.
    pub(super) fn detach(&self) -> Self {
        Self { proj: self.proj.detach(), norm: self.norm.as_ref().map(LayerNorm::detach) }
    }

    /// `[N, 3, H, W]` → `[N, ⌈H / 4⌉, ⌈W / 4⌉, C]`
    pub(super) fn forward(&self, images: &Tensor) -> Tensor {
        let (_, _, height, width) = images.size4().expect("images are [N, 3, H, W]");
        let missing =
            |side: i64| side.unsigned_abs().next_multiple_of(PATCH_SIZE as u64) as i64 - side;
        let images = images.constant_pad_nd([0, missing(width), 0, missing(height)]);
        let map = self.proj.forward(&images).permute([0, 2, 3, 1]).contiguous();
        self.norm.as_ref().map_or_else(|| map.shallow_clone(), |norm| norm.forward(&map))
    }
}

/// Halves the map's size and doubles its channels. Reference: `PatchMerging`.
#[derive(Debug)]
pub(super) struct PatchMerging {
    norm: LayerNorm,
    reduction: Tensor,
}

impl PatchMerging {
    /// Parameters under `vs`: `norm.{weight, bias}` `[4C]`, `reduction.weight` `[2C, 4C]`.
    pub(super) fn new(vs: &nn::Path<'_>, channels: i64) -> Self {
        let reduction = (vs / "reduction").zeros("weight", &[2 * channels, 4 * channels]);
        Self { norm: LayerNorm::new(&(vs / "norm"), 4 * channels), reduction }
    }

    /// A layer that shares the tensors of this one, without gradients.
    pub(super) fn detach(&self) -> Self {
        Self { norm: self.norm.detach(), reduction: self.reduction.detach() }
    }

    /// `[N, H, W, C]` → `[N, ⌈H / 2⌉, ⌈W / 2⌉, 2C]`
    pub(super) fn forward(&self, map: &Tensor) -> Tensor {
        let (images, height, width, channels) = map.size4().expect("maps are [N, H, W, C]");
        let map = map.constant_pad_nd([0, 0, 0, width % 2, 0, height % 2]);
        let (rows, columns) = ((height + 1) / 2, (width + 1) / 2);
        let quads = map.view([images, rows, 2, columns, 2, channels]);
        // Of the four tokens of a square, those of the left column come first, from top to bottom.
        let quads =
            quads.permute([0, 1, 3, 4, 2, 5]).reshape([images, rows, columns, 4 * channels]);
        self.norm.forward(&quads).linear::<Tensor>(&self.reduction, None)
    }
}
