//! What ffmpeg says about a video before decoding it. There is no ffprobe to ask.

use std::path::Path;
use std::process::Stdio;

use super::{FfmpegProcess, add_input, command, last_lines};
use crate::error::VideoError;
use crate::timing::{FrameRate, TimeStamps};

/// From this frame rate on, and beyond this length, the file's header is nonsense. Containers whose time
/// stamps count milliseconds come as "1k fps" when they say nothing about their rate.
const ABSURD_FPS: f64 = 1000.0;
const MAX_SECONDS: f64 = 1e7;
/// What ffmpeg adds to the pixels of a stream that is marked as the default one.
const DEFAULT_BONUS: u64 = 5_000_000;

/// The facts about a video that help before its frames are read. Frame sizes are not among them:
/// rotation can swap them, so they are taken from the frames.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct VideoInfo {
    /// Index in the file of the stream that is read.
    pub(crate) stream: usize,
    /// Frames per second, as far as the header is to be believed.
    pub(crate) fps: Option<f64>,
    /// Frames per second, as the header claims.
    pub(crate) claimed_fps: Option<f64>,
    /// Length from the file's header.
    pub(crate) seconds: Option<f64>,
    /// How bright its samples are meant to be, if that is beyond an ordinary screen.
    pub(crate) hdr: Option<Hdr>,
    /// What a user may want to know.
    pub(crate) notes: Vec<String>,
}

/// Transfer functions of high dynamic range.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Hdr {
    /// SMPTE ST 2084, of HDR10 and Dolby Vision.
    Pq,
    /// ARIB STD-B67, of phones and broadcasts.
    Hlg,
}

impl Hdr {
    /// ffmpeg's name of the transfer function.
    pub(crate) fn transfer(self) -> &'static str {
        match self {
            Self::Pq => "smpte2084",
            Self::Hlg => "arib-std-b67",
        }
    }

    /// The name for messages.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Pq => "PQ",
            Self::Hlg => "HLG",
        }
    }
}

impl VideoInfo {
    /// The number of frames that the header promises.
    pub(crate) fn frame_count(&self) -> Option<usize> {
        Some((self.fps? * self.seconds?).round() as usize)
    }

    /// What is known of the times of frames before they are read.
    pub(crate) fn time_stamps(&self) -> TimeStamps {
        let nearest = |fps: Option<f64>| fps.and_then(FrameRate::nearest);
        let (believed, claimed) = (nearest(self.fps), nearest(self.claimed_fps));
        TimeStamps { claimed, believed, ..TimeStamps::default() }
    }
}

/// Asks ffmpeg about the file at `path`.
pub(crate) fn probe(ffmpeg: &Path, path: &Path) -> Result<VideoInfo, VideoError> {
    let lines = describe(ffmpeg, path)?;
    let is_opened = lines.iter().any(|line| line.starts_with("Input #0"));
    let reason = match parse(&lines).filter(|_| is_opened) {
        Some(info) => return Ok(info),
        None if !is_opened => format!("ffmpeg: {}", last_lines(&lines)),
        None if videos(&lines).next().is_some() => "its only image is cover art".to_owned(),
        None => "the file has no video stream, or its header is damaged".to_owned(),
    };
    Err(VideoError::NoFrames { path: path.to_path_buf(), reason })
}

/// The codecs of the file's sound, in its order.
pub(super) fn sounds(ffmpeg: &Path, path: &Path) -> Result<Vec<Sound>, VideoError> {
    let lines = describe(ffmpeg, path)?;
    let sound = |stream: Stream<'_>| {
        (stream.kind == "Audio")
            .then(|| Sound { stream: stream.index, codec: stream.codec().to_owned() })
    };
    Ok(streams(&lines).filter_map(sound).collect())
}

/// A stream of sound.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Sound {
    /// Index in the file.
    pub(super) stream: usize,
    /// ffmpeg's name of the codec.
    pub(super) codec: String,
}

/// Whether ffmpeg has all filters of these names.
pub(super) fn has_filters(ffmpeg: &Path, names: &[&str]) -> bool {
    let mut command = std::process::Command::new(ffmpeg);
    command.args(["-hide_banner", "-filters"]);
    let Ok(output) = command.stdin(Stdio::null()).output() else { return false };
    let text = String::from_utf8_lossy(&output.stdout);
    let known = |name: &&str| text.lines().any(|line| line.split_whitespace().nth(1) == Some(name));
    names.iter().all(known)
}

fn describe(ffmpeg: &Path, path: &Path) -> Result<Vec<String>, VideoError> {
    let mut command = command(ffmpeg, "info");
    add_input(&mut command, path);
    let (_status, lines) = FfmpegProcess::spawn(&mut command, Stdio::null(), Stdio::null())?.wait();
    Ok(lines)
}

