//! Geometric transforms for images, masks and polygons, and colour transforms.
//!
//! Reference: fvcore `transforms/transform.py` and detectron2 `data/transforms/transform.py`; for
//! those of pseudo-clips, imgaug 0.4; for those of the original repository, its
//! `datasets/transforms_clip.py`.

mod affine;
mod clip;
mod color;
mod crop;
mod flip;
mod hue_saturation;
mod motion_blur;
mod pad;
mod perspective;
mod photometric;
mod projection;
mod rotate;
mod shift_color;

use seqformer_masks::{BitMask, ImageSize, MaskError, Polygon};

pub use affine::Affine;
pub use color::Blend;
pub use crop::CropWindow;
pub use hue_saturation::HueSaturation;
pub use motion_blur::MotionBlur;
pub use perspective::Perspective;
pub use photometric::PhotometricDistort;
pub use rotate::Rotation;
pub use shift_color::ShiftColor;

use crate::record::rasterize_all;
use crate::resize::floor_resize_mask;
use crate::{RgbImage, Segmentation, resize_bilinear, resize_nearest_mask};

/// One step of augmentation, with everything random already drawn.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Transform {
    /// Crops a window.
    Crop(CropWindow),
    /// Resizes: images with Pillow's bilinear filter, masks to the nearest pixel.
    Resize(ImageSize),
    /// Resizes: images with Pillow's bilinear filter, masks as PyTorch's `interpolate` takes the
    /// nearest pixels.
    ResizeAsTorch(ImageSize),
    /// Enlarges with black at the right and at the bottom; sides that are longer stay as they are.
    Pad(ImageSize),
    /// Mirrors the columns.
    FlipHorizontal,
    /// Mirrors the rows.
    FlipVertical,
    /// Changes colours only.
    Blend(Blend),
    /// Changes colours only, as the original repository does.
    Photometric(PhotometricDistort),
    /// Rotates around a point and keeps the size; uncovered pixels are black.
    Rotate(Rotation),
    /// Adds to all channels.
    ShiftColor(ShiftColor),
    /// Changes hue and saturation.
    HueSaturation(HueSaturation),
    /// Blurs along a line.
    MotionBlur(MotionBlur),
    /// Zooms into a quadrilateral and keeps the size.
    Perspective(Perspective),
    /// Rotates around the centre, translates, and keeps the size; uncovered pixels are black.
    Affine(Affine),
}

impl Transform {
    /// Returns the size of the transformed image of an image of `size`.
    pub fn output_size(&self, size: ImageSize) -> ImageSize {
        match self {
            Self::Crop(window) => window.clipped(size).size,
            Self::Resize(to) | Self::ResizeAsTorch(to) => *to,
            Self::Pad(to) => pad::padded(size, *to),
            Self::FlipHorizontal
            | Self::FlipVertical
            | Self::Blend(_)
            | Self::Photometric(_)
            | Self::Rotate(_)
            | Self::ShiftColor(_)
            | Self::HueSaturation(_)
            | Self::MotionBlur(_)
            | Self::Perspective(_)
            | Self::Affine(_) => size,
        }
    }

    /// Transforms an image.
    pub fn apply_image(&self, image: RgbImage) -> RgbImage {
        match self {
            Self::Crop(window) => window.apply_image(&image),
            Self::Resize(size) | Self::ResizeAsTorch(size) => resize_bilinear(&image, *size),
            Self::Pad(size) => pad::image(&image, *size),
            Self::FlipHorizontal => flip::horizontal(image),
            Self::FlipVertical => flip::vertical(&image),
            Self::Blend(blend) => blend.apply(image),
            Self::Photometric(distort) => distort.apply(image),
            Self::Rotate(rotation) => rotation.apply_image(image),
            Self::ShiftColor(shift) => shift.apply(image),
            Self::HueSaturation(change) => change.apply(image),
            Self::MotionBlur(blur) => blur.apply(image),
            Self::Perspective(perspective) => perspective.apply_image(image),
            Self::Affine(affine) => affine.apply_image(image),
        }
    }

