//! A mask with one byte per pixel.

use crate::{BoxXyxy, ImageSize, MaskError};

/// A row-major bitmap.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BitMask {
    size: ImageSize,
    /// Row-major, 0 or 1.
    pixels: Vec<u8>,
}

impl BitMask {
    /// Creates an empty mask.
    ///
    /// Check a `size` that comes from a file with [`ImageSize::checked`] first.
    pub fn new(size: ImageSize) -> Self {
        Self { size, pixels: vec![0; size.num_pixels() as usize] }
    }

    /// Creates a mask from row-major bytes; every byte other than 0 is a set pixel.
    ///
    /// # Errors
    ///
    /// [`MaskError::ByteCount`] unless there is one byte per pixel.
    pub fn from_bytes(size: ImageSize, mut bytes: Vec<u8>) -> Result<Self, MaskError> {
        let expected = size.num_pixels();
        if bytes.len() as u64 != expected {
            return Err(MaskError::ByteCount { size, expected, found: bytes.len() });
        }
        for byte in &mut bytes {
            *byte = u8::from(*byte != 0);
        }
        Ok(Self { size, pixels: bytes })
    }

    /// Creates a mask from one byte per pixel, each 0 or 1.
    pub(crate) fn from_binary(size: ImageSize, pixels: Vec<u8>) -> Self {
        debug_assert_eq!(pixels.len() as u64, size.num_pixels(), "one byte per pixel");
        Self { size, pixels }
    }

    /// Returns height and width.
    pub fn size(&self) -> ImageSize {
        self.size
    }

    /// Returns all pixels, row-major, each 0 or 1.
    pub fn as_bytes(&self) -> &[u8] {
        &self.pixels
    }

    /// Returns the pixels, row-major, each 0 or 1.
    pub fn into_bytes(self) -> Vec<u8> {
        self.pixels
    }

    /// Returns the rows from top to bottom, each pixel 0 or 1.
    pub fn rows(&self) -> impl ExactSizeIterator<Item = &[u8]> + DoubleEndedIterator {
        // `max(1)` because chunks of length 0 do not exist; such a mask has no bytes either.
        self.pixels.chunks_exact(self.size.width.max(1) as usize)
    }

    /// Returns whether the pixel in row `y` and column `x` is set; false outside the mask.
    pub fn get(&self, y: u32, x: u32) -> bool {
        self.index(y, x).is_some_and(|index| self.pixels[index] != 0)
    }

    /// Sets or clears the pixel in row `y` and column `x`; does nothing outside the mask.
    pub fn set(&mut self, y: u32, x: u32, value: bool) {
        if let Some(index) = self.index(y, x) {
            self.pixels[index] = u8::from(value);
        }
    }

    /// Returns the number of set pixels.
    pub fn area(&self) -> u64 {
        // Summing short pieces in `u8` lets the compiler use its widest additions.
        let piece = |pixels: &[u8]| u64::from(pixels.iter().sum::<u8>());
        self.pixels.chunks(255).map(piece).sum()
    }

    /// Returns the tight box around the set pixels, its far corner one past the last pixel; `None`
    /// for an empty mask.
    pub fn bounding_box(&self) -> Option<BoxXyxy> {
        let mut y0 = None;
        let mut y1 = 0;
        let (mut x0, mut x1) = (usize::MAX, 0);
        for (y, row) in self.rows().enumerate() {
            let Some(first) = row.iter().position(|&pixel| pixel != 0) else { continue };
            let last = row.iter().rposition(|&pixel| pixel != 0).unwrap_or(first);
            y0 = y0.or(Some(y));
            y1 = y + 1;
            x0 = x0.min(first);
            x1 = x1.max(last + 1);
        }
        y0.map(|y0| BoxXyxy { x0: x0 as f64, y0: y0 as f64, x1: x1 as f64, y1: y1 as f64 })
    }

