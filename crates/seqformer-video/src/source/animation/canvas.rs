//! The canvas on which the frames of an animation are composed.

use seqformer_masks::ImageSize;

use crate::ffmpeg::MAX_PIXELS;

/// The canvas on which the frames of an animation are drawn.
pub(super) struct Canvas {
    pub(super) size: ImageSize,
    /// Four bytes per pixel; empty if the size is implausible, which is rejected before drawing.
    pub(super) pixels: Vec<u8>,
    /// What to do with the last frame before the next one is drawn.
    pending: Option<Disposal>,
}

/// How a frame is drawn and disposed of.
#[derive(Clone, Copy)]
pub(super) struct Placement {
    pub(super) left: u32,
    pub(super) top: u32,
    pub(super) size: ImageSize,
    pub(super) blend: Blend,
    pub(super) disposal: Dispose,
}

#[derive(Clone, Copy)]
pub(super) enum Blend {
    Replace,
    Over,
}

#[derive(Clone, Copy)]
pub(super) enum Dispose {
    Keep,
    Clear,
    Restore,
}

enum Disposal {
    Clear(Placement),
    Restore(Vec<u8>),
}

impl Canvas {
    pub(super) fn new(size: ImageSize) -> Self {
        let pixels = u64::from(size.width) * u64::from(size.height);
        let bytes = if pixels > MAX_PIXELS { 0 } else { 4 * pixels as usize };
        Self { size, pixels: vec![0; bytes], pending: None }
    }

    /// Draws a frame of pixels of `samples` bytes each.
    pub(super) fn draw(
        &mut self,
        place: Placement,
        pixels: &[u8],
        samples: usize,
    ) -> Result<&[u8], String> {
        match self.pending.take() {
            Some(Disposal::Clear(area)) => {
                for y in 0..area.size.height {
                    if let Some(row) = self.row(area, y) {
                        row.fill(0);
                    }
                }
            }
            Some(Disposal::Restore(canvas)) => self.pixels = canvas,
            None => {}
        }
        self.pending = match place.disposal {
            Dispose::Keep => None,
            Dispose::Clear => Some(Disposal::Clear(place)),
            Dispose::Restore => Some(Disposal::Restore(self.pixels.clone())),
        };
        let line_bytes = (place.size.width as usize * samples).max(1);
        for (y, line) in (0..place.size.height).zip(pixels.chunks_exact(line_bytes)) {
            let Some(row) = self.row(place, y) else {
                return Err("a frame lies outside the image".to_owned());
            };
            let (row, _none_left) = row.as_chunks_mut::<4>();
            for (under, over) in row.iter_mut().zip(line.chunks_exact(samples)) {
                let over = rgba(over);
                *under = match place.blend {
                    Blend::Replace => over,
                    Blend::Over => composed(*under, over),
                };
            }
        }
        Ok(&self.pixels)
    }

    /// Row `y` of a frame's area on the canvas, if it is inside.
    fn row(&mut self, place: Placement, y: u32) -> Option<&mut [u8]> {
        let y = place.top.checked_add(y)?;
        if y >= self.size.height || place.left.checked_add(place.size.width)? > self.size.width {
            return None;
        }
        let start = 4 * (y as usize * self.size.width as usize + place.left as usize);
        self.pixels.get_mut(start..start + 4 * place.size.width as usize)
    }
}

/// A pixel of grey, grey and alpha, colour, or colour and alpha.
fn rgba(samples: &[u8]) -> [u8; 4] {
    match *samples {
        [grey] => [grey, grey, grey, 255],
        [grey, alpha] => [grey, grey, grey, alpha],
        [r, g, b] => [r, g, b, 255],
        [r, g, b, alpha, ..] => [r, g, b, alpha],
        [] => [0; 4],
    }
}

/// `over` composed above `under`, with straight alpha.
fn composed(under: [u8; 4], over: [u8; 4]) -> [u8; 4] {
    let (below, above) = (u32::from(under[3]), u32::from(over[3]));
    if above == 255 || below == 0 {
        return over;
    }
    if above == 0 {
        return under;
    }
    // Both parts in 255ths of 255ths.
    let (above, below) = (above * 255, below * (255 - above));
    let alpha = above + below;
    let mix = |under: u8, over: u8| {
        let sum = u32::from(under) * below + u32::from(over) * above;
        ((sum + alpha / 2) / alpha) as u8
    };
    let [r, g, b] = [0, 1, 2].map(|at| mix(under[at], over[at]));
    [r, g, b, ((alpha + 127) / 255) as u8]
}
