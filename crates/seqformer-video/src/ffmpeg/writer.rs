//! Encodes frames into an mp4 file.

use std::borrow::Cow;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{ChildStdin, Stdio};

use seqformer_data::RgbImage;
use seqformer_masks::ImageSize;

use super::{FfmpegProcess, FfmpegProgram, add_threads, command, matroska, outcome};
use crate::error::VideoError;
use crate::format::FilmFormat;
use crate::timing::Timing;

/// The colour space that players assume by default.
const FILTER: &str = "scale=out_color_matrix=bt709:out_range=tv,format=yuv420p";

/// Precise enough for every rate; MPEG's clock.
const TIME_BASE: &str = "1/90000";

/// A video file being written. All frames have the same size.
#[derive(Debug)]
pub(crate) struct VideoWriter {
    /// When frames are shown, if they are sent with times.
    timing: Option<Timing>,
    written: usize,
    /// The name for messages; the data goes to another file.
    name: PathBuf,
    // Declared before `process`: ffmpeg ends when its input closes.
    stdin: Option<ChildStdin>,
    process: Option<FfmpegProcess>,
}

impl VideoWriter {
    /// Starts encoding frames of `size` into `file`; messages use `name`.
    pub(crate) fn start(
        ffmpeg: &FfmpegProgram,
        file: &Path,
        name: &Path,
        size: ImageSize,
        format: &FilmFormat,
    ) -> Result<Self, VideoError> {
        let even = even_size(size);
        let frame_bytes = 3 * even.width as usize * even.height as usize;
        let timing = (format.timing.rate.is_none() && matroska::can_hold(frame_bytes))
            .then(|| format.timing.clone());
        let mut command = command(&ffmpeg.path, "error");
        if timing.is_some() {
            command.args(["-f", "matroska", "-i", "pipe:0"]);
        } else {
            let dimensions = format!("{}x{}", even.width, even.height);
            let rate = format.timing.rate;
            let rate =
                rate.map_or_else(|| format.timing.mean_fps().to_string(), |rate| rate.to_string());
            command.args(["-f", "rawvideo", "-pix_fmt", "rgb24", "-s", &dimensions]);
            command.args(["-r", &rate, "-i", "pipe:0"]);
        }
        let aspect = format.pixel_aspect.filter(|aspect| !aspect.is_square());
        let shape = aspect.map(|aspect| format!(",setsar={}/{}", aspect.width, aspect.height));
        let filters = format!("{FILTER}{}", shape.unwrap_or_default());
        command
            .args(["-an", "-vf", &filters, "-c:v", "libx264", "-preset", "veryfast", "-crf", "20"]);
        if timing.is_some() {
            command.args(["-fps_mode", "passthrough", "-enc_time_base", TIME_BASE]);
        }
        add_threads(&mut command, ffmpeg);
        command.args(["-colorspace", "bt709", "-color_primaries", "bt709", "-color_trc", "bt709"]);
        let mut target = std::ffi::OsString::from("file:");
        target.push(file);
        command.args(["-movflags", "+faststart", "-f", "mp4", "-y"]).arg(target);
        let mut process = FfmpegProcess::spawn(&mut command, Stdio::piped(), Stdio::null())?;
        let stdin = process.take_stdin();
        let head = timing.is_some().then(|| matroska::header(even));
        let name = name.to_path_buf();
        let mut writer = Self { timing, written: 0, name, stdin, process: Some(process) };
        writer.send(&head.unwrap_or_default())?;
        Ok(writer)
    }

    /// Adds a frame.
    pub(crate) fn write(&mut self, image: &RgbImage) -> Result<(), VideoError> {
        let pixels = padded(image);
        if let Some(timing) = &self.timing {
            let time = timing.times.get(self.written).map(|time| time - timing.start());
            // Frames beyond the known times follow at the last interval.
            let beyond = (self.written + 1).saturating_sub(timing.times.len()) as f64;
            let last = timing.times.last().map_or(0.0, |last| last - timing.start());
            let time = time.unwrap_or(last + beyond * timing.last_duration);
            let head = matroska::frame_header(time, timing.duration(self.written), pixels.len());
            self.send(&head)?;
        }
        self.written += 1;
        self.send(&pixels)
    }

    fn send(&mut self, bytes: &[u8]) -> Result<(), VideoError> {
        let Some(stdin) = &mut self.stdin else { return Err(self.failed(None)) };
        match stdin.write_all(bytes) {
            Ok(()) => Ok(()),
            // The pipe broke because ffmpeg failed; report its message.
            Err(error) => Err(self.failed(Some(error))),
        }
    }

    /// Completes the file.
    pub(crate) fn finish(mut self) -> Result<(), VideoError> {
        self.stdin = None;
        let Some(process) = self.process.take() else { return Err(self.failed(None)) };
        let (status, lines) = process.wait();
        if status.is_some_and(|status| status.success()) {
            return Ok(());
        }
        Err(VideoError::Encode { path: self.name.clone(), reason: outcome(status, &lines) })
    }

    fn failed(&mut self, error: Option<std::io::Error>) -> VideoError {
        self.stdin = None;
        let reason = match (self.process.take(), error) {
            (Some(process), _) => {
                let (status, lines) = process.wait();
                outcome(status, &lines)
            }
            (None, Some(error)) => error.to_string(),
            (None, None) => "an earlier frame failed".to_owned(),
        };
        VideoError::Encode { path: self.name.clone(), reason }
    }
}

/// 4:2:0 halves both sides.
fn even_size(size: ImageSize) -> ImageSize {
    ImageSize { height: size.height.next_multiple_of(2), width: size.width.next_multiple_of(2) }
}

/// The pixels of `image` with an odd last column and row repeated, so that no dark edge appears.
fn padded(image: &RgbImage) -> Cow<'_, [u8]> {
    let even = even_size(image.size);
    if even == image.size || image.pixels.is_empty() {
        return Cow::Borrowed(&image.pixels);
    }
    let row_bytes = image.size.width as usize * 3;
    let mut pixels = Vec::with_capacity(even.width as usize * even.height as usize * 3);
    let last = image.size.height as usize - 1;
    for y in 0..even.height as usize {
        let row = &image.pixels[y.min(last) * row_bytes..][..row_bytes];
        pixels.extend_from_slice(row);
        if even.width != image.size.width {
            pixels.extend_from_slice(&row[row_bytes - 3..]);
        }
    }
    Cow::Owned(pixels)
}
