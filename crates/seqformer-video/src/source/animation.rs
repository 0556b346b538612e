//! Animated WebP and PNG, read without ffmpeg.

use std::fmt;
use std::io::Cursor;
use std::path::{Path, PathBuf};
use std::time::Duration;

use image_webp::WebPDecoder;
use seqformer_data::{RgbImage, animation_delays};
use seqformer_masks::ImageSize;

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

/// The canvas on which the frames of an animation are drawn.
struct Canvas {
    size: ImageSize,
    /// Four bytes per pixel; empty if the size is implausible, which is rejected before drawing.
    pixels: Vec<u8>,
    /// What to do with the last frame before the next one is drawn.
    pending: Option<Disposal>,
}

/// How a frame is drawn and disposed of.
#[derive(Clone, Copy)]
struct Placement {
    left: u32,
    top: u32,
    size: ImageSize,
    blend: Blend,
    disposal: Dispose,
}

#[derive(Clone, Copy)]
enum Blend {
    Replace,
    Over,
}

#[derive(Clone, Copy)]
enum Dispose {
    Keep,
    Clear,
    Restore,
}

enum Disposal {
    Clear(Placement),
    Restore(Vec<u8>),
}

impl Canvas {
    fn new(size: ImageSize) -> Self {
        let pixels = u64::from(size.width) * u64::from(size.height);
        let bytes = if pixels > MAX_PIXELS { 0 } else { 4 * pixels as usize };
        Self { size, pixels: vec![0; bytes], pending: None }
    }

    /// Draws a frame of pixels of `samples` bytes each.
    fn draw(&mut self, place: Placement, pixels: &[u8], samples: usize) -> Result<&[u8], String> {
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

/// Composes the frames of an animated WebP. Each is an image that could stand alone.
struct WebPAnimation {
    bytes: Vec<u8>,
    /// Offset of the next chunk.
    position: usize,
    canvas: Canvas,
}

impl WebPAnimation {
    fn open(bytes: Vec<u8>) -> Result<Self, String> {
        // `RIFF`, a length, `WEBP`; then the header of an extended file.
        let header = bytes.get(12..30).filter(|header| header.starts_with(b"VP8X"));
        let header = header.ok_or("it has frames of an animation and is not marked as one")?;
        let size =
            ImageSize { width: number(&header[12..15]) + 1, height: number(&header[15..18]) + 1 };
        Ok(Self { bytes, position: 12, canvas: Canvas::new(size) })
    }

    fn next_frame(&mut self) -> Result<&[u8], String> {
        let cut = || "the file ends within a frame".to_owned();
        loop {
            let chunk = self.bytes.get(self.position..).unwrap_or_default();
            let head = chunk.first_chunk::<8>().ok_or_else(cut)?;
            let length = u32::from_le_bytes([head[4], head[5], head[6], head[7]]) as usize;
            let body = chunk.get(8..8 + length).ok_or_else(cut)?;
            // Chunks are padded to even lengths.
            self.position += 8 + length.next_multiple_of(2);
            if !head.starts_with(b"ANMF") {
                continue;
            }
            let (place, picture) = body.split_at_checked(16).ok_or_else(cut)?;
            let flags = place[15];
            let place = Placement {
                left: 2 * number(&place[0..3]),
                top: 2 * number(&place[3..6]),
                size: ImageSize {
                    width: number(&place[6..9]) + 1,
                    height: number(&place[9..12]) + 1,
                },
                blend: if flags & 2 == 0 { Blend::Over } else { Blend::Replace },
                disposal: if flags & 1 == 0 { Dispose::Keep } else { Dispose::Clear },
            };
            let (pixels, samples) = decode_alone(place.size, picture)?;
            return self.canvas.draw(place, &pixels, samples);
        }
    }
}

/// A number of three bytes.
fn number(bytes: &[u8]) -> u32 {
    bytes.iter().rev().fold(0, |number, byte| (number << 8) | u32::from(*byte))
}

/// Decodes the chunks of a frame as a separate file: pixels, and the number of bytes per pixel.
fn decode_alone(size: ImageSize, chunks: &[u8]) -> Result<(Vec<u8>, usize), String> {
    let mut file = b"WEBP".to_vec();
    if chunks.starts_with(b"ALPH") {
        file.extend(b"VP8X\x0a\0\0\0\x10\0\0\0");
        file.extend(&(size.width - 1).to_le_bytes()[..3]);
        file.extend(&(size.height - 1).to_le_bytes()[..3]);
    }
    file.extend(chunks);
    let length = u32::try_from(file.len()).map_err(|_too_long| "a frame is too long")?;
    let file = [b"RIFF", &length.to_le_bytes()[..], &file].concat();
    let failed = |error: image_webp::DecodingError| error.to_string();
    let mut decoder = WebPDecoder::new(Cursor::new(file)).map_err(failed)?;
    decoder.set_memory_limit(MAX_DECODER_BYTES);
    if decoder.dimensions() != (size.width, size.height) || decoder.is_animated() {
        return Err("a frame has another size than its header says".to_owned());
    }
    let bytes = decoder.output_buffer_size().ok_or("a frame is too large")?;
    let mut pixels = vec![0; bytes];
    decoder.read_image(&mut pixels).map_err(failed)?;
    Ok((pixels, if decoder.has_alpha() { 4 } else { 3 }))
}

/// Composes the frames of an APNG.
struct PngAnimation {
    reader: png::Reader<Cursor<Vec<u8>>>,
    canvas: Canvas,
}

impl PngAnimation {
    fn open(stream: Cursor<Vec<u8>>) -> Result<Self, String> {
        let limits = png::Limits { bytes: MAX_DECODER_BYTES };
        let mut decoder = png::Decoder::new_with_limits(stream, limits);
        decoder.set_transformations(png::Transformations::normalize_to_color8());
        let mut reader = decoder.read_info().map_err(|error| error.to_string())?;
        let (width, height) = reader.info().size();
        let canvas = Canvas::new(ImageSize { height, width });
        // An image outside the animation is a fallback for programs without support for animation.
        if !canvas.pixels.is_empty() && reader.info().frame_control().is_none() {
            let bytes = reader.output_buffer_size().ok_or("the frames are too large")?;
            reader.next_frame(&mut vec![0; bytes]).map_err(|error| error.to_string())?;
        }
        Ok(Self { reader, canvas })
    }

    fn next_frame(&mut self) -> Result<&[u8], String> {
        let bytes = self.reader.output_buffer_size().ok_or("the frames are too large")?;
        let mut pixels = vec![0; bytes];
        let frame = self.reader.next_frame(&mut pixels).map_err(|error| error.to_string())?;
        let Some(place) = self.reader.info().frame_control() else {
            return Err("a frame has no place".to_owned());
        };
        let place = Placement {
            left: place.x_offset,
            top: place.y_offset,
            size: ImageSize { height: frame.height, width: frame.width },
            blend: match place.blend_op {
                png::BlendOp::Source => Blend::Replace,
                png::BlendOp::Over => Blend::Over,
            },
            disposal: match place.dispose_op {
                png::DisposeOp::None => Dispose::Keep,
                png::DisposeOp::Background => Dispose::Clear,
                png::DisposeOp::Previous => Dispose::Restore,
            },
        };
        self.canvas.draw(place, &pixels, frame.color_type.samples())
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
