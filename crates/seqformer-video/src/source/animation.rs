//! Animated WebP and PNG, read without ffmpeg.

mod apng;
mod canvas;
mod webp;

use std::fmt;
use std::io::Cursor;
use std::path::{Path, PathBuf};
use std::time::Duration;

use apng::PngAnimation;
use seqformer_data::{RgbImage, animation_delays};
use seqformer_masks::ImageSize;
use webp::WebPAnimation;

use super::read_error;
use crate::error::VideoError;
use crate::ffmpeg::MAX_PIXELS;

/// Browsers show frames with a delay below the first value for the second.
const SHORTEST: Duration = Duration::from_millis(11);
const UNSET: Duration = Duration::from_millis(100);
/// A canvas, the previous one and a frame, with four bytes per pixel.
const MAX_DECODER_BYTES: usize = 3 * 4 * MAX_PIXELS as usize;

/// When the frames of an animation are shown.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Schedule {
    /// The times of the frames, in seconds.
    pub(super) times: Vec<f64>,
    /// The end of the last one.
    pub(super) end: f64,
}

impl Schedule {
    /// Consecutive frames with these delays.
    pub(super) fn new(delays: impl IntoIterator<Item = Duration>) -> Self {
        // Whole durations, so that sums are exact.
        let mut end = Duration::ZERO;
        let mut times = Vec::new();
        for delay in delays {
            times.push(end.as_secs_f64());
            end += delay;
        }
        Self { times, end: end.as_secs_f64() }
    }

    /// How long the last frame is shown.
    pub(super) fn last_duration(&self) -> Option<f64> {
        self.times.last().map(|last| self.end - last)
    }

    /// The mean frame rate.
    pub(super) fn fps(&self) -> Option<f64> {
        (self.end > 0.0).then(|| self.times.len() as f64 / self.end)
    }
}

/// The schedule of the file; `None` if it is not an animated WebP or PNG.
pub(super) fn scan(path: &Path) -> Result<Option<Schedule>, VideoError> {
    let bytes = std::fs::read(path).map_err(|source| read_error(path, source))?;
    let shown = |delay: Duration| if delay < SHORTEST { UNSET } else { delay };
    let delays = animation_delays(&bytes).filter(|delays| delays.len() > 1);
    Ok(delays.map(|delays| Schedule::new(delays.into_iter().map(shown))))
}

/// The composed frames of an animation.
pub(super) struct AnimationReader {
    path: PathBuf,
    decoder: Decoder,
    decoded: usize,
    promised: usize,
    warning: Option<String>,
}

enum Decoder {
    Png(Box<PngAnimation>),
    WebP(Box<WebPAnimation>),
}

impl fmt::Debug for AnimationReader {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("AnimationReader").field("path", &self.path).finish_non_exhaustive()
    }
}

impl AnimationReader {
    pub(super) fn open(path: &Path, promised: usize) -> Result<Self, VideoError> {
        let bytes = std::fs::read(path).map_err(|source| read_error(path, source))?;
        let is_png = bytes.starts_with(b"\x89PNG");
        let opened = if is_png {
            PngAnimation::open(Cursor::new(bytes)).map(|decoder| Decoder::Png(Box::new(decoder)))
        } else {
            WebPAnimation::open(bytes).map(|decoder| Decoder::WebP(Box::new(decoder)))
        };
        let decoder =
            opened.map_err(|reason| VideoError::NoFrames { path: path.to_path_buf(), reason })?;
        let reader =
            Self { path: path.to_path_buf(), decoder, decoded: 0, promised, warning: None };
        let found = reader.size();
        if u64::from(found.width) * u64::from(found.height) > MAX_PIXELS {
            return Err(VideoError::FrameTooLarge {
                path: path.to_path_buf(),
                limit: MAX_PIXELS,
                found,
            });
        }
        Ok(reader)
    }

    /// The next frame; `None` at the end. A truncated file ends early with a warning.
    pub(super) fn next_frame(&mut self) -> Result<Option<RgbImage>, VideoError> {
        if self.decoded == self.promised || self.warning.is_some() {
            return Ok(None);
        }
        let size = self.size();
        let reason = match self.decoder.next_frame() {
            Ok(pixels) => {
                self.decoded += 1;
                return Ok(Some(RgbImage { size, pixels }));
            }
            Err(reason) => reason,
        };
        if self.decoded == 0 {
            return Err(VideoError::NoFrames { path: self.path.clone(), reason });
        }
        self.warning = Some(format!(
            "{}: the video is damaged or ended early: {} of {} frames decoded, {reason}",
            self.path.display(),
            self.decoded,
            self.promised
        ));
        Ok(None)
    }

    pub(super) fn warning(&self) -> Option<&str> {
        self.warning.as_deref()
    }

    fn size(&self) -> ImageSize {
        match &self.decoder {
            Decoder::Png(decoder) => decoder.canvas.size,
            Decoder::WebP(decoder) => decoder.canvas.size,
        }
    }
}

impl Decoder {
    /// Red, green and blue of the next frame; alpha is dropped as by Pillow's `convert("RGB")`.
    fn next_frame(&mut self) -> Result<Vec<u8>, String> {
        let canvas = match self {
            Self::Png(decoder) => decoder.next_frame()?,
            Self::WebP(decoder) => decoder.next_frame()?,
        };
        let (pixels, _none_left) = canvas.as_chunks::<4>();
        Ok(pixels.iter().flat_map(|&[r, g, b, _alpha]| [r, g, b]).collect())
    }
}
