//! One geometry, applied to images, masks and polygons alike; and changes of colour.
//!
//! Reference: fvcore `transforms/transform.py` and detectron2 `data/transforms/transform.py`.

mod color;
mod crop;
mod flip;
mod rotate;

use seqformer_masks::{BitMask, ImageSize, MaskError, Polygon};

pub use color::Blend;
pub use crop::CropWindow;
pub use rotate::Rotation;

use crate::record::rasterize_all;
use crate::{RgbImage, Segmentation, resize_bilinear, resize_nearest_mask};

/// One step of augmentation, with everything random already drawn.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Transform {
    /// Cuts a window out.
    Crop(CropWindow),
    /// Resizes: images with Pillow's bilinear filter, masks with its nearest pixel.
    Resize(ImageSize),
    /// Mirrors the columns.
    FlipHorizontal,
    /// Mirrors the rows.
    FlipVertical,
    /// Changes colours and moves nothing.
    Blend(Blend),
    /// Turns around a point and keeps the size; what comes in is black.
    Rotate(Rotation),
}

impl Transform {
    /// Returns the size of what becomes of an image of `size`.
    pub fn output_size(&self, size: ImageSize) -> ImageSize {
        match self {
            Self::Crop(window) => window.clipped(size).size,
            Self::Resize(to) => *to,
            Self::FlipHorizontal | Self::FlipVertical | Self::Blend(_) | Self::Rotate(_) => size,
        }
    }

    /// Transforms an image.
    pub fn apply_image(&self, image: RgbImage) -> RgbImage {
        match self {
            Self::Crop(window) => window.apply_image(&image),
            Self::Resize(size) => resize_bilinear(&image, *size),
            Self::FlipHorizontal => flip::horizontal(image),
            Self::FlipVertical => flip::vertical(&image),
            Self::Blend(blend) => blend.apply(image),
            Self::Rotate(rotation) => rotation.apply_image(image),
        }
    }

    /// Transforms a mask.
    pub fn apply_mask(&self, mask: BitMask) -> BitMask {
        match self {
            Self::Crop(window) => window.apply_mask(&mask),
            Self::Resize(size) if *size == mask.size() => mask,
            Self::Resize(size) => resize_nearest_mask(&mask, *size),
            Self::FlipHorizontal => mask.flip_horizontal(),
            Self::FlipVertical => mask.flip_vertical(),
            Self::Blend(_) => mask,
            Self::Rotate(rotation) => rotation.apply_mask(mask),
        }
    }

    /// Transforms the vertices of a polygon in an image of `size`; a crop may leave none.
    pub fn apply_vertices(&self, mut vertices: Vec<[f64; 2]>, size: ImageSize) -> Vec<[f64; 2]> {
        let (width, height) = (f64::from(size.width), f64::from(size.height));
        let scale = |to: &ImageSize| [f64::from(to.width) / width, f64::from(to.height) / height];
        match self {
            Self::Crop(window) => return window.clipped(size).apply_vertices(vertices),
            Self::Resize(to) => {
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
            Self::Blend(_) => {}
            Self::Rotate(rotation) => rotation.apply_vertices(&mut vertices),
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
/// Run lengths of another size, or a polygon that is scaled beyond all bounds.
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