    /// Mirrors the columns.
    pub fn flip_horizontal(&self) -> Self {
        let pixels = self.rows().flat_map(|row| row.iter().rev().copied()).collect();
        Self { size: self.size, pixels }
    }

    /// Mirrors the rows.
    pub fn flip_vertical(&self) -> Self {
        let rows: Vec<&[u8]> = self.rows().collect();
        let pixels = rows.into_iter().rev().flatten().copied().collect();
        Self { size: self.size, pixels }
    }

    /// Crops the window of size `window` whose top left pixel is (`x`, `y`).
    ///
    /// # Errors
    ///
    /// [`MaskError::CropWindow`] if the window exceeds the mask.
    pub fn crop(&self, x: u32, y: u32, window: ImageSize) -> Result<Self, MaskError> {
        let fits = |start: u32, length: u32, whole: u32| {
            start.checked_add(length).is_some_and(|end| end <= whole)
        };
        if !fits(x, window.width, self.size.width) || !fits(y, window.height, self.size.height) {
            return Err(MaskError::CropWindow { size: self.size, window, x, y });
        }
        let columns = x as usize..(x + window.width) as usize;
        let rows = self.rows().skip(y as usize).take(window.height as usize);
        let pixels = rows.flat_map(|row| &row[columns.clone()]).copied().collect();
        Ok(Self { size: window, pixels })
    }

    fn index(&self, y: u32, x: u32) -> Option<usize> {
        let inside = y < self.size.height && x < self.size.width;
        inside.then(|| y as usize * self.size.width as usize + x as usize)
    }
}

#[cfg(test)]
mod tests {
    //! Small masks against their pictures.

    use super::*;

    fn mask(rows: &[&str]) -> BitMask {
        let size = ImageSize { height: rows.len() as u32, width: rows[0].len() as u32 };
        let bytes = rows.concat().bytes().map(|byte| u8::from(byte == b'#')).collect();
        BitMask::from_bytes(size, bytes).unwrap()
    }

    #[test]
    fn area_and_box_are_those_of_the_picture() {
        let mask = mask(&[".....", "..#..", ".##..", "....."]);
        assert_eq!(mask.area(), 3);
        assert_eq!(mask.bounding_box(), Some(BoxXyxy { x0: 1.0, y0: 1.0, x1: 3.0, y1: 3.0 }));
        assert_eq!(BitMask::new(mask.size()).bounding_box(), None);
    }

    #[test]
    fn large_areas_do_not_overflow_the_pieces() {
        let size = ImageSize { height: 100, width: 101 };
        assert_eq!(BitMask::from_bytes(size, vec![200; 10100]).unwrap().area(), 10100);
    }

    #[test]
    fn pixels_outside_are_neither_read_nor_written() {
        let mut mask = mask(&["..", ".."]);
        mask.set(0, 2, true);
        assert!(!mask.get(0, 2));
        assert_eq!(mask.area(), 0);
        mask.set(1, 0, true);
        assert!(mask.get(1, 0));
    }

    #[test]
    fn flips_and_crops_move_whole_pixels() {
        let original = mask(&["#..", "##.", "..."]);
        assert_eq!(original.flip_horizontal(), mask(&["..#", ".##", "..."]));
        assert_eq!(original.flip_vertical(), mask(&["...", "##.", "#.."]));
        let window = ImageSize { height: 2, width: 2 };
        assert_eq!(original.crop(1, 0, window).unwrap(), mask(&["..", "#."]));
        assert!(original.crop(2, 0, window).is_err());
        assert!(original.crop(u32::MAX, 0, window).is_err());
    }

    #[test]
    fn a_wrong_number_of_bytes_is_an_error() {
        let size = ImageSize { height: 2, width: 2 };
        let expected = MaskError::ByteCount { size, expected: 4, found: 3 };
        assert_eq!(BitMask::from_bytes(size, vec![0; 3]), Err(expected));
    }
}
