//! What a video has beside its pictures, so that a copy of it can have the same.

use std::fmt;
use std::path::PathBuf;

use crate::timing::{FrameRate, Timing};

/// The shape of a pixel. Films of DVDs and old cameras have pixels that are not square.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PixelAspect {
    /// Width of a pixel…
    pub width: u32,
    /// …over its height.
    pub height: u32,
}

impl PixelAspect {
    /// Whether pixels are as wide as high.
    pub fn is_square(self) -> bool {
        self.width == self.height
    }
}

impl fmt::Display for PixelAspect {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}", self.width, self.height)
    }
}

/// How a film is written.
#[derive(Debug, Clone, PartialEq)]
pub struct FilmFormat {
    /// When its frames are shown.
    pub timing: Timing,
    /// The shape of its pixels; square if none is given.
    pub pixel_aspect: Option<PixelAspect>,
    /// A file whose sound it gets.
    pub sound_of: Option<PathBuf>,
}

impl FilmFormat {
    /// Square pixels, no sound, and so many frames a second; none for a rate that is not one.
    pub fn even(fps: f64) -> Option<Self> {
        let timing = Timing::even(FrameRate::nearest(fps)?, 0);
        Some(Self { timing, pixel_aspect: None, sound_of: None })
    }
}
