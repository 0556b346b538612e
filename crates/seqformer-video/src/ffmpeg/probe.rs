//! What ffmpeg reports about a video before decoding it. ffprobe may not be available.

use std::path::Path;
use std::process::Stdio;

use super::{FfmpegProcess, add_input, command, last_lines};
use crate::error::VideoError;
use crate::timing::{FrameRate, TimeStamps};

/// Frame rates from here on, and longer lengths, are bogus. Containers with time stamps in milliseconds are reported as
/// "1k fps" if they do not specify a rate.
const ABSURD_FPS: f64 = 1000.0;
const MAX_SECONDS: f64 = 1e7;
/// What ffmpeg adds to the pixels of a stream that is marked as default.
const DEFAULT_BONUS: u64 = 5_000_000;

/// Facts about a video that are needed before its frames are read. Frame sizes are not among them: rotation can swap
/// them, so they are taken from the frames.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct VideoInfo {
    /// Index of the selected stream in the file.
    pub(crate) stream: usize,
    /// Frames per second, if the header is plausible.
    pub(crate) fps: Option<f64>,
    /// Frames per second according to the header.
    pub(crate) claimed_fps: Option<f64>,
    /// Length according to the header.
    pub(crate) seconds: Option<f64>,
    /// The transfer function, if it is HDR.
    pub(crate) hdr: Option<Hdr>,
    /// Notes for the user.
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
    /// The number of frames according to the header.
    pub(crate) fn frame_count(&self) -> Option<usize> {
        Some((self.fps? * self.seconds?).round() as usize)
    }

    /// What is known about the times of frames before they are read.
    pub(crate) fn time_stamps(&self) -> TimeStamps {
        let nearest = |fps: Option<f64>| fps.and_then(FrameRate::nearest);
        let (believed, claimed) = (nearest(self.fps), nearest(self.claimed_fps));
        TimeStamps { claimed, believed, ..TimeStamps::default() }
    }
}

/// Probes the file at `path`.
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

/// The audio codecs of the file, in order.
pub(super) fn sounds(ffmpeg: &Path, path: &Path) -> Result<Vec<Sound>, VideoError> {
    let lines = describe(ffmpeg, path)?;
    let sound = |stream: Stream<'_>| {
        (stream.kind == "Audio")
            .then(|| Sound { stream: stream.index, codec: stream.codec().to_owned() })
    };
    Ok(streams(&lines).filter_map(sound).collect())
}

/// An audio stream.
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
    /// Codec, size, rates and flags, separated by commas.
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

    /// Width and height in the header; `None` if not specified.
    fn size(&self) -> Option<(u64, u64)> {
        self.text.split(", ").skip(1).find_map(|field| {
            let (width, height) = field.split(' ').next()?.split_once('x')?;
            Some((width.parse().ok()?, height.parse().ok()?))
        })
    }

    /// The criterion by which ffmpeg selects one of several streams.
    fn rank(&self) -> u64 {
        let pixels = self.size().map_or(0, |(width, height)| width.saturating_mul(height));
        let bonus = if self.text.contains("(default)") { DEFAULT_BONUS } else { 0 };
        pixels.saturating_add(bonus)
    }

    /// A description for users.
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
    // The first of the best, as ffmpeg selects without `-map`.
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
    // The average rate (`fps`) or, if the container has none, the estimate from time stamps.
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

/// The number before `unit` in a comma-separated list: `…, 23.98 fps, 23.98 tbr, 12k tbn`.
fn rate(line: &str, unit: &str) -> Option<f64> {
    let field = line.split(',').map(str::trim).find(|field| field.ends_with(unit))?;
    let number = field.strip_suffix(unit)?;
    let value = match number.strip_suffix('k') {
        Some(thousands) => thousands.parse::<f64>().ok()? * 1000.0,
        None => number.parse().ok()?,
    };
    (value > 0.0 && value.is_finite()).then_some(value)
}

