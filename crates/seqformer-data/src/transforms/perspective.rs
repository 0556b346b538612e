//! Zoom into a quadrilateral.
//!
//! Reference: imgaug 0.4 `PerspectiveTransform` with `keep_size`.
//!
//! Differs: one interpolation straight to the size of the image; imgaug first makes a picture as
//! large as the longest sides of the quadrilateral, and interpolates again to resize it. Pixels
//! have their centre at one half, where OpenCV has it at the corner.

use seqformer_masks::{BitMask, ImageSize};

use super::projection::{Border, Projection};
use crate::RgbImage;

/// The corners of an image, clockwise from the top left one, relative to the width and height.
const CORNERS: [[f64; 2]; 4] = [[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]];

/// A convex quadrilateral of the image that is stretched to fill the image.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Perspective {
    corners: [[f64; 2]; 4],
}

impl Perspective {
    /// Creates a transform from the inward movement of each corner, clockwise from the top left
    /// one, relative to width and height. `None` if a corner leaves the image, or if the
    /// quadrilateral is not convex, because no projection makes a rectangle of it.
    pub fn new(inward: [[f64; 2]; 4]) -> Option<Self> {
        let mut corners = CORNERS;
        for (corner, inward) in corners.iter_mut().zip(inward) {
            for (at, inward) in corner.iter_mut().zip(inward) {
                *at = if *at == 0.0 { inward } else { *at - inward };
            }
        }
        let is_inside = corners.as_flattened().iter().all(|at| (0.0..=1.0).contains(at));
        (is_inside && is_convex(&corners)).then_some(Self { corners })
    }

    /// Returns the corners of the quadrilateral, clockwise from the top left one, relative to width
    /// and height.
    pub fn corners(&self) -> [[f64; 2]; 4] {
        self.corners
    }

    pub(super) fn apply_image(self, image: RgbImage) -> RgbImage {
        match self.projection(image.size) {
            // The quadrilateral is inside the image, so uncovered pixels do not occur.
            Some(projection) => projection.apply_image(&image, Border::Repeated),
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
        if self.corners == CORNERS || size.num_pixels() == 0 {
            return None;
        }
        // From the unit square to the quadrilateral (Heckbert 1989, section 2.2.3).
        let sides = [f64::from(size.width), f64::from(size.height)];
        let [p, q, r, s] = self.corners.map(|corner| [0, 1].map(|axis| corner[axis] * sides[axis]));
        let (from_q, from_s) = ([0, 1].map(|a| q[a] - r[a]), [0, 1].map(|a| s[a] - r[a]));
        let sum = [0, 1].map(|a| p[a] - q[a] + r[a] - s[a]);
        let determinant = cross(from_q, from_s);
        let (g, h) = (cross(sum, from_s) / determinant, cross(from_q, sum) / determinant);
        let row = |a: usize| {
            let along_x = q[a] - p[a] + g * q[a];
            let along_y = s[a] - p[a] + h * s[a];
            [along_x / sides[0], along_y / sides[1], p[a]]
        };
        Projection::from_target([row(0), row(1), [g / sides[0], h / sides[1], 1.0]])
    }
}

/// Tells whether every corner turns clockwise, with the y axis downward.
fn is_convex(corners: &[[f64; 2]; 4]) -> bool {
    (0..4).all(|index| {
        let [before, at, after] = [0, 1, 2].map(|step| corners[(index + step) % 4]);
        cross([0, 1].map(|a| at[a] - before[a]), [0, 1].map(|a| after[a] - at[a])) > 0.0
    })
}

fn cross([a, b]: [f64; 2], [c, d]: [f64; 2]) -> f64 {
    a * d - b * c
}
