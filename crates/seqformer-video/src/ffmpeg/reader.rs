//! Decodes a video into frames.
//!
//! ffmpeg writes each frame as a PPM image, so that every frame has its own size: the size in the stream's header
//! differs from that of a rotated video.

use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{ChildStdout, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use seqformer_data::RgbImage;
use seqformer_masks::ImageSize;

use super::frame_info::{FILTER, FrameInfo, LOG_LEVEL, Line};
use super::probe::{VideoInfo, has_filters};
use super::{FfmpegProcess, FfmpegProgram, add_input, add_threads, command, outcome};
use crate::error::VideoError;
use crate::format::PixelAspect;

/// The largest accepted frame: 16384 x 16384, 768 MiB.
pub(crate) const MAX_PIXELS: u64 = 1 << 28;
/// A PPM header has a dozen bytes; the limit guards against a faulty decoder.
const MAX_HEADER_TOKEN: usize = 10;

/// A frame's time is printed before the frame is written; waiting longer would only hide a fault.
const TIME_PATIENCE: Duration = Duration::from_secs(20);
/// Tone mapping to SDR: from linear light to the primaries of BT.709 and a curve that preserves highlights.
const TONE_MAPPING: &str = "format=gbrpf32le,zscale=p=bt709,tonemap=tonemap=hable:desat=0,\
                            zscale=t=bt709:m=bt709:r=tv,format=yuv444p";

/// The frames of a video in order.
#[derive(Debug)]
pub(crate) struct VideoReader {
    path: PathBuf,
    // Declared before `process`, so that its end of the pipe closes first.
    stdout: Option<BufReader<ChildStdout>>,
    process: Option<FfmpegProcess>,
    infos: Option<Receiver<FrameInfo>>,
    decoded: usize,
    promised: Option<usize>,
    last_duration: Option<f64>,
    pixel_aspect: Option<PixelAspect>,
    warnings: Vec<String>,
}

/// A frame and its time.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct DecodedFrame {
    pub(crate) image: RgbImage,
    /// Seconds from the start of the file.
    pub(crate) time: Option<f64>,
}

impl VideoReader {
    /// Starts decoding the stream selected by `info`.
    pub(crate) fn start(
        ffmpeg: &FfmpegProgram,
        path: &Path,
        info: &VideoInfo,
    ) -> Result<Self, VideoError> {
        let mut warnings = Vec::new();
        let mut filters = FILTER.to_owned();
        if let Some(hdr) = info.hdr {
            let name = hdr.name();
            if has_filters(&ffmpeg.path, &["zscale", "tonemap"]) {
                // Properties missing in the header default to those of the HDR standards.
                let (transfer, linear) =
                    (hdr.transfer(), "pin=bt2020:min=bt2020nc:t=linear:npl=100");
                filters = format!("zscale=tin={transfer}:{linear},{TONE_MAPPING},{FILTER}");
                warnings.push(format!("{}: HDR ({name}), tone-mapped to SDR", path.display()));
            } else {
                warnings.push(format!(
                    "{}: HDR ({name}), and this ffmpeg cannot tone-map it (it lacks zscale): colours will look pale",
                    path.display()
                ));
            }
        }
        let mut command = command(&ffmpeg.path, LOG_LEVEL);
        add_threads(&mut command, ffmpeg);
        add_input(&mut command, path);
        // Passthrough, because the constant-rate default repeats and drops frames.
        let stream = format!("0:{}", info.stream);
        command.args(["-map", &stream, "-an", "-sn", "-dn", "-fps_mode", "passthrough"]);
        command.args(["-vf", &filters]);
        command.args(["-f", "image2pipe", "-c:v", "ppm", "-pix_fmt", "rgb24", "pipe:1"]);
        let (sender, infos) = channel();
        let listen = move |line: String| match Line::parse(&line) {
            // There is no receiver if reading was stopped early.
            Line::Frame(info) => sender.send(info).err().and(None),
            Line::Error(text) => Some(text),
            Line::Other => None,
        };
        let mut process =
            FfmpegProcess::spawn_listening(&mut command, Stdio::null(), Stdio::piped(), listen)?;
        let stdout = process.take_stdout().map(BufReader::new);
        Ok(Self {
            path: path.to_path_buf(),
            stdout,
            process: Some(process),
            infos: Some(infos),
            decoded: 0,
            promised: info.frame_count(),
            last_duration: None,
            pixel_aspect: None,
            warnings,
        })
    }