/// Seconds in `00:01:02.50`; `None` for `N/A`.
fn duration(text: &str) -> Option<f64> {
    let mut seconds = 0.0;
    for part in text.trim().split(':') {
        seconds = seconds * 60.0 + part.parse::<f64>().ok()?;
    }
    (seconds > 0.0 && seconds < MAX_SECONDS).then_some(seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(lines: &[&str]) -> Option<VideoInfo> {
        let lines: Vec<String> = lines.iter().map(|line| (*line).to_owned()).collect();
        parse(&lines)
    }

    fn info(
        stream: usize,
        fps: Option<f64>,
        claimed_fps: Option<f64>,
        seconds: Option<f64>,
    ) -> VideoInfo {
        VideoInfo { stream, fps, claimed_fps, seconds, hdr: None, notes: Vec::new() }
    }

    #[test]
    fn stream_lines_give_rate_and_length() {
        let check = |stream: &str, length: &str, expected: VideoInfo| {
            let found = parsed(&["Input #0, x, from 'file:a':", length, stream]);
            assert_eq!(found, Some(expected), "{stream}");
        };
        check(
            "  Stream #0:0[0x1](und): Video: mpeg4 (Simple Profile) (mp4v / 0x7634706D), yuv420p, 1920x1080 [SAR 1:1 DAR 16:9], 1112 kb/s, 3 fps, 3 tbr, 12288 tbn (default)",
            "  Duration: 00:00:02.67, start: 0.000000, bitrate: 1115 kb/s",
            info(0, Some(3.0), Some(3.0), Some(2.67)),
        );
        check(
            "  Stream #0:1: Video: vp9, gbrp(pc), 161x121, SAR 1:1 DAR 161:121, 23.98 tbr, 1k tbn",
            "  Duration: N/A, bitrate: N/A",
            info(1, Some(23.98), Some(23.98), None),
        );
        check(
            "  Stream #0:1: Video: h264, 1k fps, 25 tbr",
            "  Duration: 01:00:00.50, x",
            info(1, Some(25.0), Some(1000.0), Some(3600.5)),
        );
        check(
            "  Stream #0:1: Video: h264, 90k fps, x tbr",
            "  Duration: 00:00:00.00",
            info(1, None, Some(90000.0), None),
        );
    }

    #[test]
    fn a_cover_is_no_film() {
        let cover = "  Stream #0:0[0x0]: Video: mjpeg (Baseline), yuvj420p(pc, bt470bg/unknown/unknown), 5000x5000 [SAR 1:1 DAR 1:1], 90k tbr, 90k tbn (attached pic)";
        let film = "  Stream #0:1[0x1](und): Video: h264 (High) (avc1 / 0x31637661), yuv420p(progressive), 96x96, 61 kb/s, 10 fps, 10 tbr, 10240 tbn (default)";
        assert_eq!(parsed(&[cover, film]), Some(info(1, Some(10.0), Some(10.0), None)));
        assert_eq!(parsed(&[cover]), None);
    }

    #[test]
    fn of_several_films_the_choice_is_that_of_ffmpeg_and_said() {
        let small = "  Stream #0:0: Video: h264, yuv420p, 320x180 [SAR 1:1 DAR 16:9], 25 fps, 25 tbr, 1k tbn";
        let large = "  Stream #0:2(eng): Video: hevc (Main 10), yuv420p10le(tv, bt2020nc/bt2020/smpte2084), 640x360, 30 fps, 30 tbr, 1k tbn";
        let chosen = parsed(&[small, "  Stream #0:1: Audio: aac", large]).unwrap();
        assert_eq!((chosen.stream, chosen.fps, chosen.hdr), (2, Some(30.0), Some(Hdr::Pq)));
        assert_eq!(
            chosen.notes,
            [
                "of several video streams, #2 (hevc, 640x360) is read, which is also ffmpeg's choice; ignored: #0 (h264, \
                 320x180)"
            ]
        );
        let default = format!("{small} (default)");
        assert_eq!(parsed(&[&default, large]).unwrap().stream, 0);
        assert_eq!(parsed(&[small, small]).unwrap().stream, 0);
    }

    #[test]
    fn the_promised_number_of_frames_is_rounded() {
        assert_eq!(info(0, Some(3.0), None, Some(2.67)).frame_count(), Some(8));
        assert_eq!(info(0, None, None, Some(2.67)).frame_count(), None);
    }
}
