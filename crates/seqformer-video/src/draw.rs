//! Draws masks and labels over a frame.

mod contour;
mod label;

use seqformer_data::RgbImage;
use seqformer_masks::{ImageSize, Rle};

use crate::error::VideoError;
use contour::inner_contour;
use label::LabelPainter;

/// How much of the colour covers the picture inside a mask.
const FILL_ALPHA: f32 = 0.45;
/// Contours are 2 pixels wide up to this height, and grow with the picture from there.
const CONTOUR_REFERENCE_HEIGHT: u32 = 480;
const MAX_CONTOUR: u32 = 6;

/// An object to be drawn on one frame.
#[derive(Debug, Clone)]
pub struct OverlayObject<'a> {
    /// Where the object is; an empty mask draws nothing.
    pub mask: &'a Rle,
    /// Colour of the fill, the contour and the tag.
    pub color: [u8; 3],
    /// Text of the tag; none when empty.
    pub label: String,
}

/// Draws `objects` over `image`: a translucent fill, a contour, and a tag with the label.
///
/// Later objects lie above earlier ones; all tags lie above all masks.
///
/// # Errors
///
/// A mask whose size is not that of the image, or an image whose pixels do not fit its size. The
/// image is unchanged then.
pub fn draw_overlay(image: &mut RgbImage, objects: &[OverlayObject<'_>]) -> Result<(), VideoError> {
    let size = checked_size(image)?;
    if let Some(object) = objects.iter().find(|object| object.mask.size() != size) {
        return Err(VideoError::MaskSize {
            label: object.label.clone(),
            expected: size,
            found: object.mask.size(),
        });
    }
    let regions: Vec<(&OverlayObject<'_>, Region)> =
        objects.iter().filter_map(|object| Some((object, Region::new(object.mask)?))).collect();
    let mut canvas = Canvas { width: size.width as usize, pixels: &mut image.pixels };
    for (object, region) in &regions {
        for (x, y) in region.pixels() {
            canvas.blend(x, y, object.color, FILL_ALPHA);
        }
    }
    let thickness = (2 * size.height / CONTOUR_REFERENCE_HEIGHT.max(1)).clamp(2, MAX_CONTOUR);
    for (object, region) in &regions {
        for (x, y) in inner_contour(region, size, thickness) {
            canvas.blend(x, y, object.color, 1.0);
        }
    }
    let mut labels = LabelPainter::new(size);
    for (object, region) in &regions {
        labels.paint(&mut canvas, region, &object.label, object.color);
    }
    Ok(())
}

/// The size of `image`, once its buffer is known to fit.
pub(crate) fn checked_size(image: &RgbImage) -> Result<ImageSize, VideoError> {
    let size = image.size;
    let expected = (size.width as usize).saturating_mul(size.height as usize).saturating_mul(3);
    if image.pixels.len() == expected {
        return Ok(size);
    }
    Err(VideoError::PixelCount { size, expected, found: image.pixels.len() })
}

/// The pixels of a mask inside its bounding box.
#[derive(Debug)]
struct Region {
    left: usize,
    top: usize,
    width: usize,
    height: usize,
    /// Row-major over the box.
    inside: Vec<bool>,
}

impl Region {
    /// None for an empty mask.
    fn new(rle: &Rle) -> Option<Self> {
        let mask = rle.decode();
        let ImageSize { height, width } = rle.size();
        let is_set = |x: u32, y: u32| mask.get(y, x);
        let row_has_any = |y: u32| (0..width).any(|x| is_set(x, y));
        let top = (0..height).find(|&y| row_has_any(y))?;
        let bottom = (top..height).rev().find(|&y| row_has_any(y))?;
        let column_has_any = |x: u32| (top..=bottom).any(|y| is_set(x, y));
        let left = (0..width).find(|&x| column_has_any(x))?;
        let right = (left..width).rev().find(|&x| column_has_any(x))?;
        let inside = (top..=bottom)
            .flat_map(|y| (left..=right).map(move |x| (y, x)))
            .map(|(y, x)| is_set(x, y))
            .collect();
        Some(Self {
            left: left as usize,
            top: top as usize,
            width: (right - left + 1) as usize,
            height: (bottom - top + 1) as usize,
            inside,
        })
    }

    /// The picture coordinates of the mask's pixels.
    fn pixels(&self) -> impl Iterator<Item = (usize, usize)> + '_ {
        let marked = self.inside.iter().enumerate().filter(|(_, inside)| **inside);
        marked.map(|(index, _)| (self.left + index % self.width, self.top + index / self.width))
    }
}

/// A picture's pixels, to be blended with colours.
#[derive(Debug)]
struct Canvas<'a> {
    width: usize,
    pixels: &'a mut [u8],
}

impl Canvas<'_> {
    /// Blends `color` over the pixel; one outside the picture is passed over.
    fn blend(&mut self, x: usize, y: usize, color: [u8; 3], alpha: f32) {
        if x >= self.width {
            return;
        }
        let start = (y * self.width + x) * 3;
        let Some(pixel) = self.pixels.get_mut(start..start + 3) else { return };
        for (value, new) in pixel.iter_mut().zip(color) {
            let old = f32::from(*value);
            *value = (old + (f32::from(new) - old) * alpha).round() as u8;
        }
    }
}

#[cfg(test)]
mod tests;