    /// The next frame; `None` at the end.
    pub(crate) fn next_frame(&mut self) -> Result<Option<DecodedFrame>, VideoError> {
        let Some(stdout) = &mut self.stdout else { return Ok(None) };
        match read_ppm(stdout) {
            Ok(Some(image)) => {
                self.decoded += 1;
                let time = self.take_info();
                Ok(Some(DecodedFrame { image, time }))
            }
            Ok(None) => self.finish(),
            // The decoder ended inside a frame: the frames before it count.
            Err(PpmError::Ended(error)) => {
                tracing::debug!(%error, path = %self.path.display(), "the decoder stopped early");
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

    /// Warnings; complete after the last frame.
    pub(crate) fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// How long the frame read last is shown, in seconds.
    pub(crate) fn last_duration(&self) -> Option<f64> {
        self.last_duration
    }

    /// Pixel aspect ratio, if the file specifies it; known with the first frame.
    pub(crate) fn pixel_aspect(&self) -> Option<PixelAspect> {
        self.pixel_aspect
    }

    /// The time of the frame read last.
    fn take_info(&mut self) -> Option<f64> {
        let info = self.infos.as_ref()?.recv_timeout(TIME_PATIENCE);
        let Ok(info) = info else {
            // From here on times and frames could be mismatched.
            self.infos = None;
            return None;
        };
        self.last_duration = info.duration;
        if self.decoded == 1 {
            self.pixel_aspect = info.pixel_aspect;
        }
        info.time
    }

    fn stop(&mut self) {
        self.stdout = None;
        self.process = None;
    }

    fn finish(&mut self) -> Result<Option<DecodedFrame>, VideoError> {
        self.stdout = None;
        let Some(process) = self.process.take() else { return Ok(None) };
        let (status, lines) = process.wait();
        if self.decoded == 0 {
            let reason = outcome(status, &lines);
            return Err(VideoError::NoFrames { path: self.path.clone(), reason });
        }
        if !lines.is_empty() || status.is_none_or(|status| !status.success()) {
            let of = self.promised.map(|count| format!(" of about {count}")).unwrap_or_default();
            self.warnings.push(format!(
                "{}: the video is damaged or ended early: {}{of} frames decoded, {}",
                self.path.display(),
                self.decoded,
                outcome(status, &lines),
            ));
        }
        Ok(None)
    }
}

/// Why a PPM image could not be read.
#[derive(Debug)]
pub(crate) enum PpmError {
    /// The stream ended early.
    Ended(io::Error),
    TooLarge(ImageSize),
    Malformed(String),
}

impl From<io::Error> for PpmError {
    fn from(error: io::Error) -> Self {
        Self::Ended(error)
    }
}

/// Reads one binary PPM image of 8 bits; `None` at the end of the stream.
pub(crate) fn read_ppm(stream: &mut impl Read) -> Result<Option<RgbImage>, PpmError> {
    let Some(magic) = token(stream)? else { return Ok(None) };
    if magic != "P6" {
        return Err(PpmError::Malformed(format!("{magic:?} instead of a PPM image")));
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

/// The bytes up to the next white space; `None` at the end of the stream.
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
mod tests {
    use super::*;

    #[test]
    fn pictures_follow_each_other_with_their_own_sizes() {
        let mut bytes: &[u8] = b"P6\n1 2\n255\nabcdefP6\n2 1\n255\n\nbcdef";
        let first = read_ppm(&mut bytes).unwrap().unwrap();
        assert_eq!(first.size, ImageSize { height: 2, width: 1 });
        assert_eq!(first.pixels, b"abcdef");
        let second = read_ppm(&mut bytes).unwrap().unwrap();
        assert_eq!(second.size, ImageSize { height: 1, width: 2 });
        assert_eq!(second.pixels, b"\nbcdef");
        assert!(read_ppm(&mut bytes).unwrap().is_none());
    }

    #[test]
    fn broken_pictures_are_errors() {
        let check = |mut bytes: &[u8], expected: &str| {
            let error = format!("{:?}", read_ppm(&mut bytes).unwrap_err());
            assert!(error.contains(expected), "{error}");
        };
        check(b"P5\n1 1\n255\na", "Malformed");
        check(b"P6\n1 1\n65535\nabcdef", "Malformed");
        check(b"P6\n0 1\n255\n", "Malformed");
        check(b"P6\n-1 1\n255\n", "Malformed");
        check(b"P6\n99999 99999\n255\n", "TooLarge");
        check(b"P6\n1 1\n255\nab", "Ended");
        check(b"P6\n1 ", "Malformed");
        check(&[b'x'; 64], "Malformed");
    }
}
