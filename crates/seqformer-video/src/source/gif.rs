//! Animated GIFs, read without ffmpeg.

use std::fmt;
use std::fs::File;
use std::io::BufReader;
use std::num::NonZeroU64;
use std::path::{Path, PathBuf};
use std::time::Duration;

use ::gif::{ColorOutput, DecodeOptions, Decoder, DisposalMethod, Frame, MemoryLimit};
use seqformer_data::RgbImage;
use seqformer_masks::ImageSize;

use super::animation::Schedule;
use super::read_error;
use crate::error::VideoError;
use crate::ffmpeg::MAX_PIXELS;

/// Viewers show a delay of 0 or 1 hundredths of a second as this value.
const UNSET_DELAY: u64 = 10;

/// Reads the frame headers without decoding pixels.
pub(super) fn scan(path: &Path) -> Result<Schedule, VideoError> {
    let file = File::open(path).map_err(|source| read_error(path, source))?;
    let mut options = DecodeOptions::new();
    options.set_color_output(ColorOutput::Indexed);
    options.skip_frame_decoding(true);
    let mut decoder = options.read_info(BufReader::new(file)).map_err(|error| {
        VideoError::NoFrames { path: path.to_path_buf(), reason: error.to_string() }
    })?;
    let mut delays = Vec::new();
    // A truncated file is reported when its frames are read.
    while let Ok(Some(frame)) = decoder.next_frame_info() {
        let hundredths = if frame.delay < 2 { UNSET_DELAY } else { frame.delay.into() };
        delays.push(Duration::from_millis(10 * hundredths));
    }
    Ok(Schedule::new(delays))
}

/// The composed frames of a GIF.
pub(super) struct GifReader {
    path: PathBuf,
    decoder: Decoder<BufReader<File>>,
    canvas: RgbImage,
    /// What to do with the last frame before the next one is drawn.
    pending: Option<Disposal>,
    decoded: usize,
    warning: Option<String>,
}

/// How the area of a frame is disposed of.
enum Disposal {
    Clear(Area),
    Restore(Vec<u8>),
}

/// A frame's part of the canvas.
#[derive(Clone, Copy)]
struct Area {
    left: usize,
    top: usize,
    width: usize,
    height: usize,
}

impl fmt::Debug for GifReader {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("GifReader").field("path", &self.path).finish_non_exhaustive()
    }
}

impl GifReader {
    pub(super) fn open(path: &Path) -> Result<Self, VideoError> {
        let file = File::open(path).map_err(|source| read_error(path, source))?;
        let mut options = DecodeOptions::new();
        options.set_color_output(ColorOutput::RGBA);
        if let Some(limit) = NonZeroU64::new(MAX_PIXELS * 4) {
            options.set_memory_limit(MemoryLimit::Bytes(limit));
        }
        let decoder = options.read_info(BufReader::new(file)).map_err(|error| {
            VideoError::NoFrames { path: path.to_path_buf(), reason: error.to_string() }
        })?;
        let size =
            ImageSize { height: u32::from(decoder.height()), width: u32::from(decoder.width()) };
        let count = u64::from(size.height) * u64::from(size.width);
        if count > MAX_PIXELS {
            let path = path.to_path_buf();
            return Err(VideoError::FrameTooLarge { path, limit: MAX_PIXELS, found: size });
        }
        // Uncovered transparent pixels are black, as in other readers.
        let canvas = RgbImage { size, pixels: vec![0; count as usize * 3] };
        let path = path.to_path_buf();
        Ok(Self { path, decoder, canvas, pending: None, decoded: 0, warning: None })
    }

    /// The next frame; `None` at the end. A truncated file ends early with a warning.
    pub(super) fn next_frame(&mut self) -> Result<Option<RgbImage>, VideoError> {
        let reason = match self.decoder.read_next_frame() {
            Ok(Some(frame)) => {
                dispose(&mut self.canvas, self.pending.take());
                self.pending = draw(&mut self.canvas, frame);
                self.decoded += 1;
                return Ok(Some(self.canvas.clone()));
            }
            Err(error) => error.to_string(),
            Ok(None) if self.decoded > 0 => return Ok(None),
            Ok(None) => "the file has no frames".to_owned(),
        };
        if self.decoded == 0 {
            return Err(VideoError::NoFrames { path: self.path.clone(), reason });
        }
        self.warning = Some(format!(
            "{}: the video is damaged or ended early: {} frames decoded, {reason}",
            self.path.display(),
            self.decoded
        ));
        Ok(None)
    }

