//! Rotation about the centre and translation.
//!
//! Reference: imgaug 0.4 `Affine` with `translate_percent` and `rotate`, linear for images and
//! nearest for masks, which fills with black.

use seqformer_masks::{BitMask, ImageSize};

use super::projection::{Border, Projection};
use crate::RgbImage;
use crate::trigonometry::sin_turns;

/// A rotation about the centre of the image, then a translation; the size is kept.
///
/// Unlike [`Rotation`](crate::Rotation), which equals OpenCV's to the bit, it is the same on every
/// machine.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Affine {
    /// Clockwise.
    pub degrees: f64,
    /// To the right and down, relative to the width and the height.
    pub translation: [f64; 2],
}

impl Affine {
    pub(super) fn apply_image(self, image: RgbImage) -> RgbImage {
        match self.projection(image.size) {
            Some(projection) => projection.apply_image(&image, Border::Black),
            None => image,
        }
    }

    pub(super) fn apply_mask(self, mask: BitMask) -> BitMask {
        match self.projection(mask.size()) {
            Some(projection) => projection.apply_mask(&mask),
            None => mask,
        }
    }

    pub(super) fn apply_vertices(self, vertices: Vec<[f64; 2]>, size: ImageSize) -> Vec<[f64; 2]> {
        match self.projection(size) {
            Some(projection) => projection.apply_vertices(&vertices, size),
            None => vertices,
        }
    }

    /// Returns `None` for the identity.
    fn projection(self, size: ImageSize) -> Option<Projection> {
        if self.degrees % 360.0 == 0.0 && self.translation == [0.0; 2] {
            return None;
        }
        let turns = self.degrees / 360.0;
        // Half the angle, so that no rotation has a cosine of exactly 1.
        let half = sin_turns(turns / 2.0);
        let (cos, sin) = (1.0 - 2.0 * half * half, sin_turns(turns));
        let sides = [f64::from(size.width), f64::from(size.height)];
        let [x, y] = sides.map(|side| side / 2.0);
        let [to_x, to_y] =
            [0, 1].map(|axis| sides[axis] / 2.0 + sides[axis] * self.translation[axis]);
        Projection::from_source([
            [cos, -sin, to_x - cos * x + sin * y],
            [sin, cos, to_y - sin * x - cos * y],
            [0.0, 0.0, 1.0],
        ])
    }
}