    /// Transforms a mask.
    pub fn apply_mask(&self, mask: BitMask) -> BitMask {
        match self {
            Self::Crop(window) => window.apply_mask(&mask),
            Self::Resize(size) | Self::ResizeAsTorch(size) if *size == mask.size() => mask,
            Self::Resize(size) => resize_nearest_mask(&mask, *size),
            Self::ResizeAsTorch(size) => floor_resize_mask(&mask, *size),
            Self::Pad(size) => pad::mask(&mask, *size),
            Self::FlipHorizontal => mask.flip_horizontal(),
            Self::FlipVertical => mask.flip_vertical(),
            Self::Rotate(rotation) => rotation.apply_mask(mask),
            Self::Perspective(perspective) => perspective.apply_mask(mask),
            Self::Affine(affine) => affine.apply_mask(mask),
            Self::Blend(_)
            | Self::Photometric(_)
            | Self::ShiftColor(_)
            | Self::HueSaturation(_)
            | Self::MotionBlur(_) => mask,
        }
    }

    /// Transforms the vertices of a polygon in an image of `size`; transforms that crop may leave
    /// none.
    pub fn apply_vertices(&self, mut vertices: Vec<[f64; 2]>, size: ImageSize) -> Vec<[f64; 2]> {
        let (width, height) = (f64::from(size.width), f64::from(size.height));
        let scale = |to: &ImageSize| [f64::from(to.width) / width, f64::from(to.height) / height];
        match self {
            Self::Crop(window) => return window.clipped(size).apply_vertices(vertices),
            Self::Resize(to) | Self::ResizeAsTorch(to) => {
                let [x_scale, y_scale] = scale(to);
                for [x, y] in &mut vertices {
                    (*x, *y) = (*x * x_scale, *y * y_scale);
                }
            }
            Self::FlipHorizontal => {
                for [x, _] in &mut vertices {
                    *x = width - *x;
                }
            }
            Self::FlipVertical => {
                for [_, y] in &mut vertices {
                    *y = height - *y;
                }
            }
            Self::Rotate(rotation) => rotation.apply_vertices(&mut vertices),
            Self::Perspective(perspective) => return perspective.apply_vertices(vertices, size),
            Self::Affine(affine) => return affine.apply_vertices(vertices, size),
            Self::Pad(_)
            | Self::Blend(_)
            | Self::Photometric(_)
            | Self::ShiftColor(_)
            | Self::HueSaturation(_)
            | Self::MotionBlur(_) => {}
        }
        vertices
    }
}

/// Applies `steps` to a segmentation in an image of `size` and draws the result.
///
/// Run lengths are decoded and transformed as pixels; polygons are transformed as coordinates and
/// drawn at the end.
///
/// # Errors
///
/// Run lengths of another size, or a polygon whose coordinates become too large.
pub fn transform_segmentation(
    segmentation: &Segmentation,
    size: ImageSize,
    steps: &[Transform],
) -> Result<BitMask, MaskError> {
    let polygons = match segmentation {
        Segmentation::Rle(_) => {
            let mask = segmentation.to_mask(size)?;
            return Ok(steps.iter().fold(mask, |mask, step| step.apply_mask(mask)));
        }
        Segmentation::Polygons(polygons) => polygons,
    };
    let mut transformed = Vec::with_capacity(polygons.len());
    let mut output_size = size;
    for polygon in polygons {
        output_size = size;
        let mut vertices = polygon.vertices().to_vec();
        for step in steps {
            vertices = step.apply_vertices(vertices, output_size);
            output_size = step.output_size(output_size);
        }
        if vertices.len() >= 3 {
            transformed.push(Polygon::from_vertices(vertices)?);
        }
    }
    rasterize_all(&transformed, output_size)
}

#[cfg(test)]
mod tests;
