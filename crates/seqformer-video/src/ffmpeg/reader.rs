//! Decodes a video into frames.
//!
//! ffmpeg writes each frame as a PPM picture, so that every frame carries its own size: what the
//! stream's header says is not what comes out of a rotated video.

use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{ChildStdout, Stdio};

use seqformer_data::RgbImage;
use seqformer_masks::ImageSize;

use super::{FfmpegProcess, FfmpegProgram, add_input, add_threads, command, outcome};
use crate::error::VideoError;

/// The largest frame accepted: 16384 x 16384, 768 MiB.
pub(crate) const MAX_PIXELS: u64 = 1 << 28;
/// A PPM header is a dozen bytes; the bound is for a decoder gone wrong.
const MAX_HEADER_TOKEN: usize = 10;

/// The frames of a video, one after the other.
#[derive(Debug)]
pub(crate) struct VideoReader {
    path: PathBuf,
    // Before `process`: its end of the pipe closes first.
    stdout: Option<BufReader<ChildStdout>>,
    process: Option<FfmpegProcess>,
    decoded: usize,
    promised: Option<usize>,
    warning: Option<String>,
}

impl VideoReader {
    /// Starts decoding; `promised` is the number of frames that the header speaks of.
    pub(crate) fn start(
        ffmpeg: &FfmpegProgram,
        path: &Path,
        promised: Option<usize>,
    ) -> Result<Self, VideoError> {
        let mut command = command(&ffmpeg.path, "error");
        add_threads(&mut command, ffmpeg);
        add_input(&mut command, path);
        // Passthrough: the constant-rate default repeats and drops frames.
        command.args(["-map", "0:v:0", "-an", "-sn", "-dn", "-fps_mode", "passthrough"]);
        command.args(["-f", "image2pipe", "-c:v", "ppm", "-pix_fmt", "rgb24", "pipe:1"]);
        let mut process = FfmpegProcess::spawn(&mut command, Stdio::null(), Stdio::piped())?;
        let stdout = process.take_stdout().map(BufReader::new);
        let path = path.to_path_buf();
        Ok(Self { path, stdout, process: Some(process), decoded: 0, promised, warning: None })
    }

    /// The next frame, or none at the end.
    pub(crate) fn next_frame(&mut self) -> Result<Option<RgbImage>, VideoError> {
        let Some(stdout) = &mut self.stdout else { return Ok(None) };
        match read_ppm(stdout) {
            Ok(Some(image)) => {
                self.decoded += 1;
                Ok(Some(image))
            }
            Ok(None) => self.finish(),
            // The decoder died inside a frame: the frames before it count.
            Err(PpmError::Ended(error)) => {
                tracing::debug!(%error, path = %self.path.display(), "the decoder broke off");
                self.finish()
            }
            Err(PpmError::TooLarge(found)) => {
                self.stop();
                Err(VideoError::FrameTooLarge { path: self.path.clone(), limit: MAX_PIXELS, found })
            }
            Err(PpmError::Malformed(found)) => {
                self.stop();
                Err(VideoError::Decode { path: self.path.clone(), found })
            }
        }
    }

    /// Why the video may have ended early; known after the last frame.
    pub(crate) fn warning(&self) -> Option<&str> {
        self.warning.as_deref()
    }

    fn stop(&mut self) {
        self.stdout = None;
        self.process = None;
    }

    fn finish(&mut self) -> Result<Option<RgbImage>, VideoError> {
        self.stdout = None;
        let Some(process) = self.process.take() else { return Ok(None) };
        let (status, lines) = process.wait();
        if self.decoded == 0 {
            let reason = outcome(status, &lines);
            return Err(VideoError::NoFrames { path: self.path.clone(), reason });
        }
        if !lines.is_empty() || status.is_none_or(|status| !status.success()) {
            let of = self.promised.map(|count| format!(" of about {count}")).unwrap_or_default();
            self.warning = Some(format!(
                "{}: the video is damaged or ended early: {}{of} frames decoded, {}",
                self.path.display(),
                self.decoded,
                outcome(status, &lines),
            ));
        }
        Ok(None)
    }
}

/// Why a PPM picture could not be read.
#[derive(Debug)]
pub(crate) enum PpmError {
    /// The stream broke off.
    Ended(io::Error),
    TooLarge(ImageSize),
    Malformed(String),
}

impl From<io::Error> for PpmError {
    fn from(error: io::Error) -> Self {
        Self::Ended(error)
    }
}

/// Reads one binary PPM picture of 8 bits, or nothing at the end of the stream.
pub(crate) fn read_ppm(stream: &mut impl Read) -> Result<Option<RgbImage>, PpmError> {
    let Some(magic) = token(stream)? else { return Ok(None) };
    if magic != "P6" {
        return Err(PpmError::Malformed(format!("{magic:?} instead of a PPM picture")));
    }
    let width = number(stream)?;
    let height = number(stream)?;
    let depth = number(stream)?;
    if depth != 255 || width == 0 || height == 0 {
        return Err(PpmError::Malformed(format!("a PPM header of {width} {height} {depth}")));
    }
    let size = ImageSize { height, width };
    let count = u64::from(width) * u64::from(height);
    if count > MAX_PIXELS {
        return Err(PpmError::TooLarge(size));
    }
    let mut pixels = vec![0; count as usize * 3];
    stream.read_exact(&mut pixels)?;
    Ok(Some(RgbImage { size, pixels }))
}

fn number(stream: &mut impl Read) -> Result<u32, PpmError> {
    let text = token(stream)?.unwrap_or_default();
    text.parse().map_err(|_not_a_number| {
        PpmError::Malformed(format!("{text:?} instead of a number in a PPM header"))
    })
}

/// The bytes up to the next white space; none at the end of the stream.
fn token(stream: &mut impl Read) -> Result<Option<String>, PpmError> {
    let mut text = String::new();
    let mut byte = [0_u8];
    loop {
        match stream.read(&mut byte) {
            Ok(0) if text.is_empty() => return Ok(None),
            Ok(0) => return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into()),
            Ok(_) if byte[0].is_ascii_whitespace() => return Ok(Some(text)),
            Ok(_) => text.push(char::from(byte[0])),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error.into()),
        }
        if text.len() > MAX_HEADER_TOKEN {
            return Err(PpmError::Malformed(format!("{text:?} instead of a PPM header")));
        }
    }
}

#[cfg(test)]
mod tests;
