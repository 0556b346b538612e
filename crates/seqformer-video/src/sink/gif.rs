//! Animated GIFs, for systems without ffmpeg.

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};

use ::gif::{Encoder, Frame, Repeat};
use seqformer_data::RgbImage;
use seqformer_files::TemporaryFile;
use seqformer_masks::ImageSize;

use super::write_error;
use crate::error::VideoError;
use crate::resize::shrink;
use crate::timing::Timing;

/// Maximum side of a GIF; larger ones would make huge files.
const MAX_SIDE: u32 = 960;
/// Quality of the palette search, 1 (best) to 30 (fastest).
const PALETTE_SPEED: i32 = 10;
/// Viewers slow down shorter delays; in hundredths of a second.
const MIN_DELAY: f64 = 2.0;
const MAX_DELAY: f64 = 65535.0;

/// An animated GIF being written.
#[derive(Debug)]
pub(super) struct GifWriter {
    path: PathBuf,
    encoder: EncoderBox,
    size: ImageSize,
    timing: Timing,
    written: usize,
    /// Sum of the written delays, in hundredths of a second.
    shown: f64,
    /// End of the last frame by its time stamps, in hundredths of a second.
    ended: f64,
}

/// The encoder does not implement `Debug`.
struct EncoderBox(Encoder<BufWriter<File>>);

impl std::fmt::Debug for EncoderBox {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Encoder")
    }
}

impl GifWriter {
    /// Starts encoding frames of `size` into `file`; messages use `path`.
    pub(super) fn start(
        file: &TemporaryFile,
        path: &Path,
        size: ImageSize,
        timing: &Timing,
    ) -> Result<Self, VideoError> {
        let file = file.reopen().map_err(|source| write_error(path, source))?;
        let size = fitted(size);
        // Both sides are at most `MAX_SIDE`.
        let (width, height) = (size.width as u16, size.height as u16);
        let mut encoder = Encoder::new(BufWriter::new(file), width, height, &[])
            .map_err(|error| encode_error(path, &error))?;
        encoder.set_repeat(Repeat::Infinite).map_err(|error| encode_error(path, &error))?;
        let (path, timing) = (path.to_path_buf(), timing.clone());
        Ok(Self {
            path,
            encoder: EncoderBox(encoder),
            size,
            timing,
            written: 0,
            shown: 0.0,
            ended: 0.0,
        })
    }

    /// Adds a frame.
    pub(super) fn write(&mut self, image: &RgbImage) -> Result<(), VideoError> {
        let image = shrink(image, self.size);
        let (width, height) = (self.size.width as u16, self.size.height as u16);
        let mut frame = Frame::from_rgb_speed(width, height, &image.pixels, PALETTE_SPEED);
        // Rounding errors carry over to the next frame, so that the total duration is kept.
        self.ended += 100.0 * self.timing.duration(self.written);
        let delay = (self.ended - self.shown).round().clamp(MIN_DELAY, MAX_DELAY);
        self.shown += delay;
        self.written += 1;
        frame.delay = delay as u16;
        self.encoder.0.write_frame(&frame).map_err(|error| encode_error(&self.path, &error))
    }

    /// Writes the end of the file.
    pub(super) fn finish(self) -> Result<(), VideoError> {
        let ended = self.encoder.0.into_inner();
        let mut stream = ended.map_err(|error| encode_error(&self.path, &error))?;
        stream.flush().map_err(|source| write_error(&self.path, source))
    }
}

/// `size` reduced until both sides are short enough.
fn fitted(size: ImageSize) -> ImageSize {
    let longest = size.width.max(size.height);
    if longest <= MAX_SIDE {
        return size;
    }
    let scale = f64::from(MAX_SIDE) / f64::from(longest);
    let scaled = |side: u32| ((f64::from(side) * scale).round() as u32).clamp(1, MAX_SIDE);
    ImageSize { height: scaled(size.height), width: scaled(size.width) }
}

fn encode_error(path: &Path, error: &::gif::EncodingError) -> VideoError {
    VideoError::Encode { path: path.to_path_buf(), reason: error.to_string() }
}
