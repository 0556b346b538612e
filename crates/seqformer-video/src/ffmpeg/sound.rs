//! Combines the sound of one file with the video of another.

use std::path::Path;
use std::process::Stdio;

use super::probe::{Sound, sounds};
use super::{FfmpegProcess, FfmpegProgram, command, outcome};
use crate::error::VideoError;

/// Codecs that mp4 supports. Others are converted to AAC.
const COPIED: [&str; 8] = ["aac", "mp3", "ac3", "eac3", "opus", "flac", "alac", "dts"];

/// A silent video, and the file with its sound.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SilentFilm<'a> {
    /// The video.
    pub(crate) film: &'a Path,
    /// The time of the first frame, in seconds of the file with the sound.
    pub(crate) start: f64,
    /// The file with the sound.
    pub(crate) sound_of: &'a Path,
}

/// Writes the video with all its sound to the file `target`; sound is copied if mp4 supports its codec.
///
/// Returns whether there was any sound, and notes for the user. `target` is a video only if there was.
pub(crate) fn add_sound(
    ffmpeg: &FfmpegProgram,
    silent: SilentFilm<'_>,
    target: &Path,
) -> Result<(bool, Vec<String>), VideoError> {
    let found = sounds(&ffmpeg.path, silent.sound_of)?;
    if found.is_empty() {
        return Ok((false, Vec::new()));
    }
    let is_copied = |sound: &Sound| COPIED.contains(&sound.codec.as_str());
    let others: Vec<&str> =
        found.iter().filter(|sound| !is_copied(sound)).map(|sound| sound.codec.as_str()).collect();
    let mut notes = Vec::new();
    if !others.is_empty() {
        notes.push(format!(
            "mp4 cannot contain sound in {}; it was converted to AAC",
            others.join(", ")
        ));
    }
    let as_it_is = |sound: &Sound| if is_copied(sound) { "copy" } else { "aac" };
    let Err(reason) = join(ffmpeg, silent, &found, as_it_is, target)? else {
        return Ok((true, notes));
    };
    tracing::debug!(reason, "the sound cannot be copied");
    match join(ffmpeg, silent, &found, |_sound| "aac", target)? {
        Ok(()) => {
            Ok((true, vec!["the sound could not be copied; it was converted to AAC".to_owned()]))
        }
        Err(reason) => Ok((false, vec![format!("without the sound of the video: {reason}")])),
    }
}

/// Runs ffmpeg once; the inner error is its message.
fn join(
    ffmpeg: &FfmpegProgram,
    silent: SilentFilm<'_>,
    sounds: &[Sound],
    codec: impl Fn(&Sound) -> &'static str,
    target: &Path,
) -> Result<Result<(), String>, VideoError> {
    let file = |path: &Path| {
        let mut name = std::ffi::OsString::from("file:");
        name.push(path);
        name
    };
    let mut command = command(&ffmpeg.path, "error");
    command.args(["-nostdin", "-protocol_whitelist", "file"]);
    command.args(["-itsoffset", &format!("{:.6}", silent.start), "-i"]).arg(file(silent.film));
    command.args(["-protocol_whitelist", "file", "-i"]).arg(file(silent.sound_of));
    command.args(["-map", "0:v", "-c:v", "copy"]);
    for (index, sound) in sounds.iter().enumerate() {
        command.args(["-map", &format!("1:{}", sound.stream)]);
        command.args([&format!("-c:a:{index}"), codec(sound)]);
    }
    // Older versions treat FLAC and others in mp4 as experimental.
    command.args(["-map_metadata", "-1", "-strict", "experimental"]);
    command.args(["-movflags", "+faststart", "-f", "mp4", "-y"]).arg(file(target));
    let process = FfmpegProcess::spawn(&mut command, Stdio::null(), Stdio::null())?;
    let (status, lines) = process.wait();
    // A damaged section of the sound is reported, and the rest is kept.
    let done = status.is_some_and(|status| status.success());
    Ok(if done { Ok(()) } else { Err(outcome(status, &lines)) })
}

/// The codecs of the sound of a file.
#[cfg(test)]
pub(crate) fn sound_codecs(ffmpeg: &FfmpegProgram, path: &Path) -> Vec<String> {
    sounds(&ffmpeg.path, path).unwrap().into_iter().map(|sound| sound.codec).collect()
}
