//! What ffmpeg says about a video before decoding it. There is no ffprobe to ask.

use std::path::Path;
use std::process::Stdio;

use super::{FfmpegProcess, add_input, command, last_lines};
use crate::error::VideoError;

/// A frame rate or length beyond this is nonsense in the file.
const MAX_FPS: f64 = 1000.0;
const MAX_SECONDS: f64 = 1e7;

/// The facts about a video that help before its frames are read. Frame sizes are not among them:
/// rotation can swap them, so they are taken from the frames.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct VideoInfo {
    /// Frames per second.
    pub(crate) fps: Option<f64>,
    /// Length from the file's header.
    pub(crate) seconds: Option<f64>,
}

impl VideoInfo {
    /// The number of frames that the header promises.
    pub(crate) fn frame_count(&self) -> Option<usize> {
        Some((self.fps? * self.seconds?).round() as usize)
    }
}

/// Asks ffmpeg about the file at `path`.
pub(crate) fn probe(ffmpeg: &Path, path: &Path) -> Result<VideoInfo, VideoError> {
    let mut command = command(ffmpeg, "info");
    add_input(&mut command, path);
    let (_status, lines) = FfmpegProcess::spawn(&mut command, Stdio::null(), Stdio::null())?.wait();
    let reason = if !lines.iter().any(|line| line.starts_with("Input #0")) {
        format!("ffmpeg: {}", last_lines(&lines))
    } else if !lines.iter().any(|line| is_video_stream(line)) {
        "the file has no video stream, or its header is damaged".to_owned()
    } else {
        return Ok(parse(&lines));
    };
    Err(VideoError::NoFrames { path: path.to_path_buf(), reason })
}

fn is_video_stream(line: &str) -> bool {
    line.trim_start().starts_with("Stream #") && line.contains(": Video: ")
}

fn parse(lines: &[String]) -> VideoInfo {
    let stream = lines.iter().find(|line| is_video_stream(line));
    // The average rate (`fps`) or, where the container has none, the guess from time stamps.
    let fps = stream.and_then(|line| rate(line, " fps").or_else(|| rate(line, " tbr")));
    let seconds = lines
        .iter()
        .find_map(|line| line.trim_start().strip_prefix("Duration: "))
        .and_then(|text| duration(text.split(',').next().unwrap_or_default()));
    VideoInfo { fps, seconds }
}

/// The number before `unit`, in a list parted by commas: `…, 23.98 fps, 23.98 tbr, 12k tbn`.
fn rate(line: &str, unit: &str) -> Option<f64> {
    let field = line.split(',').map(str::trim).find(|field| field.ends_with(unit))?;
    let number = field.strip_suffix(unit)?;
    let value = match number.strip_suffix('k') {
        Some(thousands) => thousands.parse::<f64>().ok()? * 1000.0,
        None => number.parse().ok()?,
    };
    (value > 0.0 && value <= MAX_FPS).then_some(value)
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
