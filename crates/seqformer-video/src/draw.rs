//! Draws masks and labels over a frame.

mod contour;
mod label;

use seqformer_data::RgbImage;
use seqformer_masks::{ImageSize, Rle};

use crate::error::VideoError;
use crate::text::Fonts;
use contour::inner_contour;
use label::LabelPainter;

/// Opacity of the colour inside a mask.
const FILL_ALPHA: f32 = 0.45;
/// Contours are 2 pixels wide up to this height, and scale with the image above it.
const CONTOUR_REFERENCE_HEIGHT: u32 = 480;
const MAX_CONTOUR: u32 = 6;

/// An object to be drawn in one frame.
#[derive(Debug, Clone)]
pub struct OverlayObject<'a> {
    /// The mask of the object; an empty mask draws nothing.
    pub mask: &'a Rle,
    /// Colour of the fill, the contour and the tag.
    pub color: [u8; 3],
    /// Text of the tag; an empty text draws no tag.
    pub label: String,
}

/// Draws `objects` over `image`: a translucent fill, a contour, and a tag with the label.
///
/// Later objects are above earlier ones; all tags are above all masks.
///
/// # Errors
///
/// A mask whose size differs from the image's, or an image whose pixel buffer does not match its
/// size. The image is then unchanged.
pub fn draw_overlay(image: &mut RgbImage, objects: &[OverlayObject<'_>]) -> Result<(), VideoError> {
    draw_overlay_with_fonts(image, objects, Fonts::of_system())
}

/// Draws `objects` as [`draw_overlay`] does, with labels in these fonts.
///
/// # Errors
///
/// As [`draw_overlay`].
pub fn draw_overlay_with_fonts(
    image: &mut RgbImage,
    objects: &[OverlayObject<'_>],
    fonts: &Fonts,
) -> Result<(), VideoError> {
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
        let blends = object.color.map(|new| Blend::new(new, FILL_ALPHA));
        for (y, row) in region.rows() {
            canvas.fill_row(region.left, y, row, &blends);
        }
    }
    let thickness = (2 * size.height / CONTOUR_REFERENCE_HEIGHT.max(1)).clamp(2, MAX_CONTOUR);
    for (object, region) in &regions {
        for (x, y) in inner_contour(region, size, thickness) {
            canvas.set(x, y, object.color);
        }
    }
    let mut labels = LabelPainter::new(size, fonts);
    for (object, region) in &regions {
        labels.paint(&mut canvas, region, &object.label, object.color);
    }
    Ok(())
}

/// The size of `image`, after checking its pixel buffer.
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
    /// `None` for an empty mask.
    fn new(rle: &Rle) -> Option<Self> {
        let around = rle.bounding_box();
        if rle.area() == 0 {
            return None;
        }
        let mask = rle.decode();
        let all_columns = |row: &[u8]| row.iter().any(|&pixel| pixel != 0);
        let top = mask.rows().position(all_columns)?;
        let bottom = mask.rows().rposition(all_columns)?;
        let (left, width) = (around.x as usize, around.width as usize);
        let rows = mask.rows().skip(top).take(bottom + 1 - top);
        let inside = rows.flat_map(|row| &row[left..left + width]).map(|&pixel| pixel != 0);
        let inside = inside.collect();
        Some(Self { left, top, width, height: bottom + 1 - top, inside })
    }

    /// The rows of the box with their image coordinates.
    fn rows(&self) -> impl Iterator<Item = (usize, &[bool])> {
        (self.top..).zip(self.inside.chunks_exact(self.width))
    }
}

/// The pixels of an image, for blending with colours.
#[derive(Debug)]
struct Canvas<'a> {
    width: usize,
    pixels: &'a mut [u8],
}

impl Canvas<'_> {
    /// Blends `color` over the pixel; pixels outside the image are ignored.
    fn blend(&mut self, x: usize, y: usize, color: [u8; 3], alpha: f32) {
        let Some(pixel) = self.pixel(x, y) else { return };
        for (value, new) in pixel.iter_mut().zip(color) {
            *value = blended(*value, new, alpha);
        }
    }

    /// Sets the pixel to this colour; pixels outside the image are ignored.
    fn set(&mut self, x: usize, y: usize, color: [u8; 3]) {
        if let Some(pixel) = self.pixel(x, y) {
            pixel.copy_from_slice(&color);
        }
    }

    /// Blends the pixels that are inside the mask, starting at `left`.
    fn fill_row(&mut self, left: usize, y: usize, inside: &[bool], blends: &[Blend; 3]) {
        let pixels = self.pixels.get_mut(3 * (y * self.width + left)..).unwrap_or_default();
        for (pixel, _) in pixels.chunks_exact_mut(3).zip(inside).filter(|(_, inside)| **inside) {
            for (value, blend) in pixel.iter_mut().zip(blends) {
                *value = blend.0[usize::from(*value)];
            }
        }
    }

    fn pixel(&mut self, x: usize, y: usize) -> Option<&mut [u8]> {
        if x >= self.width {
            return None;
        }
        let start = (y * self.width + x) * 3;
        self.pixels.get_mut(start..start + 3)
    }
}

/// The blended value of each channel value for one colour.
struct Blend([u8; 256]);

impl Blend {
    fn new(new: u8, alpha: f32) -> Self {
        Self(std::array::from_fn(|old| blended(old as u8, new, alpha)))
    }
}

fn blended(old: u8, new: u8, alpha: f32) -> u8 {
    let old = f32::from(old);
    (old + (f32::from(new) - old) * alpha).round() as u8
}

#[cfg(test)]
mod tests;