/// A line that describes a stream.
#[derive(Debug, Clone, Copy)]
struct Stream<'a> {
    index: usize,
    kind: &'a str,
    /// Codec, size, rates and marks, parted by commas.
    text: &'a str,
}

impl<'a> Stream<'a> {
    /// Reads `Stream #0:1[0x2](und): Video: h264 (High), yuv420p, 96x96, 10 fps (default)`.
    fn parse(line: &'a str) -> Option<Self> {
        let rest = line.trim_start().strip_prefix("Stream #0:")?;
        let digits = rest.find(|c: char| !c.is_ascii_digit())?;
        let index = rest[..digits].parse().ok()?;
        let (_name, rest) = rest.split_once(": ")?;
        let (kind, text) = rest.split_once(": ")?;
        Some(Self { index, kind, text })
    }

    fn codec(&self) -> &'a str {
        self.text.split([' ', ',']).next().unwrap_or_default()
    }

    fn is_cover(&self) -> bool {
        self.text.contains("(attached pic)") || self.text.contains("(timed thumbnails)")
    }

    /// Width and height as written in the header; none if it does not say.
    fn size(&self) -> Option<(u64, u64)> {
        self.text.split(", ").skip(1).find_map(|field| {
            let (width, height) = field.split(' ').next()?.split_once('x')?;
            Some((width.parse().ok()?, height.parse().ok()?))
        })
    }

    /// By what ffmpeg chooses among several.
    fn rank(&self) -> u64 {
        let pixels = self.size().map_or(0, |(width, height)| width.saturating_mul(height));
        let bonus = if self.text.contains("(default)") { DEFAULT_BONUS } else { 0 };
        pixels.saturating_add(bonus)
    }

    /// How a user tells it from others.
    fn shown(&self) -> String {
        let size = self.size().map(|(width, height)| format!(", {width}x{height}"));
        format!("#{} ({}{})", self.index, self.codec(), size.unwrap_or_default())
    }
}

fn streams(lines: &[String]) -> impl Iterator<Item = Stream<'_>> {
    lines.iter().filter_map(|line| Stream::parse(line))
}

fn videos(lines: &[String]) -> impl Iterator<Item = Stream<'_>> {
    streams(lines).filter(|stream| stream.kind == "Video")
}

fn parse(lines: &[String]) -> Option<VideoInfo> {
    let films = || videos(lines).filter(|stream| !stream.is_cover());
    // The first of the best, as ffmpeg without `-map`.
    let stream =
        films().reduce(|best, next| if next.rank() > best.rank() { next } else { best })?;
    let others: Vec<String> =
        films().filter(|other| other.index != stream.index).map(|other| other.shown()).collect();
    let mut notes = Vec::new();
    if !others.is_empty() {
        notes.push(format!(
            "of several video streams, {} is read, which is also ffmpeg's choice; ignored: {}",
            stream.shown(),
            others.join(", ")
        ));
    }
    // The average rate (`fps`) or, where the container has none, the guess from time stamps.
    let rates = [" fps", " tbr"].map(|unit| rate(stream.text, unit));
    let claimed_fps = rates.into_iter().flatten().next();
    let fps = rates.into_iter().flatten().find(|&fps| fps < ABSURD_FPS);
    let seconds = lines
        .iter()
        .find_map(|line| line.trim_start().strip_prefix("Duration: "))
        .and_then(|text| duration(text.split(',').next().unwrap_or_default()));
    let hdr = [Hdr::Pq, Hdr::Hlg].into_iter().find(|hdr| stream.text.contains(hdr.transfer()));
    Some(VideoInfo { stream: stream.index, fps, claimed_fps, seconds, hdr, notes })
}

/// The number before `unit`, in a list parted by commas: `…, 23.98 fps, 23.98 tbr, 12k tbn`.
fn rate(line: &str, unit: &str) -> Option<f64> {
    let field = line.split(',').map(str::trim).find(|field| field.ends_with(unit))?;
    let number = field.strip_suffix(unit)?;
    let value = match number.strip_suffix('k') {
        Some(thousands) => thousands.parse::<f64>().ok()? * 1000.0,
        None => number.parse().ok()?,
    };
    (value > 0.0 && value.is_finite()).then_some(value)
}

/// Seconds in `00:01:02.50`; none for `N/A`.
fn duration(text: &str) -> Option<f64> {
    let mut seconds = 0.0;
    for part in text.trim().split(':') {
        seconds = seconds * 60.0 + part.parse::<f64>().ok()?;
    }
    (seconds > 0.0 && seconds < MAX_SECONDS).then_some(seconds)
}

#[cfg(test)]
mod tests;
