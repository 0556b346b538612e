//! Properties of a video besides its frames, so that a copy can have the same.

use std::fmt;
use std::path::PathBuf;

use crate::timing::{FrameRate, Timing};

/// The pixel aspect ratio. Videos from DVDs and old cameras have non-square pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PixelAspect {
    /// Width of a pixel.
    pub width: u32,
    /// Height of a pixel, in the same unit.
    pub height: u32,
}

impl PixelAspect {
    /// Whether pixels are square.
    pub fn is_square(self) -> bool {
        self.width == self.height
    }
}

impl fmt::Display for PixelAspect {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}", self.width, self.height)
    }
}

/// How a video is written.
#[derive(Debug, Clone, PartialEq)]
pub struct FilmFormat {
    /// When its frames are shown.
    pub timing: Timing,
    /// The pixel aspect ratio; square if `None`.
    pub pixel_aspect: Option<PixelAspect>,
    /// A file whose sound is added.
    pub sound_of: Option<PathBuf>,
}

impl FilmFormat {
    /// Square pixels, no sound, and `fps` frames per second; `None` for an invalid rate.
    pub fn even(fps: f64) -> Option<Self> {
        let timing = Timing::even(FrameRate::nearest(fps)?, 0);
        Some(Self { timing, pixel_aspect: None, sound_of: None })
    }
}