    pub(super) fn warning(&self) -> Option<&str> {
        self.warning.as_deref()
    }
}

/// Draws `frame` and returns how to dispose of it.
fn draw(canvas: &mut RgbImage, frame: &Frame<'_>) -> Option<Disposal> {
    let area = Area {
        left: usize::from(frame.left),
        top: usize::from(frame.top),
        width: usize::from(frame.width),
        height: usize::from(frame.height),
    };
    let disposal = match frame.dispose {
        DisposalMethod::Background => Some(Disposal::Clear(area)),
        DisposalMethod::Previous => Some(Disposal::Restore(canvas.pixels.clone())),
        DisposalMethod::Any | DisposalMethod::Keep => None,
    };
    let mut source = frame.buffer.chunks_exact(4);
    for_each_pixel(canvas, area, |pixel| {
        // The source advances pixel by pixel, whether or not they lie on the canvas.
        if let (Some(&[r, g, b, alpha]), Some(pixel)) = (source.next(), pixel)
            && alpha > 0
        {
            pixel.copy_from_slice(&[r, g, b]);
        }
    });
    disposal
}

fn dispose(canvas: &mut RgbImage, pending: Option<Disposal>) {
    match pending {
        Some(Disposal::Clear(area)) => for_each_pixel(canvas, area, |pixel| {
            if let Some(pixel) = pixel {
                pixel.fill(0);
            }
        }),
        Some(Disposal::Restore(pixels)) => canvas.pixels = pixels,
        None => {}
    }
}

/// Visits `area` row by row; pixels beyond the canvas are `None`.
fn for_each_pixel(canvas: &mut RgbImage, area: Area, mut visit: impl FnMut(Option<&mut [u8]>)) {
    let (width, height) = (canvas.size.width as usize, canvas.size.height as usize);
    for y in area.top..area.top + area.height {
        for x in area.left..area.left + area.width {
            let start = (y * width + x) * 3;
            let inside = x < width && y < height;
            visit(if inside { canvas.pixels.get_mut(start..start + 3) } else { None });
        }
    }
}

#[cfg(test)]
mod tests {
    use ::gif::{DisposalMethod, Encoder};

    use super::*;

    /// A frame of one colour; index 0 is transparent, 1 red, 2 green.
    fn frame(left: u16, width: u16, index: u8, dispose: DisposalMethod) -> Frame<'static> {
        let mut frame =
            Frame::from_indexed_pixels(width, 1, vec![index; usize::from(width)], Some(0));
        frame.left = left;
        frame.dispose = dispose;
        frame
    }

    /// What a GIF of 4 x 1 pixels shows, a letter for each pixel.
    fn shown(frames: &[Frame<'_>]) -> Vec<String> {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("a.gif");
        let palette = [0, 0, 0, 255, 0, 0, 0, 255, 0, 0, 0, 0];
        let mut encoder = Encoder::new(File::create(&path).unwrap(), 4, 1, &palette).unwrap();
        for frame in frames {
            encoder.write_frame(frame).unwrap();
        }
        drop(encoder);
        let mut reader = GifReader::open(&path).unwrap();
        let letter = |pixel: &[u8]| match pixel {
            [255, 0, 0] => 'r',
            [0, 255, 0] => 'g',
            _ => '.',
        };
        std::iter::from_fn(|| reader.next_frame().unwrap())
            .map(|image| image.pixels.chunks(3).map(letter).collect())
            .collect()
    }

    #[test]
    fn frames_are_composed_by_their_disposal() {
        use DisposalMethod::{Background, Keep, Previous};
        let check = |dispose, expected: [&str; 3]| {
            let frames = [frame(0, 3, 1, Keep), frame(1, 2, 2, dispose), frame(3, 1, 1, Keep)];
            assert_eq!(shown(&frames), expected, "{dispose:?}");
        };
        check(Keep, ["rrr.", "rgg.", "rggr"]);
        check(Background, ["rrr.", "rgg.", "r..r"]);
        check(Previous, ["rrr.", "rgg.", "rrrr"]);
    }

    #[test]
    fn transparent_pixels_keep_what_is_below_and_frames_may_overhang() {
        use DisposalMethod::Keep;
        let frames = [frame(0, 4, 1, Keep), frame(0, 2, 0, Keep), frame(3, 9, 2, Keep)];
        assert_eq!(shown(&frames), ["rrrr", "rrrr", "rrrg"]);
    }
}
