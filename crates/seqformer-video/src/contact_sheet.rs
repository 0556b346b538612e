//! Several frames of a video in one image.

use seqformer_data::RgbImage;
use seqformer_masks::ImageSize;

use crate::draw::checked_size;
use crate::error::VideoError;
use crate::resize::shrink;

const GAP: u32 = 4;
const BACKGROUND: u8 = 24;

/// A grid of small copies of frames, filled row by row.
#[derive(Debug)]
pub struct ContactSheet {
    columns: u32,
    tile_width: u32,
    tiles: Vec<RgbImage>,
}

impl ContactSheet {
    /// An empty sheet with `columns` tiles per row, each at most `tile_width` pixels wide.
    pub fn new(columns: u32, tile_width: u32) -> Self {
        Self { columns: columns.max(1), tile_width: tile_width.max(1), tiles: Vec::new() }
    }

    /// Adds a frame; only its thumbnail is kept.
    ///
    /// # Errors
    ///
    /// The frame's pixel buffer does not match its size.
    pub fn push(&mut self, image: &RgbImage) -> Result<(), VideoError> {
        let size = checked_size(image)?;
        let width = size.width.min(self.tile_width);
        let height = u64::from(size.height) * u64::from(width) / u64::from(size.width.max(1));
        let height = (height as u32).max(size.height.min(1));
        self.tiles.push(shrink(image, ImageSize { height, width }));
        Ok(())
    }

    /// The sheet; `None` if no frame was added.
    pub fn finish(self) -> Option<RgbImage> {
        let tile = ImageSize {
            height: self.tiles.iter().map(|tile| tile.size.height).max()?,
            width: self.tiles.iter().map(|tile| tile.size.width).max()?,
        };
        let columns = self.columns.min(self.tiles.len() as u32);
        let rows = (self.tiles.len() as u32).div_ceil(columns);
        let size = ImageSize {
            height: rows * (tile.height + GAP) + GAP,
            width: columns * (tile.width + GAP) + GAP,
        };
        let row_bytes = size.width as usize * 3;
        let mut pixels = vec![BACKGROUND; row_bytes * size.height as usize];
        for (index, image) in self.tiles.iter().enumerate() {
            let (row, column) = (index as u32 / columns, index as u32 % columns);
            let left = (GAP + column * (tile.width + GAP)) as usize;
            let top = (GAP + row * (tile.height + GAP)) as usize;
            let tile_bytes = image.size.width as usize * 3;
            for (y, line) in image.pixels.chunks_exact(tile_bytes.max(1)).enumerate() {
                let start = (top + y) * row_bytes + left * 3;
                pixels[start..start + tile_bytes].copy_from_slice(line);
            }
        }
        Some(RgbImage { size, pixels })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(height: u32, width: u32, value: u8) -> RgbImage {
        RgbImage {
            size: ImageSize { height, width },
            pixels: vec![value; (height * width * 3) as usize],
        }
    }

    #[test]
    fn tiles_fill_the_sheet_row_by_row() {
        let mut sheet = ContactSheet::new(2, 10);
        for value in [50, 100, 150] {
            sheet.push(&plain(20, 40, value)).unwrap();
        }
        let sheet = sheet.finish().unwrap();
        // Tiles of 10 x 5 in two rows of two, with gaps of 4.
        assert_eq!(sheet.size, ImageSize { height: 22, width: 32 });
        let at = |x: usize, y: usize| sheet.pixels[(y * 32 + x) * 3];
        assert_eq!([at(4, 4), at(13, 8), at(18, 4), at(4, 13)], [50, 50, 100, 150]);
        assert_eq!([at(0, 0), at(14, 4), at(4, 9), at(18, 13)], [BACKGROUND; 4]);
    }

    #[test]
    fn nothing_gives_nothing() {
        assert!(ContactSheet::new(0, 0).finish().is_none());
        let mut sheet = ContactSheet::new(0, 0);
        sheet.push(&plain(3, 3, 1)).unwrap();
        assert_eq!(sheet.finish().unwrap().size, ImageSize { height: 9, width: 9 });
        let mut sheet = ContactSheet::new(3, 5);
        sheet.push(&plain(0, 0, 1)).unwrap();
        assert!(sheet.finish().is_some());
    }
}
