//! The three representations of a box.

use crate::ImageSize;

/// A box by its corners; the second corner lies just outside the last pixel.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct BoxXyxy {
    /// Left edge.
    pub x0: f64,
    /// Top edge.
    pub y0: f64,
    /// Right edge.
    pub x1: f64,
    /// Bottom edge.
    pub y1: f64,
}

/// A box by its top left corner and extent, as in COCO files.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct BoxXywh {
    /// Left edge.
    pub x: f64,
    /// Top edge.
    pub y: f64,
    /// Extent along x.
    pub width: f64,
    /// Extent along y.
    pub height: f64,
}

/// A box by its centre and extent, as in the model.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct BoxCxcywh {
    /// Centre along x.
    pub cx: f64,
    /// Centre along y.
    pub cy: f64,
    /// Extent along x.
    pub width: f64,
    /// Extent along y.
    pub height: f64,
}

impl BoxXyxy {
    /// Returns the area; 0 for a box whose corners are swapped.
    pub fn area(self) -> f64 {
        (self.x1 - self.x0).max(0.0) * (self.y1 - self.y0).max(0.0)
    }

    /// Clips every edge to an image of `size`.
    pub fn clipped(self, size: ImageSize) -> Self {
        let (width, height) = (f64::from(size.width), f64::from(size.height));
        Self {
            x0: self.x0.clamp(0.0, width),
            y0: self.y0.clamp(0.0, height),
            x1: self.x1.clamp(0.0, width),
            y1: self.y1.clamp(0.0, height),
        }
    }

    /// Returns the centre form, divided by the width and height of `size`.
    pub fn normalized(self, size: ImageSize) -> BoxCxcywh {
        let (width, height) = (f64::from(size.width), f64::from(size.height));
        let centered = BoxCxcywh::from(self);
        BoxCxcywh {
            cx: centered.cx / width,
            cy: centered.cy / height,
            width: centered.width / width,
            height: centered.height / height,
        }
    }
}

impl From<BoxXywh> for BoxXyxy {
    fn from(from: BoxXywh) -> Self {
        Self { x0: from.x, y0: from.y, x1: from.x + from.width, y1: from.y + from.height }
    }
}

impl From<BoxXyxy> for BoxXywh {
    fn from(from: BoxXyxy) -> Self {
        Self { x: from.x0, y: from.y0, width: from.x1 - from.x0, height: from.y1 - from.y0 }
    }
}

impl From<BoxXyxy> for BoxCxcywh {
    fn from(from: BoxXyxy) -> Self {
        Self {
            cx: f64::midpoint(from.x0, from.x1),
            cy: f64::midpoint(from.y0, from.y1),
            width: from.x1 - from.x0,
            height: from.y1 - from.y0,
        }
    }
}

impl From<BoxCxcywh> for BoxXyxy {
    fn from(from: BoxCxcywh) -> Self {
        Self {
            x0: from.cx - 0.5 * from.width,
            y0: from.cy - 0.5 * from.height,
            x1: from.cx + 0.5 * from.width,
            y1: from.cy + 0.5 * from.height,
        }
    }
}

#[cfg(test)]
mod tests {
    //! Conversions against numbers worked out by hand.

    use super::*;

    #[test]
    fn the_three_forms_describe_one_box() {
        let corners = BoxXyxy { x0: 1.0, y0: 2.0, x1: 5.0, y1: 10.0 };
        let extent = BoxXywh { x: 1.0, y: 2.0, width: 4.0, height: 8.0 };
        let centered = BoxCxcywh { cx: 3.0, cy: 6.0, width: 4.0, height: 8.0 };
        assert_eq!(BoxXywh::from(corners), extent);
        assert_eq!(BoxXyxy::from(extent), corners);
        assert_eq!(BoxCxcywh::from(corners), centered);
        assert_eq!(BoxXyxy::from(centered), corners);
        assert_eq!(corners.area(), 32.0);
    }

    #[test]
    fn boxes_are_clipped_and_normalized_by_the_image() {
        let size = ImageSize { height: 10, width: 20 };
        let clipped = BoxXyxy { x0: -4.0, y0: 2.0, x1: 30.0, y1: 7.0 }.clipped(size);
        assert_eq!(clipped, BoxXyxy { x0: 0.0, y0: 2.0, x1: 20.0, y1: 7.0 });
        let expected = BoxCxcywh { cx: 0.5, cy: 0.45, width: 1.0, height: 0.5 };
        assert_eq!(clipped.normalized(size), expected);
    }
}
